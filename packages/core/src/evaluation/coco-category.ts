/**
 * COCO matching and accumulation for one category: pycocotools' COCOeval for boxes with its default parameters, to the
 * last digit. Columns of typed arrays, no object per box, so that 20,000 detections take a fraction of a second.
 */

/** .5, .55 ... .95, computed as numpy's linspace computes them. */
export const iouThresholds: readonly number[] = Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9),
);
/** 0, .01 ... 1. */
export const recallThresholds: readonly number[] = Array.from({ length: 101 }, (_, i) => i * 0.01);
/** all, small, medium, large; square pixels, both ends inclusive. */
export const areaRanges: readonly (readonly [number, number])[] = [
  [0, 1e10],
  [0, 32 * 32],
  [32 * 32, 96 * 96],
  [96 * 96, 1e10],
];
/** Detections a picture and category that count, at most. */
export const maxDetections = [1, 10, 100] as const;

const thresholdCount = iouThresholds.length;
const recallCount = recallThresholds.length;
const maxPerPicture = maxDetections[2];

/** Boxes of one kind in columns, grouped by picture in ascending picture id. */
export interface BoxColumns {
  /** `[n, 4]` left, top, width, height */
  readonly boxes: Float64Array;
  readonly areas: Float64Array;
}
export interface TruthColumns extends BoxColumns {
  readonly crowd: Uint8Array;
}
export interface DetectionColumns extends BoxColumns {
  readonly scores: Float64Array;
}

/** One picture's share: indices `truths[truthFrom...truthTo)` and `detections[detectionFrom...detectionTo)`. */
export interface PictureSpan {
  readonly truthFrom: number;
  readonly truthTo: number;
  readonly detectionFrom: number;
  readonly detectionTo: number;
}

export interface CategoryAccumulation {
  /** per area range: truths that count */
  readonly positives: Int32Array;
  /** `[4 areas, 10 IoUs, 101 recalls]` at 100 detections a picture; -1 where there is no truth */
  readonly precision: Float64Array;
  /** `[4 areas, 10 IoUs]` at 100 detections a picture; -1 where there is no truth */
  readonly recall: Float64Array;
  /** `[2, 10 IoUs]`: at 1 and 10 detections a picture, all areas */
  readonly recallOfFew: Float64Array;
  /** `[10 IoUs, 101 recalls]`: score at which a recall is reached, all areas; 0 where it is not */
  readonly scoreAtRecall: Float64Array;
  /** scores of all detections, best first */
  readonly scores: Float64Array;
  /** per detection, best first, at IoU .5 and all areas: 0 false, 1 true, 2 left out */
  readonly verdicts: Uint8Array;
}

const wrong = 0;
const right = 1;
const leftOut = 2;

/** What became of the detections of one category, picture after picture. Typed arrays alone: a thread can send it. */
export interface CategoryMatches {
  /** detections that count, at most 100 a picture */
  readonly count: number;
  readonly scores: Float64Array;
  /** place among the picture's detections by score, from 0 */
  readonly ranks: Uint8Array;
  /** `[4 areas * 10 IoUs, stride]`: 0 false, 1 true, 2 left out */
  readonly verdicts: Uint8Array;
  readonly stride: number;
  /** per area range: truths that count */
  readonly positives: Int32Array;
}

/**
 * @param truths, detections indices into the columns, pictures one after the other as `spans` say
 */
export function matchCategory(
  truthColumns: TruthColumns,
  truths: Int32Array,
  detectionColumns: DetectionColumns,
  detections: Int32Array,
  spans: readonly PictureSpan[],
): CategoryMatches {
  const matcher = new Matcher(truthColumns, truths, detectionColumns, detections, spans);
  matcher.run();
  const { count, scores, ranks, verdicts, capacity, positives } = matcher;
  return { count, scores, ranks, verdicts, stride: capacity, positives };
}

/** Matches of the pictures of one list, then of the next. */
export function joinMatches(list: readonly CategoryMatches[]): CategoryMatches {
  const stride = list.reduce((sum, { count }) => sum + count, 0);
  const rows = areaRanges.length * thresholdCount;
  const joined = {
    count: stride,
    scores: new Float64Array(stride),
    ranks: new Uint8Array(stride),
    verdicts: new Uint8Array(rows * stride),
    stride,
    positives: new Int32Array(areaRanges.length),
  };
  let at = 0;
  for (const { count, scores, ranks, verdicts, stride: width, positives } of list) {
    joined.scores.set(scores.subarray(0, count), at);
    joined.ranks.set(ranks.subarray(0, count), at);
    for (let row = 0; row < rows; row++) {
      joined.verdicts.set(verdicts.subarray(row * width, row * width + count), row * stride + at);
    }
    for (const [area, number] of positives.entries()) joined.positives[area] += number;
    at += count;
  }
  return joined;
}

