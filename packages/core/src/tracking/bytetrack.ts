/**
 * A tracker in the manner of ByteTrack (Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection
 * Box", ECCV 2022, section 3): detections of a low score, which SORT must either trust or throw away, are offered to the
 * tracks that the good ones left over; lost tracks wait long for their object. Motion is SORT's Kalman filter; the score
 * does not weigh the overlap.
 */
import { iouCorners } from "../detection/index.js";
import { AssignmentSolver } from "./assignment.js";
import { BoxKalmanFilter } from "./kalman.js";
import {
  checkBoxes,
  fractionOption,
  integerOption,
  isFiniteBox,
  type Track,
  type Tracker,
  type TrackerBox,
  writeTrack,
} from "./tracker.js";

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

class Tracked {
  readonly filter = new BoxKalmanFilter();
  id = 0;
  framesSinceUpdate = 0;
  /** Found a second time, or in the first frame. */
  confirmed = false;
  detection: TrackerBox | undefined;
}

export class ByteTracker implements Tracker {
  readonly #maxAge: number;
  readonly #highScore: number;
  readonly #lowScore: number;
  readonly #newScore: number;
  readonly #iouThreshold: number;
  readonly #lowIouThreshold: number;
  readonly #newIouThreshold: number;
  readonly #firstId: number;
  readonly #solver = new AssignmentSolver();
  #tracks: Tracked[] = [];
  /** Tracks that died, to be born again. */
  readonly #pool: Tracked[] = [];
  #frames = 0;
  #born = 0;
  #predicted = new Float64Array(0);
  #cost = new Float64Array(0);
  /** Indices of the detections and tracks that an association is about. */
  #rows = new Int32Array(0);
  #columns = new Int32Array(0);
  #boxTaken = new Uint8Array(0);
  readonly #corners = new Float64Array(4);

  constructor(options: ByteTrackOptions = {}) {
    this.#maxAge = integerOption("bytetrack", "maxAge", options.maxAge ?? 30);
    this.#highScore = fractionOption("bytetrack", "highScore", options.highScore ?? 0.5);
    this.#lowScore = fractionOption("bytetrack", "lowScore", options.lowScore ?? 0.1);
    this.#newScore = fractionOption("bytetrack", "newScore", options.newScore ?? Math.min(1, this.#highScore + 0.1));
    this.#iouThreshold = fractionOption("bytetrack", "iouThreshold", options.iouThreshold ?? 0.2);
    this.#lowIouThreshold = fractionOption("bytetrack", "lowIouThreshold", options.lowIouThreshold ?? 0.5);
    this.#newIouThreshold = fractionOption("bytetrack", "newIouThreshold", options.newIouThreshold ?? 0.3);
    this.#firstId = integerOption("bytetrack", "firstId", options.firstId ?? 1, 1);
  }

  get frames(): number {
    return this.#frames;
  }

  get born(): number {
    return this.#born;
  }

