export * from "./anchors.js";
export * from "./boxes.js";
export * from "./decode.js";
export * from "./nms.js";
