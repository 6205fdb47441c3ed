/**
 * COCO's matching for one category, as in pycocotools' COCOeval for boxes. Works on columns of typed arrays without an
 * object per box or picture, so that 20,000 detections take a fraction of a second.
 */
import { areaRanges, type CategoryMatches, type CocoParameters, leftOut, right, wrong } from "./coco-category.js";

/** Boxes of one kind in columns. */
export interface BoxColumns {
  /** `[n, 4]` left, top, width, height */
  readonly boxes: Float64Array;
  readonly areas: Float64Array;
  /** index of the picture by ascending id */
  readonly picture: Int32Array;
}
export interface TruthColumns extends BoxColumns {
  /**
   * 1 for a crowd, 2 for a difficult object. Both are ignored and can be matched repeatedly; for a crowd the overlap is
   * the share of the detection's area, for a difficult object it is the IoU.
   */
  readonly crowd: Uint8Array;
}
export interface DetectionColumns extends BoxColumns {
  readonly scores: Float64Array;
}

/** @param truths, detections indices into the columns by ascending picture, then position in the list */
export function matchCategory(
  truthColumns: TruthColumns,
  truths: Int32Array,
  detectionColumns: DetectionColumns,
  detections: Int32Array,
  parameters: CocoParameters,
): CategoryMatches {
  const matcher = new Matcher(truthColumns, truths, detectionColumns, detections, parameters);
  matcher.run();
  const { count, scores, ranks, verdicts, capacity, positives } = matcher;
  return { parameters, count, scores, ranks, verdicts, stride: capacity, positives };
}

/** Matches detections with truths picture by picture, for every area range and IoU threshold. */
class Matcher {
  /** number of detections that count */
  count = 0;
  readonly capacity: number;
  readonly scores: Float64Array;
  /** rank by score among the picture's detections, from 0 */
  readonly ranks: Uint16Array;
  /** `[4 areas * IoUs, capacity]` */
  readonly verdicts: Uint8Array;
  readonly positives = new Int32Array(areaRanges.length);
  /** Indices into the columns of the picture's truths, and of its detections, best first. */
  #truths = new Int32Array(0);
  #truthCount = 0;
  #found = new Int32Array(0);
  #foundCount = 0;
  #iou = new Float64Array(0);
  /** for each detection, its largest IoU with any truth */
  #reach = new Float64Array(0);
  #order = new Int32Array(0);
  #ignored = new Uint8Array(0);
  #taken = new Uint8Array(0);

  constructor(
    readonly truthColumns: TruthColumns,
    readonly truths: Int32Array,
    readonly detectionColumns: DetectionColumns,
    readonly detections: Int32Array,
    readonly parameters: CocoParameters,
  ) {
    this.capacity = detections.length;
    this.scores = new Float64Array(this.capacity);
    this.ranks = new Uint16Array(this.capacity);
    this.verdicts = new Uint8Array(areaRanges.length * parameters.iouThresholds.length * this.capacity);
  }

