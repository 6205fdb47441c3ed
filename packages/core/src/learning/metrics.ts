/** What an evaluation found. */
import type { Calibration, ClassificationMetrics, DetectionAnalysis, DetectionMetrics } from "../evaluation/index.js";

export type Metrics =
  | ({
      readonly task: "detect";
      /** With `detailed`: what stands behind the figures. */
      readonly analysis?: DetectionAnalysis;
    } & DetectionMetrics)
  | ({
      readonly task: "classify";
      readonly confusion: readonly number[];
      /** Expected calibration error, 15 bins; NaN where the network's output is not finite. */
      readonly calibrationError?: number;
      /** With `detailed`: its bins. */
      readonly calibration?: Calibration;
    } & Omit<ClassificationMetrics, "confusion">);

/** The one figure that the best epoch is chosen by: AP50, or top-1. */
export function headline(metrics: Metrics): number {
  return metrics.task === "detect" ? metrics.AP50 : metrics.top1;
}

/** As results.csv has them. */
export function figuresOf(metrics: Metrics): Record<string, number> {
  return metrics.task === "detect"
    ? { AP50: metrics.AP50, AP: metrics.AP, precision: metrics.precision, recall: metrics.recall }
    : { top1: metrics.top1, top5: metrics.top5 };
}
