/** A detector's confusion matrix with background, and its F1 over the confidence. */
import type { CocoDetection, CocoGroundTruth } from "./coco.js";
import type { CategoryAccumulation } from "./coco-category.js";
import { iouOf, type JudgedDetection, judgePictures } from "./judged.js";

export interface DetectionConfusion {
  /** names by ascending category id, without background, which is the last row and column */
  readonly classes: readonly string[];
  /** `[classes + 1, classes + 1]`, row = truth, column = detection; truths in the last column are missed */
  readonly counts: Int32Array;
  readonly confidence: number;
  readonly iou: number;
}

/**
 * Matrix of detections of at least `confidence`. They are matched first within their class as COCO matches them, then
 * the rest across classes, best score first, so the diagonal is what COCO calls right. Crowds, and detections in them,
 * do not count.
 */
export function detectionConfusion(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  { confidence = 0.5, iou = 0.5 }: { readonly confidence?: number; readonly iou?: number } = {},
): DetectionConfusion {
  const names = new Map(truth.categories.map(({ id, name }) => [id, name ?? String(id)]));
  const ids = [...names.keys()].sort((a, b) => a - b);
  const place = new Map(ids.map((id, i) => [id, i]));
  const size = ids.length + 1;
  const counts = new Int32Array(size * size);
  const count = (row: number | undefined, column: number | undefined) =>
    counts[(row ?? ids.length) * size + (column ?? ids.length)]++;
  const kept = detections.filter(({ score }) => score >= confidence);
  for (const { truths, found, detections: judged } of judgePictures(truth, kept, iou)) {
    const taken = found.slice();
    const left: JudgedDetection[] = [];
    for (const each of judged) {
      if (each.leftOut) continue;
      const own = place.get(each.detection.category_id);
      if (each.match >= 0) count(own, own);
      else left.push(each);
    }
    left.sort((a, b) => b.detection.score - a.detection.score);
    for (const { detection } of left) {
      let best = -1;
      let most = iou;
      for (const [t, other] of truths.entries()) {
        if (other.iscrowd || taken[t] === 1) continue;
        const overlap = iouOf(detection, other);
        if (overlap >= most) [best, most] = [t, overlap];
      }
      if (best >= 0) taken[best] = 1;
      count(place.get(truths[best]?.category_id), place.get(detection.category_id));
    }
    for (const [t, { category_id, iscrowd }] of truths.entries()) {
      if (!iscrowd && taken[t] === 0) count(place.get(category_id), undefined);
    }
  }
  return { classes: ids.map((id) => names.get(id)!), counts, confidence, iou };
}

export interface ConfidencePoint {
  readonly confidence: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/**
 * Precision, recall and F1 of the detections at or above each of 101 confidences from 0 to 1 (or over the scores' own
 * range if it exceeds that), at IoU .5, over all categories together. Precision without detections is 0.
 */
export function confidenceCurve(
  categories: readonly Pick<CategoryAccumulation, "scores" | "verdicts" | "positives">[],
): ConfidencePoint[] {
  const truths = categories.reduce((sum, { positives }) => sum + positives[0], 0);
  let [low, high] = [0, 1];
  for (const { scores } of categories) {
    if (scores.length === 0) continue;
    high = Math.max(high, scores[0]);
    low = Math.min(low, scores[scores.length - 1]);
  }
  const next = categories.map(() => 0);
  const points: ConfidencePoint[] = [];
  let right = 0;
  let wrong = 0;
  for (let step = 100; step >= 0; step--) {
    const confidence = low + (high - low) * (step / 100);
    for (const [c, { scores, verdicts }] of categories.entries()) {
      for (; next[c] < scores.length && scores[next[c]] >= confidence; next[c]++) {
        if (verdicts[next[c]] === 1) right++;
        else if (verdicts[next[c]] === 0) wrong++;
      }
    }
    points.push({
      confidence,
      precision: right === 0 ? 0 : right / (right + wrong),
      recall: truths === 0 ? 0 : right / truths,
      f1: right === 0 ? 0 : (2 * right) / (right + wrong + truths),
    });
  }
  return points.reverse();
}
