export * from "./engine/float-values.js";
export * from "./engine/integer-engine.js";
export * from "./float.js";
export * from "./integer.js";
