export * from "./atomic.js";
export * from "./folder.js";
export * from "./load.js";
export * from "./save.js";
export * from "./target.js";