/** The curves of all pictures' matches. */
export function accumulateMatches(matches: CategoryMatches): CategoryAccumulation {
  const { positives, count, scores: scoreOf } = matches;
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  order.sort((a, b) => scoreOf[b] - scoreOf[a] || a - b);

  const precision = new Float64Array(areaRanges.length * thresholdCount * recallCount).fill(-1);
  const recall = new Float64Array(areaRanges.length * thresholdCount).fill(-1);
  const recallOfFew = new Float64Array(2 * thresholdCount).fill(-1);
  const scoreAtRecall = new Float64Array(thresholdCount * recallCount).fill(-1);
  const curve = new Float64Array(count);
  const hits = new Int32Array(count);
  for (let area = 0; area < areaRanges.length; area++) {
    if (positives[area] === 0) continue;
    for (let t = 0; t < thresholdCount; t++) {
      const at = area * thresholdCount + t;
      const verdicts = matches.verdicts.subarray(at * matches.stride, at * matches.stride + count);
      const found = precisionAtHits(verdicts, order, curve, hits);
      recall[at] = found / positives[area];
      // Recall never falls, so one walk along the hits serves all 101 thresholds.
      for (let r = 0, n = 0; r < recallCount; r++) {
        while (n < found && (n + 1) / positives[area] < recallThresholds[r]) n++;
        precision[at * recallCount + r] = n < found ? curve[n] : 0;
        if (area > 0) continue;
        // Recall 0 is reached by the very first detection, right or wrong.
        const reached = r === 0 ? order[0] : hits[n];
        scoreAtRecall[at * recallCount + r] = (r === 0 ? count > 0 : n < found) ? scoreOf[reached] : 0;
      }
      if (area > 0) continue;
      const few = [0, 0];
      for (let i = 0; i < count; i++) {
        if (verdicts[i] !== right) continue;
        if (matches.ranks[i] < maxDetections[0]) few[0]++;
        if (matches.ranks[i] < maxDetections[1]) few[1]++;
      }
      recallOfFew[t] = few[0] / positives[0];
      recallOfFew[thresholdCount + t] = few[1] / positives[0];
    }
  }
  return {
    positives,
    precision,
    recall,
    recallOfFew,
    scoreAtRecall,
    scores: Float64Array.from(order, (i) => scoreOf[i]),
    verdicts: Uint8Array.from(order, (i) => matches.verdicts[i]),
  };
}

/**
 * Precision at every true detection, best first, made monotone from the right; their number. Between two true detections
 * precision only falls, so no other place matters.
 */
function precisionAtHits(verdicts: Uint8Array, order: Int32Array, curve: Float64Array, hits: Int32Array): number {
  let found = 0;
  let seen = 0;
  for (const i of order) {
    if (verdicts[i] === leftOut) continue;
    seen++;
    if (verdicts[i] !== right) continue;
    hits[found] = i;
    found++;
    curve[found - 1] = found / (seen + Number.EPSILON);
  }
  for (let n = found - 2; n >= 0; n--) curve[n] = Math.max(curve[n], curve[n + 1]);
  return found;
}

/** Pairs detections with truths picture by picture, for every area range and IoU threshold. */
class Matcher {
  /** detections that count, at most 100 a picture */
  count = 0;
  readonly capacity: number;
  readonly scores: Float64Array;
  /** place among the picture's detections by score, from 0 */
  readonly ranks: Uint8Array;
  /** `[4 areas * 10 IoUs, capacity]` */
  readonly verdicts: Uint8Array;
  readonly positives = new Int32Array(areaRanges.length);
  #iou = new Float64Array(0);
  #order = new Int32Array(0);
  #ignored = new Uint8Array(0);
  #taken = new Uint8Array(0);

  constructor(
    readonly truthColumns: TruthColumns,
    readonly truths: Int32Array,
    readonly detectionColumns: DetectionColumns,
    readonly detections: Int32Array,
    readonly spans: readonly PictureSpan[],
  ) {
    this.capacity = detections.length;
    this.scores = new Float64Array(this.capacity);
    this.ranks = new Uint8Array(this.capacity);
    this.verdicts = new Uint8Array(areaRanges.length * thresholdCount * this.capacity);
  }

