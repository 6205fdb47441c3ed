export * from "./cross-entropy.js";
export * from "./differentiate.js";
export * from "./executor.js";
export * from "./gradient-ops.js";
export * from "./losses.js";
export { type OptimizerName, type OptimizerStep, optimizerNames } from "./optimizer.js";
export * from "./recipe.js";
export * from "./schedule.js";
export * from "./trainer.js";
