export * from "./classification.js";
export {
  accumulateCoco,
  type CocoCategoryStats,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoResult,
  type CocoStats,
  evaluateCoco,
} from "./coco.js";
export { type CategoryAccumulation, iouThresholds, recallThresholds } from "./coco-category.js";
export * from "./detection.js";
