export * from "./float.js";
export * from "./integer.js";
