/**
 * Metrics: classification accuracy, COCO and PASCAL VOC average precision, detection errors, and tracking scores (MOT).
 */

export * from "./analysis.js";
export * from "./calibration.js";
export * from "./classification.js";
export {
  accumulateCoco,
  type CocoCategoryStats,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoMatches,
  type CocoResult,
  type CocoStats,
  evaluateCoco,
  matchCoco,
  summarizeCoco,
} from "./coco.js";
export {
  accumulateMatches,
  type CategoryAccumulation,
  type CategoryMatches,
  type CocoParameters,
  cocoParameters,
  iouThresholds,
  joinMatches,
  recallThresholds,
} from "./coco-category.js";
export { type CocoColumns, cocoColumns, matchColumns } from "./coco-columns.js";
export { evaluateCocoMatches, shardCoco } from "./coco-shards.js";
export * from "./confusion.js";
export * from "./detection.js";
export * from "./errors.js";
export * from "./mot.js";
export type { ClearCounts } from "./mot-clear.js";
export {
  type MotBenchmark,
  type MotConvention,
  type MotFrameOptions,
  motBenchmarks,
  motConventions,
} from "./mot-frames.js";
export { type HotaCounts, hotaAlphas } from "./mot-hota.js";
export type { MotmetricsCounts } from "./mot-motmetrics.js";
export * from "./voc.js";
export * from "./voc-coco.js";
