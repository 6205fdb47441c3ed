/**
 * A tracker's tracks and the detections of its current frame, stored as columns. Each tracker decides which pairs to
 * match and which tracks to return. A frame allocates nothing once the columns are long enough for the fullest frame.
 */

import { PhinetsError } from "../tensor/index.js";
import { BoxKalmanFilters, grown } from "./kalman.js";
import type { Track, TrackerBox } from "./tracker.js";

/** Largest int32, the limit of the firmware's ids and counters. */
const largestCount = 2 ** 31 - 1;

type Writable = { -readonly [K in keyof Track]: Track[K] };

export class TrackStore {
  /** Number of detections in the frame. */
  boxCount = 0;
  /** Detection scores; NaN if none was given. */
  scores = new Float64Array(0);
  /** Number of live tracks; their places are 0 ... `count` - 1 in order of birth. */
  count = 0;
  /** Slot of each place; slots index the columns below. */
  slots = new Int32Array(0);
  /** Frames since the track was last paired. */
  age = new Int32Array(0);
  /** Times that the track was paired after its first detection; a tracker may reset it. */
  hits = new Int32Array(0);
  /** Number of tracks ever started. */
  born = 0;
  readonly filters = new BoxKalmanFilters();
  /** Detections (`rows`) and places (`columns`) that `overlaps` compares; only the first entries count. */
  rows = new Int32Array(0);
  columns = new Int32Array(0);
  /** `[rows, columns]`, result of the last `overlaps`. */
  iou = new Float64Array(0);
  readonly #firstId: number;
  #boxes = new Float64Array(0);
  #classes = new Float64Array(0);
  #id = new Float64Array(0);
  /** Score of the detection last paired with the track; NaN if none. */
  #score = new Float64Array(0);
  #class = new Float64Array(0);
  /** Predicted corners, by place. */
  #predicted = new Float64Array(0);
  readonly #corners = new Float64Array(4);
  /** Number of allocated slots. Free slots are a stack in `slots` behind the live ones. */
  #used = 0;
  /** Track objects cut off by a shorter frame, kept for reuse. */
  readonly #spare: Track[] = [];

  constructor(firstId: number) {
    this.#firstId = firstId;
  }

  /** Reads a frame's detections. Throws `tracking.box` for an invalid one, before any track changes. */
  read(boxes: readonly TrackerBox[]): void {
    const count = boxes.length;
    this.#boxes = grown(this.#boxes, 4 * count);
    this.scores = grown(this.scores, count);
    this.#classes = grown(this.#classes, count);
    this.rows = grown(this.rows, count);
    const corners = this.#boxes;
    for (let i = 0, at = 0; i < count; i++, at += 4) {
      const box = boxes[i];
      corners[at] = box.x1;
      corners[at + 1] = box.y1;
      corners[at + 2] = box.x2;
      corners[at + 3] = box.y2;
      const width = corners[at + 2] - corners[at];
      const height = corners[at + 3] - corners[at + 1];
      const area = width * height;
      if (!(width > 0 && height > 0 && area > 0 && Number.isFinite(area) && Number.isFinite(width / height))) {
        throw new PhinetsError(
          "tracking.box",
          `track: detection ${i} is ${box.x1},${box.y1},${box.x2},${box.y2}; corners must be finite, x2 above x1 and y2 above y1`,
        );
      }
      // undefined becomes NaN here; storing the score in a variable first might allocate it on the heap.
      this.scores[i] = box.score as number;
      this.#classes[i] = box.class as number;
      if (Number.isNaN(this.scores[i]) && box.score !== undefined) {
        throw new PhinetsError("tracking.box", `track: detection ${i} has score ${box.score}; a number is needed`);
      }
    }
    this.boxCount = count;
  }

  /** Advances every track by one frame. Removes a track whose box is no longer finite. */
  predict(): void {
    this.#predicted = grown(this.#predicted, 4 * this.count);
    this.columns = grown(this.columns, this.count);
    const predicted = this.#predicted;
    let alive = 0;
    for (let place = 0; place < this.count; place++) {
      const slot = this.slots[place];
      this.filters.predict(slot);
      this.age[slot]++;
      this.filters.corners(slot, predicted, 4 * alive);
      if (isFinite4(predicted, 4 * alive)) this.#move(place, alive++);
    }
    this.count = alive;
  }

