export * from "./energy.js";
export * from "./inspection.js";
export * from "./latency.js";
export * from "./macs.js";
export * from "./memory-map.js";
export * from "./parameters.js";
export * from "./plan.js";