  /**
   * One frame on; call it for frames without detections too. Returns the tracks found in this frame, by a good detection
   * or a poor one, youngest first; a track is shown from its second find on, those of the first frame at once.
   * @param into filled and returned instead of a new list, its objects used again: then a frame makes no objects
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
   */
  update(boxes: readonly TrackerBox[], into: Track[] = []): Track[] {
    checkBoxes(boxes);
    this.#frames++;
    this.#predict();
    if (this.#boxTaken.length < boxes.length) {
      this.#boxTaken = new Uint8Array(2 * boxes.length);
      this.#rows = new Int32Array(2 * boxes.length);
    }
    this.#boxTaken.fill(0, 0, boxes.length);
    if (this.#columns.length < this.#tracks.length) this.#columns = new Int32Array(2 * this.#tracks.length);
    // Good detections go to known tracks, lost ones among them; poor ones to those in view a frame ago, as a poor
    // detection is no reason to believe that a lost object is back; what is left to the tracks begun a frame ago.
    this.#associate(boxes, this.#goodBoxes(boxes), this.#tracksLeft(true, this.#maxAge + 1), this.#iouThreshold);
    this.#associate(boxes, this.#poorBoxes(boxes), this.#tracksLeft(true, 1), this.#lowIouThreshold);
    this.#associate(boxes, this.#goodBoxes(boxes), this.#tracksLeft(false, 1), this.#newIouThreshold);
    this.#bury();
    const good = this.#goodBoxes(boxes);
    for (let r = 0; r < good; r++) {
      const box = boxes[this.#rows[r]];
      if ((box.score ?? 1) >= this.#newScore) this.#begin(box);
    }
    return this.#report(into);
  }

  #predict(): void {
    const tracks = this.#tracks;
    if (this.#predicted.length < 4 * tracks.length) this.#predicted = new Float64Array(8 * tracks.length);
    let alive = 0;
    for (const track of tracks) {
      // Nobody knows whether a lost object still comes nearer; its size stays.
      if (track.framesSinceUpdate > 0) track.filter.state[6] = 0;
      track.filter.predict();
      track.framesSinceUpdate++;
      track.filter.box(this.#predicted, 4 * alive);
      if (isFiniteBox(this.#predicted, 4 * alive)) tracks[alive++] = track;
      else this.#pool.push(track);
    }
    tracks.length = alive;
  }

  /** Puts the free good detections into `#rows`; their number. */
  #goodBoxes(boxes: readonly TrackerBox[]): number {
    return this.#boxesBetween(boxes, this.#highScore, Number.POSITIVE_INFINITY);
  }

  #poorBoxes(boxes: readonly TrackerBox[]): number {
    return this.#boxesBetween(boxes, this.#lowScore, this.#highScore);
  }

  #boxesBetween(boxes: readonly TrackerBox[], least: number, below: number): number {
    let count = 0;
    for (let i = 0; i < boxes.length; i++) {
      const { score = 1 } = boxes[i];
      if (this.#boxTaken[i] === 0 && score >= least && (score < below || below === Number.POSITIVE_INFINITY)) {
        this.#rows[count++] = i;
      }
    }
    return count;
  }

  /** Puts the tracks that this frame has not found yet, last found at most `age` frames ago, into `#columns`. */
  #tracksLeft(confirmed: boolean, age: number): number {
    let count = 0;
    for (let i = 0; i < this.#tracks.length; i++) {
      const { framesSinceUpdate } = this.#tracks[i];
      if (this.#tracks[i].confirmed === confirmed && framesSinceUpdate > 0 && framesSinceUpdate <= age) {
        this.#columns[count++] = i;
      }
    }
    return count;
  }

  /** Pairs the detections of `#rows` with the tracks of `#columns` and corrects the paired tracks. */
  #associate(boxes: readonly TrackerBox[], rows: number, columns: number, threshold: number): void {
    if (rows === 0 || columns === 0) return;
    if (this.#cost.length < rows * columns) this.#cost = new Float64Array(2 * rows * columns);
    const predicted = this.#predicted;
    for (let r = 0; r < rows; r++) {
      const { x1, y1, x2, y2 } = boxes[this.#rows[r]];
      for (let c = 0; c < columns; c++) {
        const p = 4 * this.#columns[c];
        const iou = iouCorners(x1, y1, x2, y2, predicted[p], predicted[p + 1], predicted[p + 2], predicted[p + 3]);
        // Staying alone costs 0; a pair is worth what it has above the threshold, at least a trifle.
        this.#cost[r * columns + c] = iou >= threshold && iou > 0 ? threshold - iou - Number.EPSILON : 0;
      }
    }
    this.#solver.solve(this.#cost, rows, columns);
    for (let r = 0; r < rows; r++) {
      const c = this.#solver.columnOfRow[r];
      if (c < 0 || this.#cost[r * columns + c] >= 0) continue;
      const track = this.#tracks[this.#columns[c]];
      const box = boxes[this.#rows[r]];
      track.filter.update(box);
      track.framesSinceUpdate = 0;
      track.confirmed = true;
      track.detection = box;
      this.#boxTaken[this.#rows[r]] = 1;
    }
  }

  /** Takes out tracks that waited too long, and those that were not found a second time. */
  #bury(): void {
    const tracks = this.#tracks;
    let alive = 0;
    for (const track of tracks) {
      if (track.framesSinceUpdate <= (track.confirmed ? this.#maxAge : 0)) tracks[alive++] = track;
      else this.#pool.push(track);
    }
    tracks.length = alive;
  }

  #begin(box: TrackerBox): void {
    const track = this.#pool.pop() ?? new Tracked();
    track.filter.start(box);
    track.id = this.#firstId + this.#born++;
    track.framesSinceUpdate = 0;
    track.confirmed = this.#frames === 1;
    track.detection = box;
    this.#tracks.push(track);
  }

  #report(into: Track[]): Track[] {
    let shown = 0;
    for (let i = this.#tracks.length - 1; i >= 0; i--) {
      const track = this.#tracks[i];
      if (track.framesSinceUpdate > 0 || !track.confirmed) continue;
      track.filter.box(this.#corners);
      if (isFiniteBox(this.#corners, 0)) writeTrack(into, shown++, track.id, this.#corners, track.detection);
    }
    into.length = shown;
    return into;
  }
}
