/**
 * The analysis behind a detector's metrics, as plain data: F1 over the confidence, the confusion matrix, the cost of
 * errors.
 */
import { accumulateCoco, type CocoDetection, type CocoGroundTruth } from "./coco.js";
import { type ConfidencePoint, confidenceCurve, detectionConfusion } from "./confusion.js";
import { type DetectionErrors, detectionErrors } from "./errors.js";

export interface DetectionAnalysis {
  readonly confidences: readonly ConfidencePoint[];
  /** at the confidence of the best F1; see `DetectionConfusion` */
  readonly confusion: {
    readonly classes: readonly string[];
    readonly counts: readonly number[];
    readonly confidence: number;
    readonly iou: number;
  };
  readonly errors: DetectionErrors;
}

/** Uses an IoU of .5. Pass detections down to a low score. */
export function analyseDetection(truth: CocoGroundTruth, detections: readonly CocoDetection[]): DetectionAnalysis {
  const confidences = confidenceCurve(accumulateCoco(truth, detections).map(({ accumulation }) => accumulation));
  const best = confidences.reduce((a, b) => (b.f1 > a.f1 ? b : a));
  const { counts, ...confusion } = detectionConfusion(truth, detections, { confidence: best.confidence });
  return {
    confidences,
    confusion: { ...confusion, counts: Array.from(counts) },
    errors: detectionErrors(truth, detections),
  };
}
