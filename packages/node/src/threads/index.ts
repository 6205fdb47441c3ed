export * from "./loader.js";
export * from "./matching.js";
export * from "./pool.js";