  run(): void {
    const { truths, detections } = this;
    const truthPicture = this.truthColumns.picture;
    const picture = this.detectionColumns.picture;
    const { scores } = this.detectionColumns;
    let t = 0;
    let d = 0;
    while (t < truths.length || d < detections.length) {
      const nextTruth = t < truths.length ? truthPicture[truths[t]] : Number.POSITIVE_INFINITY;
      const next = d < detections.length ? Math.min(nextTruth, picture[detections[d]]) : nextTruth;
      const truthFrom = t;
      const from = d;
      while (t < truths.length && truthPicture[truths[t]] === next) t++;
      while (d < detections.length && picture[detections[d]] === next) d++;
      this.#reserve(t - truthFrom, d - from);
      this.#truthCount = t - truthFrom;
      for (let g = 0; g < this.#truthCount; g++) this.#truths[g] = truths[truthFrom + g];
      this.#rank(from, d);
      for (let f = 0; f < this.#foundCount; f++) {
        this.scores[this.count + f] = scores[this.#found[f]];
        this.ranks[this.count + f] = f;
      }
      this.#overlaps();
      for (let area = 0; area < areaRanges.length; area++) this.#matchArea(area);
      this.count += this.#foundCount;
    }
  }

  /**
   * Sorts the picture's detections, best first. Indices ascend within a picture, so ties keep the order of the list.
   */
  #rank(from: number, to: number): void {
    const { scores } = this.detectionColumns;
    const found = this.#found;
    const count = to - from;
    for (let i = 0; i < count; i++) {
      const each = this.detections[from + i];
      let at = i;
      if (count <= 32) for (; at > 0 && scores[found[at - 1]] < scores[each]; at--) found[at] = found[at - 1];
      found[at] = each;
    }
    if (count > 32) found.subarray(0, count).sort((a, b) => scores[b] - scores[a] || a - b);
    this.#foundCount = Math.min(count, this.parameters.maxDetections[2]);
  }

  #reserve(truths: number, detections: number): void {
    if (this.#order.length < truths) {
      this.#truths = new Int32Array(2 * truths);
      this.#order = new Int32Array(2 * truths);
      this.#ignored = new Uint8Array(2 * truths);
      this.#taken = new Uint8Array(2 * truths);
    }
    if (this.#iou.length < truths * detections) this.#iou = new Float64Array(2 * truths * detections);
    if (this.#reach.length < detections) {
      this.#reach = new Float64Array(2 * detections);
      this.#found = new Int32Array(2 * detections);
    }
  }

  /** Fills the IoU matrix. For a crowd only the detection's area is in the denominator. */
  #overlaps(): void {
    const { boxes, crowd } = this.truthColumns;
    const found = this.detectionColumns.boxes;
    const iou = this.#iou;
    const truths = this.#truths;
    for (let d = 0, at = 0; d < this.#foundCount; d++) {
      const i = 4 * this.#found[d];
      const left = found[i];
      const top = found[i + 1];
      const area = found[i + 2] * found[i + 3];
      let most = 0;
      for (let g = 0; g < this.#truthCount; g++, at++) {
        const j = 4 * truths[g];
        iou[at] = 0;
        const width = Math.min(left + found[i + 2], boxes[j] + boxes[j + 2]) - Math.max(left, boxes[j]);
        if (width <= 0) continue;
        const height = Math.min(top + found[i + 3], boxes[j + 1] + boxes[j + 3]) - Math.max(top, boxes[j + 1]);
        if (height <= 0) continue;
        const intersection = width * height;
        const union = crowd[truths[g]] === 1 ? area : area + boxes[j + 2] * boxes[j + 3] - intersection;
        iou[at] = intersection / union;
        most = Math.max(most, iou[at]);
      }
      this.#reach[d] = most;
    }
  }

  #matchArea(area: number): void {
    const [least, most] = areaRanges[area];
    const { areas, crowd } = this.truthColumns;
    const sizes = this.detectionColumns.areas;
    const order = this.#order;
    const ignored = this.#ignored;
    const truths = this.#truths;
    const count = this.#truthCount;
    let counted = 0;
    for (let g = 0; g < count; g++) {
      const size = areas[truths[g]];
      ignored[g] = crowd[truths[g]] !== 0 || size < least || size > most ? 1 : 0;
      if (ignored[g] === 0) order[counted++] = g;
    }
    this.positives[area] += counted;
    for (let g = 0, at = counted; g < count; g++) if (ignored[g] === 1) order[at++] = g;

    const { iouThresholds } = this.parameters;
    for (let t = 0; t < iouThresholds.length; t++) {
      const at = (area * iouThresholds.length + t) * this.capacity + this.count;
      const threshold = Math.min(iouThresholds[t], 1 - 1e-10);
      for (let g = 0; g < count; g++) this.#taken[g] = 0;
      for (let d = 0; d < this.#foundCount; d++) {
        const match = this.#reach[d] >= threshold ? this.#match(d, threshold, counted) : -1;
        if (match >= 0) {
          this.#taken[match] = 1;
          this.verdicts[at + d] = ignored[match] === 1 ? leftOut : right;
        } else {
          const size = sizes[this.#found[d]];
          this.verdicts[at + d] = size < least || size > most ? leftOut : wrong;
        }
      }
    }
  }

  /**
   * The truth of a detection: the best unmatched one that counts, else the best ignored one, where a crowd always
   * remains available. On equal IoU the later truth wins. `#order` starts with the `counted` truths that count.
   */
  #match(d: number, threshold: number, counted: number): number {
    const { crowd } = this.truthColumns;
    const count = this.#truthCount;
    let best = threshold;
    let match = -1;
    for (let k = 0; k < count; k++) {
      if (k === counted && match >= 0) break;
      const g = this.#order[k];
      if (this.#taken[g] === 1 && crowd[this.#truths[g]] === 0) continue;
      const overlap = this.#iou[d * count + g];
      if (overlap < best) continue;
      best = overlap;
      match = g;
    }
    return match;
  }
}
