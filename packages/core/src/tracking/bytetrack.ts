/**
 * A tracker in the manner of ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection
 * Box", ECCV 2022, section 3): detections of a low score, which SORT must either trust or throw away, are offered to the
 * tracks that the good ones left over; lost tracks wait long for their object. Motion is SORT's Kalman filter; the score
 * does not weigh the overlap.
 */
import { AssignmentSolver } from "./assignment.js";
import { grown } from "./kalman.js";
import { TrackStore } from "./track-store.js";
import { fractionOption, integerOption, type Track, type Tracker, type TrackerBox } from "./tracker.js";

export interface ByteTrackOptions {
  /** Frames that a lost track waits for its object. Default 30. */
  readonly maxAge?: number;
  /** Least score of a good detection. Default 0.5. */
  readonly highScore?: number;
  /** Detections below it are not looked at. Default 0.1. */
  readonly lowScore?: number;
  /** Least score that begins a track. Default `highScore` + 0.1, at most 1. */
  readonly newScore?: number;
  /** Least IoU of a prediction and a good detection. Default 0.2. */
  readonly iouThreshold?: number;
  /** Least IoU of a prediction and a detection of low score. Default 0.5. */
  readonly lowIouThreshold?: number;
  /** Least IoU of a track's first and second detection. Default 0.3. */
  readonly newIouThreshold?: number;
  /** Id of the first track. Default 1: ids of every sequence's own; see `Tracker.born` for ids that run on. */
  readonly firstId?: number;
}

/** What a tracker of this kind goes by where it is not told. */
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
  /** A track that was found a second time, or in the first frame, has hits. */
  readonly #tracks: TrackStore;
  #frames = 0;
  #cost = new Float64Array(0);
  /** per detection: whether it is paired */
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
   * One frame on; call it for frames without detections too. Returns the tracks found in this frame, by a good detection
   * or a poor one, youngest first; a track is shown from its second find on, those of the first frame at once.
   * @param into filled and returned instead of a new list, its objects used again: then a frame allocates nothing
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
   */
  update(boxes: readonly TrackerBox[], into: Track[] = []): Track[] {
    const tracks = this.#tracks;
    tracks.read(boxes);
    this.#frames++;
    for (let place = 0; place < tracks.count; place++) {
      const slot = tracks.slots[place];
      // Nobody knows whether a lost object still comes nearer; its size stays.
      if (tracks.age[slot] > 0) tracks.filters.holdArea(slot);
    }
    tracks.predict();
    this.#taken = grown(this.#taken, tracks.boxCount);
    this.#taken.fill(0, 0, tracks.boxCount);
    // Good detections go to known tracks, lost ones among them; poor ones to those in view a frame ago, as a poor
    // detection is no reason to believe that a lost object is back; what is left to the tracks begun a frame ago.
    this.#associate(this.#goodBoxes(), this.#tracksLeft(true, this.#maxAge + 1), this.#iouThreshold);
    this.#associate(this.#poorBoxes(), this.#tracksLeft(true, 1), this.#lowIouThreshold);
    this.#associate(this.#goodBoxes(), this.#tracksLeft(false, 1), this.#newIouThreshold);
    // Out with those that waited too long, and those that were not found a second time.
    tracks.end(this.#maxAge, 0);
    const good = this.#goodBoxes();
    for (let r = 0; r < good; r++) {
      const box = tracks.rows[r];
      if (!(tracks.scores[box] < this.#newScore)) tracks.begin(box, this.#frames === 1 ? 1 : 0);
    }
    return this.#report(into);
  }

  /** Puts the free good detections into the store's rows; their number. A detection without a score is good. */
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

  /** Puts the tracks that this frame has not found yet, last found at most `age` frames ago, into the store's columns. */
  #tracksLeft(confirmed: boolean, mostAge: number): number {
    const { slots, columns, age, hits } = this.#tracks;
    let count = 0;
    for (let place = 0; place < this.#tracks.count; place++) {
      const slot = slots[place];
      if (hits[slot] > 0 === confirmed && age[slot] > 0 && age[slot] <= mostAge) columns[count++] = place;
    }
    return count;
  }

  /** Pairs the first detections of the store's rows with the first tracks of its columns and corrects the paired tracks. */
  #associate(rows: number, columns: number, threshold: number): void {
    if (rows === 0 || columns === 0) return;
    const tracks = this.#tracks;
    tracks.overlaps(rows, columns);
    this.#cost = grown(this.#cost, rows * columns);
    const { iou } = tracks;
    const cost = this.#cost;
    for (let i = 0; i < rows * columns; i++) {
      // Staying alone costs 0; a pair is worth what it has above the threshold, at least a trifle.
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
