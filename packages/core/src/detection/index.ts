export * from "./anchors.js";
export * from "./boxes.js";
export { type CiouLossOptions, ciouLoss } from "./ciou-loss.js";
export * from "./decode.js";
export type { DetectionLoss, DetectionLossOptions, DetectionLossResult } from "./loss.js";
export * from "./losses.js";
export * from "./nms.js";
export * from "./rounding-error.js";
export { type Yolov2LossOptions, yolov2Loss } from "./yolov2-loss.js";
