export * from "./loader.js";
export * from "./matching.js";
export * from "./model-threads.js";
export * from "./pool.js";
