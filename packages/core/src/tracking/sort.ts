/**
 * SORT: simple online and realtime tracking (Bewley et al., ICIP 2016). Every track predicts its box by a Kalman filter;
 * predictions and detections are paired by IoU; a track is shown once it has been found often enough.
 */
import { iouCorners } from "../detection/index.js";
import { PhinetsError } from "../tensor/index.js";
import { AssignmentSolver } from "./assignment.js";
import { BoxKalmanFilter } from "./kalman.js";

/** A detection to track: corners in any one unit (pixels), x2 > x1, y2 > y1. */
export interface TrackerBox {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** Not used for tracking; passed on. */
  readonly score?: number;
  /** Not used for tracking; passed on. */
  readonly class?: number;
}

/** A tracked object in the current frame. */
export interface Track {
  /** 1, 2, ... in order of birth */
  readonly id: number;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  /** of the detection that the track was last paired with */
  readonly score?: number;
  readonly class?: number;
}

export interface SortOptions {
  /** Frames that a track outlives its last detection. Default 1. */
  readonly maxAge?: number;
  /** Frames in a row that a track must have been found after its birth to be shown. Default 3. */
  readonly minHits?: number;
  /** Least IoU of a prediction and a detection of the same object. Default 0.3. */
  readonly iouThreshold?: number;
  /** Most tracks alive: detections that would begin one more are left out. Default: no limit; firmware has one. */
  readonly maxTracks?: number;
}

class Tracked {
  readonly filter = new BoxKalmanFilter();
  id = 0;
  framesSinceUpdate = 0;
  hitStreak = 0;
  detection: TrackerBox | undefined;
}

export class Sort {
  readonly #maxAge: number;
  readonly #minHits: number;
  readonly #iouThreshold: number;
  readonly #maxTracks: number;
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
    this.#maxAge = atLeastZero("maxAge", options.maxAge ?? 1);
    this.#minHits = atLeastZero("minHits", options.minHits ?? 3);
    this.#maxTracks = options.maxTracks ?? Number.POSITIVE_INFINITY;
    this.#iouThreshold = options.iouThreshold ?? 0.3;
    if (!(this.#iouThreshold >= 0 && this.#iouThreshold <= 1)) {
      throw new PhinetsError("tracking.options", `sort: iouThreshold is ${this.#iouThreshold}; it must lie in 0..1`);
    }
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
   * Throws `tracking.box` for a box that is not finite or has no size, and then leaves the tracker as it was.
   */
  update(boxes: readonly TrackerBox[]): Track[] {
    checkBoxes(boxes);
    this.#frames++;
    this.#predict();
    this.#pair(boxes);
    return this.#report();
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
      filter.update(box.x1, box.y1, box.x2, box.y2);
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
    track.filter.start(box.x1, box.y1, box.x2, box.y2);
    track.id = ++this.#born;
    track.framesSinceUpdate = 0;
    track.hitStreak = 0;
    track.detection = box;
    this.#tracks.push(track);
  }

  #report(): Track[] {
    const tracks = this.#tracks;
    const shown: Track[] = [];
    for (let i = tracks.length - 1; i >= 0; i--) {
      const track = tracks[i];
      if (track.framesSinceUpdate > 0) continue;
      if (track.hitStreak < this.#minHits && this.#frames > this.#minHits) continue;
      track.filter.box(this.#corners);
      if (!isFiniteBox(this.#corners, 0)) continue;
      const [x1, y1, x2, y2] = this.#corners;
      shown.push({ id: track.id, x1, y1, x2, y2, score: track.detection?.score, class: track.detection?.class });
    }
    let alive = 0;
    for (const track of tracks) {
      if (track.framesSinceUpdate <= this.#maxAge) tracks[alive++] = track;
      else this.#pool.push(track);
    }
    tracks.length = alive;
    return shown;
  }
}

function isFiniteBox(corners: Float64Array, at: number): boolean {
  return Number.isFinite(corners[at] + corners[at + 1] + corners[at + 2] + corners[at + 3]);
}

function checkBoxes(boxes: readonly TrackerBox[]): void {
  for (let i = 0; i < boxes.length; i++) {
    const { x1, y1, x2, y2 } = boxes[i];
    const area = (x2 - x1) * (y2 - y1);
    if (!(x2 > x1 && y2 > y1 && area > 0 && Number.isFinite(area) && Number.isFinite((x2 - x1) / (y2 - y1)))) {
      throw new PhinetsError(
        "tracking.box",
        `track: detection ${i} is ${x1},${y1},${x2},${y2}; corners must be finite, x2 above x1 and y2 above y1`,
      );
    }
  }
}

function atLeastZero(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0) {
    throw new PhinetsError("tracking.options", `sort: ${name} is ${value}; it must be an integer of at least 0`);
  }
  return value;
}
