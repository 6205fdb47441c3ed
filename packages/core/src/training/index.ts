/**
 * Training: recipes, losses, learning rate schedules, training graphs, and the executor that runs them step by step.
 */

export * from "./augment-recipe.js";
export * from "./augmentation.js";
export * from "./class-weights.js";
export * from "./cross-entropy.js";
export * from "./device.js";
export * from "./differentiate.js";
export { divergedError } from "./divergence.js";
export * from "./executor.js";
export { frozenLayers } from "./freeze.js";
export * from "./gradient-ops.js";
export * from "./losses.js";
export * from "./multi-scale.js";
export { type OptimizerName, type OptimizerStep, optimizerNames } from "./optimizer.js";
export * from "./recipe.js";
export * from "./schedule.js";
export * from "./trainer.js";
export * from "./training-graph.js";
