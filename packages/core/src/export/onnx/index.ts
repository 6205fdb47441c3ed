export * from "./device.js";
export * from "./model.js";
export * from "./network.js";
export * from "./runtime.js";
export * from "./training-graph.js";
