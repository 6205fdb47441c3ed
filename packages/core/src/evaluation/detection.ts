/**
 * Detection metrics for validation: a detector's boxes against labels, both as fractions of the picture. AP and AP50
 * are COCO's. IoU does not depend on the scale of the axes; size classes do, so they are not computed.
 */
import type { Detection, Truth } from "../detection/index.js";
import { PhinetsError } from "../tensor/index.js";
import { accumulateCoco, type CocoDetection, type CocoGroundTruth } from "./coco.js";
import { recallThresholds } from "./coco-category.js";

/** One picture: labels (boxes by centre) and detections (boxes by top left corner), fractions 0..1. */
export interface EvaluatedPicture {
  /** Truths with `ignore` count neither as found nor as missed: a crowd as in COCO, a difficult object as in VOC. */
  readonly truths: readonly Truth[];
  readonly detections: readonly Detection[];
}

export interface ClassDetectionMetrics {
  readonly class: number;
  readonly name: string;
  /** number of labels that count */
  readonly truths: number;
  /** -1, like AP, if the class has no labels */
  readonly AP50: number;
  readonly AP: number;
  /** at the data set's `confidence`, IoU .5 */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface DetectionMetrics {
  readonly images: number;
  /** mean over the classes that have labels, 0..1; -1 if none has */
  readonly AP50: number;
  /** mean over IoU .5:.05:.95 */
  readonly AP: number;
  /** at `confidence`, IoU .5, all classes together */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** minimum score of detections that count, chosen for the best f1 over all classes together */
  readonly confidence: number;
  /** at 101 recalls 0, .01 ... 1: COCO's interpolated precision at IoU .5, mean over the classes that have labels */
  readonly prCurve: readonly { readonly recall: number; readonly precision: number }[];
  readonly perClass: readonly ClassDetectionMetrics[];
}

/**
 * Pass detections down to a low score (0.005): the curves need them, and `confidence` cuts them off.
 * @param classes names in the order of the class indices
 * @throws `evaluation.detection` for a class without a name.
 */
export function evaluateDetection(pictures: readonly EvaluatedPicture[], classes: readonly string[]): DetectionMetrics {
  const { truth, found } = cocoOf(pictures, classes);
  const categories = accumulateCoco(truth, found).map(({ id, name, accumulation }) => ({ id, name, ...accumulation }));

  const confidence = bestConfidence(categories);
  const curves = categories.filter((c) => c.positives[0] > 0).map((c) => c.precision);
  const mean = (from: number, to: number) => {
    if (curves.length === 0) return -1;
    let sum = 0;
    for (const curve of curves) for (let i = from; i < to; i++) sum += curve[i];
    return sum / (curves.length * (to - from));
  };
  const points = recallThresholds.length;
  const total = { right: 0, wrong: 0, truths: 0 };
  const perClass = categories.map((category): ClassDetectionMetrics => {
    const counts = countAbove(category, confidence);
    total.right += counts.right;
    total.wrong += counts.wrong;
    total.truths += counts.truths;
    const average = (length: number) => {
      let sum = 0;
      for (let i = 0; i < length; i++) sum += category.precision[i];
      return sum / length;
    };
    return {
      class: category.id,
      name: category.name,
      truths: counts.truths,
      AP50: average(points),
      AP: average(10 * points),
      ...scoresOf(counts),
    };
  });
  return {
    images: pictures.length,
    AP50: mean(0, points),
    AP: mean(0, 10 * points),
    ...scoresOf(total),
    confidence,
    prCurve: recallThresholds.map((recall, r) => ({ recall, precision: mean(r, r + 1) })),
    perClass,
  };
}

/** Pictures in COCO's form: ids are list indices, boxes stay in fractions. */
export function cocoOf(
  pictures: readonly EvaluatedPicture[],
  classes: readonly string[],
): { readonly truth: CocoGroundTruth; readonly found: readonly CocoDetection[] } {
  const truth = {
    images: pictures.map((_, id) => ({ id })),
    categories: classes.map((name, id) => ({ id, name })),
    annotations: pictures.flatMap(({ truths }, picture) =>
      truths.map((truth) => ({
        image_id: picture,
        category_id: known(truth.class, classes, picture),
        bbox: [truth.x - truth.width / 2, truth.y - truth.height / 2, truth.width, truth.height],
        iscrowd: truth.ignore !== undefined,
        difficult: truth.ignore === "difficult",
      })),
    ),
  };
  const found = pictures.flatMap(({ detections }, picture) =>
    detections.map(
      (d): CocoDetection => ({
        image_id: picture,
        category_id: known(d.class, classes, picture),
        bbox: [d.x, d.y, d.width, d.height],
        score: d.score,
      }),
    ),
  );
  return { truth, found };
}

interface Judged {
  readonly scores: Float64Array;
  readonly verdicts: Uint8Array;
  readonly positives: Int32Array;
}

function known(index: number, classes: readonly string[], picture: number): number {
  if (classes[index] === undefined) {
    throw new PhinetsError(
      "evaluation.detection",
      `evaluate: picture ${picture} has class ${index}, but there are ${classes.length} classes (0..${classes.length - 1})`,
    );
  }
  return index;
}

/** The score threshold with the best f1; 0 if nothing was found correctly. */
function bestConfidence(categories: readonly Judged[]): number {
  const truths = categories.reduce((sum, c) => sum + c.positives[0], 0);
  const all = categories.flatMap((c) => Array.from(c.scores, (score, i) => ({ score, verdict: c.verdicts[i] })));
  all.sort((a, b) => b.score - a.score);
  let right = 0;
  let wrong = 0;
  let best = { f1: 0, score: 0 };
  for (const [i, { score, verdict }] of all.entries()) {
    if (verdict === 1) right++;
    else if (verdict === 0) wrong++;
    if (all[i + 1]?.score === score) continue; // a threshold cannot separate equal scores
    const { f1 } = scoresOf({ right, wrong, truths });
    if (f1 > best.f1) best = { f1, score };
  }
  return best.score;
}

function countAbove({ scores, verdicts, positives }: Judged, confidence: number) {
  const counts = { right: 0, wrong: 0, truths: positives[0] };
  for (let i = 0; i < scores.length && scores[i] >= confidence; i++) {
    if (verdicts[i] === 1) counts.right++;
    else if (verdicts[i] === 0) counts.wrong++;
  }
  return counts;
}

function scoresOf({ right, wrong, truths }: { right: number; wrong: number; truths: number }) {
  return {
    precision: right === 0 ? 0 : right / (right + wrong),
    recall: truths === 0 ? 0 : right / truths,
    f1: right === 0 ? 0 : (2 * right) / (right + wrong + truths),
  };
}
