export * from "./errors.js";
export * from "./math.js";
export * from "./random.js";
export * from "./tensor.js";
