export * from "./backbone.js";
export * from "./build.js";
export * from "./checkpoint/index.js";
export { writeZip } from "./checkpoint/zip.js";
export { headProblem } from "./imported.js";
export * from "./initial-weights.js";
export * from "./network.js";
export { expansionFactor, type PhinetBlock, phinetBlocks, roundWidth, stemFilters } from "./phinet.js";
export { predictionLayer, yolov2Channels } from "./yolov2.js";
