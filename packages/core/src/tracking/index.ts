export * from "./assignment.js";
export * from "./kalman.js";
export * from "./motchallenge.js";
export * from "./sort.js";
