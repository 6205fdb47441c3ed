/**
 * SORT: simple online and realtime tracking (Bewley et al., ICIP 2016). Every track predicts its box by a Kalman filter;
 * predictions and detections are paired by IoU; a track is shown once it has been found often enough.
 */
import { AssignmentSolver } from "./assignment.js";
import { grown } from "./kalman.js";
import { TrackStore } from "./track-store.js";
import { fractionOption, integerOption, type Track, type Tracker, type TrackerBox } from "./tracker.js";

export interface SortOptions {
  /** Frames that a track outlives its last detection. Default 1. */
  readonly maxAge?: number;
  /** Frames in a row that a track must have been found after its birth to be shown. Default 3. */
  readonly minHits?: number;
  /** Least IoU of a prediction and a detection of the same object. Default 0.3. */
  readonly iouThreshold?: number;
  /** Most tracks alive: detections that would begin one more are left out. Default: no limit; firmware has one. */
  readonly maxTracks?: number;
  /** Id of the first track. Default 1: ids of every sequence's own; see `Tracker.born` for ids that run on. */
  readonly firstId?: number;
}

/** What a tracker of this kind goes by where it is not told. */
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
  /** per detection: its track's place, or -1; and the other way round */
  #trackOf = new Int32Array(0);
  #boxOf = new Int32Array(0);

  constructor(options: SortOptions = {}) {
    this.#maxAge = integerOption("sort", "maxAge", options.maxAge ?? sortDefaults.maxAge);
    this.#minHits = integerOption("sort", "minHits", options.minHits ?? sortDefaults.minHits);
    this.#maxTracks = options.maxTracks ?? Number.POSITIVE_INFINITY;
    this.#tracks = new TrackStore(integerOption("sort", "firstId", options.firstId ?? sortDefaults.firstId, 1));
    this.#iouThreshold = fractionOption("sort", "iouThreshold", options.iouThreshold ?? sortDefaults.iouThreshold);
  }

  /** Frames seen. */
  get frames(): number {
    return this.#frames;
  }

  /** Tracks ever begun, shown or not. */
  get born(): number {
    return this.#tracks.born;
  }

  /**
   * One frame on; call it for frames without detections too. Returns the tracks found in this frame that have been found
   * `minHits` frames in a row (in the first `minHits` frames: all found), youngest first.
   * @param into filled and returned instead of a new list, its objects used again: then a frame allocates nothing
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
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

  /** Pairs detections with predictions, corrects the paired tracks, begins tracks for the other detections. */
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
    // Ids are given first to detections that the assignment left out, then to those it paired with too little overlap.
    for (let r = 0; r < rows; r++) if (trackOf[r] < 0) this.#begin(r);
    for (let r = 0; r < rows; r++) {
      if (trackOf[r] >= 0 && iou[r * columns + trackOf[r]] < this.#iouThreshold) this.#begin(r);
    }
  }

  /**
   * Where no detection and no prediction has more than one partner above the threshold, and some have one, these partners
   * are the answer: then they are in `#trackOf` and the result is true.
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
