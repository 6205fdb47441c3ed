/** The metrics of an evaluation. */
import type { Calibration, ClassificationMetrics, DetectionAnalysis, DetectionMetrics } from "../evaluation/index.js";

export type Metrics =
  | ({
      readonly task: "detect";
      /** With `detailed`: the analysis behind the metrics. */
      readonly analysis?: DetectionAnalysis;
    } & DetectionMetrics)
  | ({
      readonly task: "classify";
      readonly confusion: readonly number[];
      /** Expected calibration error, 15 bins; NaN where the network's output is not finite. */
      readonly calibrationError?: number;
      /** With `detailed`: the calibration bins. */
      readonly calibration?: Calibration;
    } & Omit<ClassificationMetrics, "confusion">);

/** The metric that selects the best epoch: AP50 or top-1. */
export function headline(metrics: Metrics): number {
  return metrics.task === "detect" ? metrics.AP50 : metrics.top1;
}

/** The metrics as named numbers, as in results.csv. */
export function figuresOf(metrics: Metrics): Record<string, number> {
  return metrics.task === "detect"
    ? { AP50: metrics.AP50, AP: metrics.AP, precision: metrics.precision, recall: metrics.recall }
    : { top1: metrics.top1, top5: metrics.top5 };
}
