/** COCO's curves of one category, computed from its matches with the same digits as pycocotools' COCOeval for boxes. */
import { PhinetsError } from "../tensor/index.js";

/** .5, .55 ... .95, computed as numpy's linspace computes them. */
export const iouThresholds: readonly number[] = Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : 0.5 + i * ((0.95 - 0.5) / 9),
);
/** 0, .01 ... 1. */
export const recallThresholds: readonly number[] = Array.from({ length: 101 }, (_, i) => i * 0.01);
/** all, small, medium, large; in square pixels, both ends inclusive */
export const areaRanges: readonly (readonly [number, number])[] = [
  [0, 1e10],
  [0, 32 * 32],
  [32 * 32, 96 * 96],
  [96 * 96, 1e10],
];

/** The parameters that COCOeval calls Params, for boxes. */
export interface CocoParameters {
  /** Ascending, above 0, at most 1. Default .5, .55 ... .95. */
  readonly iouThresholds: readonly number[];
  /** Ascending, 0..1. Default 0, .01 ... 1. */
  readonly recallThresholds: readonly number[];
  /**
   * Maximum numbers of detections per picture and category, in non-decreasing order. AR1, AR10 and AR100 use these
   * three values; all other metrics use the last one. Default 1, 10, 100.
   */
  readonly maxDetections: readonly [number, number, number];
}

const defaults: CocoParameters = { iouThresholds, recallThresholds, maxDetections: [1, 10, 100] };

/** Throws `evaluation.coco` for values out of range. */
export function cocoParameters(options: Partial<CocoParameters> = {}): CocoParameters {
  const check = (name: keyof CocoParameters, wanted: string, good: (value: number) => boolean): void => {
    const list: readonly number[] | undefined = options[name];
    if (list === undefined) return;
    // pycocotools allows equal numbers of detections, such as 1, 1, 100.
    const follows = (a: number, b: number) => (name === "maxDetections" ? b >= a : b > a);
    const ascends = list.every((value, i) => good(value) && (i === 0 || follows(list[i - 1], value)));
    if (list.length === 0 || (name === "maxDetections" && list.length !== 3) || !ascends) {
      throw new PhinetsError("evaluation.coco", `coco: ${name} is [${list}]; it must be ${wanted}, ascending`);
    }
  };
  check("iouThresholds", "numbers above 0, at most 1", (value) => value > 0 && value <= 1);
  check("recallThresholds", "numbers of 0..1", (value) => value >= 0 && value <= 1);
  check("maxDetections", "three integers of 1..65535", (n) => Number.isInteger(n) && n >= 1 && n <= 65535);
  return { ...defaults, ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) };
}

export interface CategoryAccumulation {
  readonly parameters: CocoParameters;
  /** for each area range, the number of truths that count */
  readonly positives: Int32Array;
  /** `[4 areas, IoUs, recalls]` with the maximum detections per picture; -1 without truths */
  readonly precision: Float64Array;
  /** `[4 areas, IoUs]` with the maximum detections per picture; -1 without truths */
  readonly recall: Float64Array;
  /** `[2, IoUs]`: for the first and second `maxDetections`, all areas */
  readonly recallOfFew: Float64Array;
  /** `[IoUs, recalls]`: score at which a recall is reached, all areas; 0 if it is not reached */
  readonly scoreAtRecall: Float64Array;
  /** scores of all detections, best first */
  readonly scores: Float64Array;
  /** for each detection, best first, at the first IoU and all areas: 0 false, 1 true, 2 ignored */
  readonly verdicts: Uint8Array;
}

/** Values of a verdict. */
export const wrong = 0;
export const right = 1;
export const leftOut = 2;

/**
 * The matches of one category's detections, picture by picture. Only typed arrays, so that threads can exchange them.
 */
export interface CategoryMatches {
  readonly parameters: CocoParameters;
  /** number of detections that count, at most `maxDetections[2]` per picture */
  readonly count: number;
  readonly scores: Float64Array;
  /** rank by score among the picture's detections, from 0 */
  readonly ranks: Uint16Array;
  /** `[4 areas * IoUs, stride]`: 0 false, 1 true, 2 ignored */
  readonly verdicts: Uint8Array;
  readonly stride: number;
  /** for each area range, the number of truths that count */
  readonly positives: Int32Array;
}

/** Concatenates the matches of one or more lists of pictures, with equal parameters. */
export function joinMatches(list: readonly CategoryMatches[]): CategoryMatches {
  const { parameters } = list[0];
  const stride = list.reduce((sum, { count }) => sum + count, 0);
  const rows = areaRanges.length * parameters.iouThresholds.length;
  const joined = {
    parameters,
    count: stride,
    scores: new Float64Array(stride),
    ranks: new Uint16Array(stride),
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

/** Computes the curves from all pictures' matches. */
export function accumulateMatches(matches: CategoryMatches): CategoryAccumulation {
  const { parameters, positives, count, scores: scoreOf } = matches;
  const { recallThresholds: recalls, maxDetections } = parameters;
  const thresholdCount = parameters.iouThresholds.length;
  const recallCount = recalls.length;
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
      // Recall never falls, so one pass over the hits serves all 101 thresholds.
      for (let r = 0, n = 0; r < recallCount; r++) {
        while (n < found && (n + 1) / positives[area] < recalls[r]) n++;
        precision[at * recallCount + r] = n < found ? curve[n] : 0;
        if (area > 0) continue;
        // Recall 0 is reached by the first detection, whether right or wrong.
        const atOnce = recalls[r] === 0;
        const reached = atOnce ? order[0] : hits[n];
        scoreAtRecall[at * recallCount + r] = (atOnce ? count > 0 : n < found) ? scoreOf[reached] : 0;
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
    parameters,
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
 * Precision at every true detection, best first, made monotone from the right; returns their number. Between two true
 * detections precision only falls, so no other position matters.
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
