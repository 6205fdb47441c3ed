export * from "./cache.js";
export * from "./convert.js";
export * from "./conveyor.js";
export * from "./digests.js";
export * from "./doctor.js";
export * from "./looks.js";
export * from "./open.js";
export * from "./save-detections.js";
