/**
 * A tracker modelled on ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box",
 * ECCV 2022, section 3): low-score detections, which SORT must either trust or discard, are offered to tracks that
 * high-score detections did not match, and lost tracks wait long for their object. Motion is SORT's Kalman filter;
 * scores do not weight the overlap.
 */
import { AssignmentSolver } from "./assignment.js";
import { grown } from "./kalman.js";
import { TrackStore } from "./track-store.js";
import { fractionOption, integerOption, type Track, type Tracker, type TrackerBox } from "./tracker.js";

export interface ByteTrackOptions {
  /** Frames that a lost track is kept without a detection. Default 30. */
  readonly maxAge?: number;
  /** Minimum score of a high-score detection. Default 0.5. */
  readonly highScore?: number;
  /** Detections with a lower score are ignored. Default 0.1. */
  readonly lowScore?: number;
  /** Minimum score of a detection that starts a track. Default `highScore` + 0.1, at most 1. */
  readonly newScore?: number;
  /** Minimum IoU of a prediction and a high-score detection. Default 0.2. */
  readonly iouThreshold?: number;
  /** Minimum IoU of a prediction and a low-score detection. Default 0.5. */
  readonly lowIouThreshold?: number;
  /** Minimum IoU of a track's first and second detection. Default 0.3. */
  readonly newIouThreshold?: number;
  /**
   * Id of the first track. Default 1, so that ids restart with each sequence; `Tracker.born` explains continuous ids.
   */
  readonly firstId?: number;
}

/** Defaults of this tracker's options. */
export const byteTrackDefaults = { maxAge: 30, highScore: 0.5, lowScore: 0.1, iouThreshold: 0.2, firstId: 1 } as const;

export class ByteTracker implements Tracker {
  readonly #maxAge: number;
  readonly #highScore: number;
  readonly #lowScore: number;
  readonly #newScore: number;
  readonly #iouThreshold: number;
  readonly #lowIouThreshold: number;
  readonly #newIouThreshold: number;
  readonly #solver = new AssignmentSolver();
  /** A track is confirmed (has hits) once it was found a second time, or if it started in the first frame. */
  readonly #tracks: TrackStore;
  #frames = 0;
  #cost = new Float64Array(0);
  /** for each detection: whether it is paired */
  #taken = new Int32Array(0);

