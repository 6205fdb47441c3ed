/** The training loop around a trainer: batches, epochs, validation and the choice of the best weights. */

export * from "./batches.js";
export * from "./best.js";
export * from "./epoch.js";
export * from "./fit-head.js";
export * from "./learn.js";
export * from "./metrics.js";
export * from "./outputs.js";
export * from "./trainer.js";