  /**
   * Computes the IoU of detections `rows[0...rowCount - 1]` with the predictions of places
   * `columns[0...columnCount - 1]`.
   */
  overlaps(rowCount: number, columnCount: number): void {
    this.iou = grown(this.iou, rowCount * columnCount);
    const { iou, rows, columns } = this;
    const boxes = this.#boxes;
    const predicted = this.#predicted;
    let at = 0;
    for (let r = 0; r < rowCount; r++) {
      const d = 4 * rows[r];
      const x1 = boxes[d];
      const y1 = boxes[d + 1];
      const x2 = boxes[d + 2];
      const y2 = boxes[d + 3];
      for (let c = 0; c < columnCount; c++, at++) {
        // iouCorners, inlined by hand: numbers passed to a function may be allocated on the heap.
        const p = 4 * columns[c];
        iou[at] = 0;
        const width = Math.min(x2, predicted[p + 2]) - Math.max(x1, predicted[p]);
        if (!(width > 0)) continue;
        const height = Math.min(y2, predicted[p + 3]) - Math.max(y1, predicted[p + 1]);
        if (!(height > 0)) continue;
        const intersection = width * height;
        const size = (predicted[p + 2] - predicted[p]) * (predicted[p + 3] - predicted[p + 1]);
        iou[at] = intersection / ((x2 - x1) * (y2 - y1) + size - intersection);
      }
    }
  }

  /** Corrects a track with its detection. */
  correct(place: number, box: number): void {
    const slot = this.slots[place];
    this.filters.correct(slot, this.#boxes, 4 * box);
    this.age[slot] = 0;
    if (this.hits[slot] < largestCount) this.hits[slot]++;
    this.#score[slot] = this.scores[box];
    this.#class[slot] = this.#classes[box];
  }

  /** Starts a track with a detection. */
  begin(box: number, hits = 0): void {
    if (this.count === this.#used) this.#addSlot();
    const slot = this.slots[this.count++];
    this.filters.start(slot, this.#boxes, 4 * box);
    // After 2^31 - 1 tracks the ids start over, as in the firmware.
    this.#id[slot] = ((this.#firstId - 1 + this.born++) % largestCount) + 1;
    this.age[slot] = 0;
    this.hits[slot] = hits;
    this.#score[slot] = this.scores[box];
    this.#class[slot] = this.#classes[box];
  }

  /** Ends tracks whose age exceeds `maxAge`, or `maxAgeOfNew` if they were never paired after their first detection. */
  end(maxAge: number, maxAgeOfNew: number): void {
    let alive = 0;
    for (let place = 0; place < this.count; place++) {
      const slot = this.slots[place];
      if (this.age[slot] <= (this.hits[slot] > 0 ? maxAge : maxAgeOfNew)) this.#move(place, alive++);
    }
    this.count = alive;
  }

  /**
   * Writes a track to `list[at]`, reusing the object there. Returns false without writing if the track is not finite.
   */
  write(place: number, list: Track[], at: number): boolean {
    const slot = this.slots[place];
    const corners = this.#corners;
    this.filters.corners(slot, corners, 0);
    if (!isFinite4(corners, 0)) return false;
    const scored = !Number.isNaN(this.#score[slot]);
    const classed = !Number.isNaN(this.#class[slot]);
    if (at === list.length) list.push(this.#spare.pop() ?? blank(scored, classed));
    // V8 would store an optional field's numbers on the heap, so each kind of track has its own object layout.
    if (scored !== "score" in list[at] || classed !== "class" in list[at]) list[at] = blank(scored, classed);
    const track = list[at] as Writable;
    track.id = this.#id[slot];
    track.x1 = corners[0];
    track.y1 = corners[1];
    track.x2 = corners[2];
    track.y2 = corners[3];
    if (scored) track.score = this.#score[slot];
    if (classed) track.class = this.#class[slot];
    return true;
  }

  /** Truncates a list to `count` tracks and keeps the removed objects for a fuller frame. */
  cut(list: Track[], count: number): Track[] {
    while (list.length > count) this.#spare.push(list.pop()!);
    return list;
  }

  /** Swaps the slots of two places, so that none is lost. */
  #move(from: number, to: number): void {
    const slot = this.slots[from];
    this.slots[from] = this.slots[to];
    this.slots[to] = slot;
  }

  #addSlot(): void {
    const slot = this.#used++;
    this.slots = grown(this.slots, this.#used);
    this.slots[slot] = slot;
    this.filters.reserve(this.#used);
    this.age = grown(this.age, this.#used);
    this.hits = grown(this.hits, this.#used);
    this.#id = grown(this.#id, this.#used);
    this.#score = grown(this.#score, this.#used);
    this.#class = grown(this.#class, this.#used);
  }
}

function isFinite4(corners: Float64Array, at: number): boolean {
  return Number.isFinite(corners[at] + corners[at + 1] + corners[at + 2] + corners[at + 3]);
}

/** All fields exist from the start and hold fractions, so that V8 chooses a layout for floating-point numbers once. */
function blank(scored: boolean, classed: boolean): Track {
  if (scored && classed) return { id: 0.5, x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5, score: 0.5, class: 0.5 };
  if (scored) return { id: 0.5, x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5, score: 0.5 };
  if (classed) return { id: 0.5, x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5, class: 0.5 };
  return { id: 0.5, x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5 };
}