  constructor(options: ByteTrackOptions = {}) {
    this.#maxAge = integerOption("bytetrack", "maxAge", options.maxAge ?? byteTrackDefaults.maxAge);
    this.#highScore = fractionOption("bytetrack", "highScore", options.highScore ?? byteTrackDefaults.highScore);
    this.#lowScore = fractionOption("bytetrack", "lowScore", options.lowScore ?? byteTrackDefaults.lowScore);
    this.#newScore = fractionOption("bytetrack", "newScore", options.newScore ?? Math.min(1, this.#highScore + 0.1));
    this.#iouThreshold = fractionOption(
      "bytetrack",
      "iouThreshold",
      options.iouThreshold ?? byteTrackDefaults.iouThreshold,
    );
    this.#lowIouThreshold = fractionOption("bytetrack", "lowIouThreshold", options.lowIouThreshold ?? 0.5);
    this.#newIouThreshold = fractionOption("bytetrack", "newIouThreshold", options.newIouThreshold ?? 0.3);
    this.#tracks = new TrackStore(
      integerOption("bytetrack", "firstId", options.firstId ?? byteTrackDefaults.firstId, 1),
    );
  }

  get frames(): number {
    return this.#frames;
  }

  get born(): number {
    return this.#tracks.born;
  }

  /**
   * Advances by one frame; call it for frames without detections too. Returns the tracks found in this frame by a
   * high-score or low-score detection, youngest first. A track is returned from its second detection on; tracks of the
   * first frame are returned at once.
   * @param into filled and returned instead of a new list, reusing its objects, so that a frame allocates nothing
   * @throws `tracking.box` for a box that is not finite or has no area; the tracker is then unchanged.
   */
  update(boxes: readonly TrackerBox[], into: Track[] = []): Track[] {
    const tracks = this.#tracks;
    tracks.read(boxes);
    this.#frames++;
    for (let place = 0; place < tracks.count; place++) {
      const slot = tracks.slots[place];
      // How a lost object's size changes is unknown, so its area is held.
      if (tracks.age[slot] > 0) tracks.filters.holdArea(slot);
    }
    tracks.predict();
    this.#taken = grown(this.#taken, tracks.boxCount);
    this.#taken.fill(0, 0, tracks.boxCount);
    // High-score detections go to confirmed tracks, including lost ones. Low-score detections go only to tracks seen
    // one frame ago, because a weak detection is no evidence that a lost object is back. Remaining high-score
    // detections go to tracks that started one frame ago.
    this.#associate(this.#goodBoxes(), this.#tracksLeft(true, this.#maxAge + 1), this.#iouThreshold);
    this.#associate(this.#poorBoxes(), this.#tracksLeft(true, 1), this.#lowIouThreshold);
    this.#associate(this.#goodBoxes(), this.#tracksLeft(false, 1), this.#newIouThreshold);
    // Ends tracks lost for too long and new tracks that were not found a second time.
    tracks.end(this.#maxAge, 0);
    const good = this.#goodBoxes();
    for (let r = 0; r < good; r++) {
      const box = tracks.rows[r];
      if (!(tracks.scores[box] < this.#newScore)) tracks.begin(box, this.#frames === 1 ? 1 : 0);
    }
    return this.#report(into);
  }

  /**
   * Writes the unpaired high-score detections to the store's rows and returns their number. A detection without a score
   * counts as high-score.
   */
  #goodBoxes(): number {
    const { rows, scores, boxCount } = this.#tracks;
    let count = 0;
    for (let i = 0; i < boxCount; i++) {
      if (this.#taken[i] === 0 && !(scores[i] < this.#highScore)) rows[count++] = i;
    }
    return count;
  }

  #poorBoxes(): number {
    const { rows, scores, boxCount } = this.#tracks;
    let count = 0;
    for (let i = 0; i < boxCount; i++) {
      if (this.#taken[i] === 0 && scores[i] >= this.#lowScore && scores[i] < this.#highScore) rows[count++] = i;
    }
    return count;
  }

  /** Writes the tracks not yet found in this frame, last found at most `mostAge` frames ago, to the store's columns. */
  #tracksLeft(confirmed: boolean, mostAge: number): number {
    const { slots, columns, age, hits } = this.#tracks;
    let count = 0;
    for (let place = 0; place < this.#tracks.count; place++) {
      const slot = slots[place];
      if (hits[slot] > 0 === confirmed && age[slot] > 0 && age[slot] <= mostAge) columns[count++] = place;
    }
    return count;
  }

  /**
   * Pairs the first `rows` detections of the store's rows with the first `columns` tracks of its columns and corrects
   * the paired tracks.
   */
  #associate(rows: number, columns: number, threshold: number): void {
    if (rows === 0 || columns === 0) return;
    const tracks = this.#tracks;
    tracks.overlaps(rows, columns);
    this.#cost = grown(this.#cost, rows * columns);
    const { iou } = tracks;
    const cost = this.#cost;
    for (let i = 0; i < rows * columns; i++) {
      // Being unpaired costs 0. A pair gains its IoU above the threshold, and at least epsilon.
      cost[i] = iou[i] >= threshold && iou[i] > 0 ? threshold - iou[i] - Number.EPSILON : 0;
    }
    this.#solver.solve(cost, rows, columns);
    for (let r = 0; r < rows; r++) {
      const c = this.#solver.columnOfRow[r];
      if (c < 0 || cost[r * columns + c] >= 0) continue;
      tracks.correct(tracks.columns[c], tracks.rows[r]);
      this.#taken[tracks.rows[r]] = 1;
    }
  }

  #report(into: Track[]): Track[] {
    const tracks = this.#tracks;
    let shown = 0;
    for (let place = tracks.count - 1; place >= 0; place--) {
      const slot = tracks.slots[place];
      if (tracks.age[slot] > 0 || tracks.hits[slot] === 0) continue;
      if (tracks.write(place, into, shown)) shown++;
    }
    return tracks.cut(into, shown);
  }
}
