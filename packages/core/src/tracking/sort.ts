/**
 * SORT: simple online and realtime tracking (Bewley et al., ICIP 2016). Every track predicts its box by a Kalman filter;
 * predictions and detections are paired by IoU; a track is shown once it has been found often enough.
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

class Tracked {
  readonly filter = new BoxKalmanFilter();
  id = 0;
  framesSinceUpdate = 0;
  hitStreak = 0;
  detection: TrackerBox | undefined;
}

export class Sort implements Tracker {
  readonly #maxAge: number;
  readonly #minHits: number;
  readonly #iouThreshold: number;
  readonly #maxTracks: number;
  readonly #firstId: number;
  readonly #solver = new AssignmentSolver();
  #tracks: Tracked[] = [];
  /** Tracks that died, to be born again: a long run allocates no more than its fullest frame. */
  readonly #pool: Tracked[] = [];
  #frames = 0;
  #born = 0;
  #predicted = new Float64Array(0);
  #iou = new Float64Array(0);
  #cost = new Float64Array(0);
  /** per detection: its track's index, or -1 */
  #trackOf = new Int32Array(0);
  readonly #corners = new Float64Array(4);

  constructor(options: SortOptions = {}) {
    this.#maxAge = integerOption("sort", "maxAge", options.maxAge ?? 1);
    this.#minHits = integerOption("sort", "minHits", options.minHits ?? 3);
    this.#maxTracks = options.maxTracks ?? Number.POSITIVE_INFINITY;
    this.#firstId = integerOption("sort", "firstId", options.firstId ?? 1, 1);
    this.#iouThreshold = fractionOption("sort", "iouThreshold", options.iouThreshold ?? 0.3);
  }

  /** Frames seen. */
  get frames(): number {
    return this.#frames;
  }

  /** Tracks ever begun, shown or not. */
  get born(): number {
    return this.#born;
  }

  /**
   * One frame on; call it for frames without detections too. Returns the tracks found in this frame that have been found
   * `minHits` frames in a row (in the first `minHits` frames: all found), youngest first.
   * @param into filled and returned instead of a new list, its objects used again: then a frame makes no objects
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
   */
  update(boxes: readonly TrackerBox[], into: Track[] = []): Track[] {
    checkBoxes(boxes);
    this.#frames++;
    this.#predict();
    this.#pair(boxes);
    return this.#report(into);
  }

  #predict(): void {
    const tracks = this.#tracks;
    if (this.#predicted.length < 4 * tracks.length) this.#predicted = new Float64Array(8 * tracks.length);
    let alive = 0;
    for (const track of tracks) {
      track.filter.predict();
      if (track.framesSinceUpdate > 0) track.hitStreak = 0;
      track.framesSinceUpdate++;
      track.filter.box(this.#predicted, 4 * alive);
      if (isFiniteBox(this.#predicted, 4 * alive)) tracks[alive++] = track;
      else this.#pool.push(track);
    }
    tracks.length = alive;
  }

  /** Pairs detections with predictions, corrects the paired tracks, begins tracks for the other detections. */
  #pair(boxes: readonly TrackerBox[]): void {
    const tracks = this.#tracks;
    const rows = boxes.length;
    const columns = tracks.length;
    if (this.#trackOf.length < rows) this.#trackOf = new Int32Array(2 * rows);
    const trackOf = this.#trackOf.fill(-1, 0, rows);
    const chosenDirectly = this.#compare(boxes, columns);
    if (rows > 0 && columns > 0 && !chosenDirectly) {
      for (let i = 0; i < rows * columns; i++) this.#cost[i] = -this.#iou[i];
      this.#solver.solve(this.#cost, rows, columns);
      for (let r = 0; r < rows; r++) trackOf[r] = this.#solver.columnOfRow[r];
    }
    for (let r = 0; r < rows; r++) {
      if (trackOf[r] < 0 || this.#iou[r * columns + trackOf[r]] < this.#iouThreshold) continue;
      const { filter } = tracks[trackOf[r]];
      const box = boxes[r];
      filter.update(box);
      tracks[trackOf[r]].framesSinceUpdate = 0;
      tracks[trackOf[r]].hitStreak++;
      tracks[trackOf[r]].detection = box;
    }
    // Ids are given first to detections that the assignment left out, then to those it paired with too little overlap.
    for (let r = 0; r < rows; r++) if (trackOf[r] < 0) this.#begin(boxes[r]);
    for (let r = 0; r < rows; r++) {
      if (trackOf[r] >= 0 && this.#iou[r * columns + trackOf[r]] < this.#iouThreshold) this.#begin(boxes[r]);
    }
  }

  /**
   * IoU of every detection with every prediction. Where no detection and no prediction has more than one partner above
   * the threshold, and some have one, these partners are the answer: then they are in `#trackOf` and the result is true.
   */
  #compare(boxes: readonly TrackerBox[], columns: number): boolean {
    const rows = boxes.length;
    const predicted = this.#predicted;
    if (this.#iou.length < rows * columns) {
      this.#iou = new Float64Array(2 * rows * columns);
      this.#cost = new Float64Array(2 * rows * columns);
    }
    let unique = true;
    let some = false;
    for (let r = 0; r < rows; r++) {
      const { x1, y1, x2, y2 } = boxes[r];
      for (let c = 0, p = 0; c < columns; c++, p += 4) {
        const iou = iouCorners(x1, y1, x2, y2, predicted[p], predicted[p + 1], predicted[p + 2], predicted[p + 3]);
        this.#iou[r * columns + c] = iou;
        if (iou > this.#iouThreshold) {
          if (this.#trackOf[r] >= 0) unique = false;
          this.#trackOf[r] = c;
          some = true;
        }
      }
    }
    for (let r = 0; r < rows && unique; r++) {
      for (let other = 0; other < r && unique; other++) {
        unique = this.#trackOf[r] < 0 || this.#trackOf[r] !== this.#trackOf[other];
      }
    }
    if (some && unique) return true;
    this.#trackOf.fill(-1, 0, rows);
    return false;
  }

  #begin(box: TrackerBox): void {
    if (this.#tracks.length >= this.#maxTracks) return;
    const track = this.#pool.pop() ?? new Tracked();
    track.filter.start(box);
    track.id = this.#firstId + this.#born++;
    track.framesSinceUpdate = 0;
    track.hitStreak = 0;
    track.detection = box;
    this.#tracks.push(track);
  }

  #report(into: Track[]): Track[] {
    const tracks = this.#tracks;
    let shown = 0;
    for (let i = tracks.length - 1; i >= 0; i--) {
      const track = tracks[i];
      if (track.framesSinceUpdate > 0) continue;
      if (track.hitStreak < this.#minHits && this.#frames > this.#minHits) continue;
      track.filter.box(this.#corners);
      if (!isFiniteBox(this.#corners, 0)) continue;
      writeTrack(into, shown++, track.id, this.#corners, track.detection);
    }
    let alive = 0;
    for (const track of tracks) {
      if (track.framesSinceUpdate <= this.#maxAge) tracks[alive++] = track;
      else this.#pool.push(track);
    }
    tracks.length = alive;
    into.length = shown;
    return into;
  }
}
