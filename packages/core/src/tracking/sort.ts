/**
 * SORT: simple online and realtime tracking (Bewley et al., ICIP 2016). Every track predicts its box with a Kalman
 * filter, predictions and detections are paired by IoU, and a track is returned once it has been found often enough.
 */
import { AssignmentSolver } from "./assignment.js";
import { grown } from "./kalman.js";
import { TrackStore } from "./track-store.js";
import { fractionOption, integerOption, type Track, type Tracker, type TrackerBox } from "./tracker.js";

export interface SortOptions {
  /** Frames that a track is kept without a detection. Default 1. */
  readonly maxAge?: number;
  /** Consecutive frames after its first in which a track must be found before it is returned. Default 3. */
  readonly minHits?: number;
  /** Minimum IoU of a prediction and a detection of the same object. Default 0.3. */
  readonly iouThreshold?: number;
  /**
   * Maximum number of live tracks; detections that would start more are dropped. Default: no limit (firmware has one).
   */
  readonly maxTracks?: number;
  /**
   * Id of the first track. Default 1, so that ids restart with each sequence; `Tracker.born` explains continuous ids.
   */
  readonly firstId?: number;
}

/** Defaults of this tracker's options. */
export const sortDefaults = { maxAge: 1, minHits: 3, iouThreshold: 0.3, firstId: 1 } as const;

export class Sort implements Tracker {
  readonly #maxAge: number;
  readonly #minHits: number;
  readonly #iouThreshold: number;
  readonly #maxTracks: number;
  readonly #solver = new AssignmentSolver();
  readonly #tracks: TrackStore;
  #frames = 0;
  #cost = new Float64Array(0);
  /** for each detection: its track's place, or -1; `#boxOf` is the reverse */
  #trackOf = new Int32Array(0);
  #boxOf = new Int32Array(0);

  constructor(options: SortOptions = {}) {
    this.#maxAge = integerOption("sort", "maxAge", options.maxAge ?? sortDefaults.maxAge);
    this.#minHits = integerOption("sort", "minHits", options.minHits ?? sortDefaults.minHits);
    this.#maxTracks = options.maxTracks ?? Number.POSITIVE_INFINITY;
    this.#tracks = new TrackStore(integerOption("sort", "firstId", options.firstId ?? sortDefaults.firstId, 1));
    this.#iouThreshold = fractionOption("sort", "iouThreshold", options.iouThreshold ?? sortDefaults.iouThreshold);
  }

  /** Number of frames processed. */
  get frames(): number {
    return this.#frames;
  }

  /** Number of tracks ever started, returned or not. */
  get born(): number {
    return this.#tracks.born;
  }

  /**
   * Advances by one frame; call it for frames without detections too. Returns the tracks found in this frame and in
   * `minHits` frames in a row (in the first `minHits` frames: all tracks found), youngest first.
   * @param into filled and returned instead of a new list, reusing its objects, so that a frame allocates nothing
   * @throws `tracking.box` for a box that is not finite or has no area; the tracker is then unchanged.
   */
  update(boxes: readonly TrackerBox[], into: Track[] = []): Track[] {
    const tracks = this.#tracks;
    tracks.read(boxes);
    this.#frames++;
    for (let place = 0; place < tracks.count; place++) {
      const slot = tracks.slots[place];
      if (tracks.age[slot] > 0) tracks.hits[slot] = 0;
    }
    tracks.predict();
    this.#pair();
    return this.#report(into);
  }

  /** Pairs detections with predictions, corrects the paired tracks, and starts tracks for the other detections. */
  #pair(): void {
    const tracks = this.#tracks;
    const rows = tracks.boxCount;
    const columns = tracks.count;
    for (let r = 0; r < rows; r++) tracks.rows[r] = r;
    for (let c = 0; c < columns; c++) tracks.columns[c] = c;
    tracks.overlaps(rows, columns);
    const { iou } = tracks;
    this.#trackOf = grown(this.#trackOf, rows);
    const trackOf = this.#trackOf;
    if (!this.#onlyPartners(rows, columns)) {
      trackOf.fill(-1, 0, rows);
      if (rows > 0 && columns > 0) {
        this.#cost = grown(this.#cost, rows * columns);
        for (let i = 0; i < rows * columns; i++) this.#cost[i] = -iou[i];
        this.#solver.solve(this.#cost, rows, columns);
        for (let r = 0; r < rows; r++) trackOf[r] = this.#solver.columnOfRow[r];
      }
    }
    for (let r = 0; r < rows; r++) {
      if (trackOf[r] >= 0 && !(iou[r * columns + trackOf[r]] < this.#iouThreshold)) tracks.correct(trackOf[r], r);
    }
    // Detections that the assignment left out get the first ids, then those that it paired with too little overlap.
    for (let r = 0; r < rows; r++) if (trackOf[r] < 0) this.#begin(r);
    for (let r = 0; r < rows; r++) {
      if (trackOf[r] >= 0 && iou[r * columns + trackOf[r]] < this.#iouThreshold) this.#begin(r);
    }
  }

  /**
   * Shortcut without an assignment: if no detection and no prediction has more than one partner above the threshold,
   * and at least one pair exists, writes the pairs to `#trackOf` and returns true.
   */
  #onlyPartners(rows: number, columns: number): boolean {
    this.#boxOf = grown(this.#boxOf, columns);
    const trackOf = this.#trackOf.fill(-1, 0, rows);
    const boxOf = this.#boxOf.fill(-1, 0, columns);
    const { iou } = this.#tracks;
    let some = false;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        if (!(iou[r * columns + c] > this.#iouThreshold)) continue;
        if (trackOf[r] >= 0 || boxOf[c] >= 0) return false;
        trackOf[r] = c;
        boxOf[c] = r;
        some = true;
      }
    }
    return some;
  }

  #begin(box: number): void {
    if (this.#tracks.count < this.#maxTracks) this.#tracks.begin(box);
  }

  #report(into: Track[]): Track[] {
    const tracks = this.#tracks;
    let shown = 0;
    for (let place = tracks.count - 1; place >= 0; place--) {
      const slot = tracks.slots[place];
      if (tracks.age[slot] > 0) continue;
      if (tracks.hits[slot] < this.#minHits && this.#frames > this.#minHits) continue;
      if (tracks.write(place, into, shown)) shown++;
    }
    tracks.end(this.#maxAge, this.#maxAge);
    return tracks.cut(into, shown);
  }
}
