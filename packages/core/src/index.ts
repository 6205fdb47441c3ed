/** Gathers all rooms of the library by name. Each room is also an entry point of its own, `@phinets/core/ROOM`. */
export * as cost from "./cost/index.js";
export * as data from "./data/index.js";
export * as detection from "./detection/index.js";
export * as evaluation from "./evaluation/index.js";
export * as exporting from "./export/index.js";
export * as graph from "./graph/index.js";
export * as inference from "./inference/index.js";
export * as kernels from "./kernels/index.js";
export * as labelling from "./labelling/index.js";
export * as learning from "./learning/index.js";
export * as networks from "./networks/index.js";
export * as quantization from "./quantization/index.js";
export * as scaling from "./scaling/index.js";
export * as tensor from "./tensor/index.js";
export * as tracking from "./tracking/index.js";
export * as training from "./training/index.js";
export * as wire from "./wire/index.js";
