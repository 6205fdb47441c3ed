/**
 * COCO's curves of one category from its matches: pycocotools' COCOeval for boxes with its default parameters, to the last
 * digit.
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

export const thresholdCount = iouThresholds.length;
const recallCount = recallThresholds.length;

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

/** Verdicts. */
export const wrong = 0;
export const right = 1;
export const leftOut = 2;

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
