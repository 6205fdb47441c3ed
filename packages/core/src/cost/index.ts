export * from "./board.js";
export * from "./energy.js";
export * from "./latency.js";
export * from "./macs.js";
export * from "./memory-map.js";
export * from "./parameters.js";
export * from "./plan.js";
export * from "./weights.js";
