export * from "./board.js";
export * from "./kernels.js";
export * from "./layout.js";
export * from "./place.js";
export * from "./program.js";
export * from "./steps.js";
export * from "./stream.js";