  run(): void {
    for (const span of this.spans) {
      const truths = this.truths.subarray(span.truthFrom, span.truthTo);
      const { scores } = this.detectionColumns;
      // Indices ascend within a picture, so ties keep the order of the list.
      const all = this.detections.slice(span.detectionFrom, span.detectionTo);
      const detections = all.sort((a, b) => scores[b] - scores[a] || a - b).subarray(0, maxPerPicture);
      for (let d = 0; d < detections.length; d++) {
        this.scores[this.count + d] = scores[detections[d]];
        this.ranks[this.count + d] = d;
      }
      this.#reserve(truths.length, detections.length);
      const mayMatch = this.#overlaps(truths, detections);
      for (let area = 0; area < areaRanges.length; area++) this.#matchArea(area, truths, detections, mayMatch);
      this.count += detections.length;
    }
  }

  #reserve(truths: number, detections: number): void {
    if (this.#order.length < truths) {
      this.#order = new Int32Array(2 * truths);
      this.#ignored = new Uint8Array(2 * truths);
      this.#taken = new Uint8Array(2 * truths);
    }
    if (this.#iou.length < truths * detections) this.#iou = new Float64Array(2 * truths * detections);
  }

  /** Fills the IoU matrix; whether any pair reaches the lowest threshold. A crowd counts the detection's area only. */
  #overlaps(truths: Int32Array, detections: Int32Array): boolean {
    const { boxes, crowd } = this.truthColumns;
    const found = this.detectionColumns.boxes;
    let most = 0;
    for (let d = 0, at = 0; d < detections.length; d++) {
      const i = 4 * detections[d];
      const area = found[i + 2] * found[i + 3];
      for (let g = 0; g < truths.length; g++, at++) {
        const j = 4 * truths[g];
        this.#iou[at] = 0;
        const width = Math.min(found[i] + found[i + 2], boxes[j] + boxes[j + 2]) - Math.max(found[i], boxes[j]);
        if (width <= 0) continue;
        const height =
          Math.min(found[i + 1] + found[i + 3], boxes[j + 1] + boxes[j + 3]) - Math.max(found[i + 1], boxes[j + 1]);
        if (height <= 0) continue;
        const intersection = width * height;
        const union = crowd[truths[g]] === 1 ? area : area + boxes[j + 2] * boxes[j + 3] - intersection;
        this.#iou[at] = intersection / union;
        most = Math.max(most, this.#iou[at]);
      }
    }
    return most >= iouThresholds[0];
  }

  #matchArea(area: number, truths: Int32Array, detections: Int32Array, mayMatch: boolean): void {
    const [least, most] = areaRanges[area];
    const { areas, crowd } = this.truthColumns;
    const order = this.#order;
    const ignored = this.#ignored;
    let counted = 0;
    for (let g = 0; g < truths.length; g++) {
      const size = areas[truths[g]];
      ignored[g] = crowd[truths[g]] === 1 || size < least || size > most ? 1 : 0;
      if (ignored[g] === 0) order[counted++] = g;
    }
    this.positives[area] += counted;
    for (let g = 0, at = counted; g < truths.length; g++) if (ignored[g] === 1) order[at++] = g;

    for (let t = 0; t < thresholdCount; t++) {
      const verdicts = (area * thresholdCount + t) * this.capacity + this.count;
      this.#taken.fill(0, 0, truths.length);
      for (let d = 0; d < detections.length; d++) {
        const match = mayMatch ? this.#match(d, truths, iouThresholds[t], counted) : -1;
        if (match >= 0) {
          this.#taken[match] = 1;
          this.verdicts[verdicts + d] = ignored[match] === 1 ? leftOut : right;
        } else {
          const size = this.detectionColumns.areas[detections[d]];
          this.verdicts[verdicts + d] = size < least || size > most ? leftOut : wrong;
        }
      }
    }
  }

  /**
   * The truth of a detection: the best free one that counts; failing that the best ignored one, where a crowd is always
   * free. On equal IoU the later truth wins. `#order` holds first the `counted` truths that count.
   */
  #match(d: number, truths: Int32Array, threshold: number, counted: number): number {
    const { crowd } = this.truthColumns;
    let best = Math.min(threshold, 1 - 1e-10);
    let match = -1;
    for (let k = 0; k < truths.length; k++) {
      if (k === counted && match >= 0) break;
      const g = this.#order[k];
      if (this.#taken[g] === 1 && crowd[truths[g]] === 0) continue;
      const overlap = this.#iou[d * truths.length + g];
      if (overlap < best) continue;
      best = overlap;
      match = g;
    }
    return match;
  }
}
