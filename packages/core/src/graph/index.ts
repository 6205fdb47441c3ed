export * from "./builder.js";
export * from "./graph.js";
export * from "./ops.js";
export * from "./passes/deploy.js";
export * from "./resize.js";
export * from "./serialize.js";
export * from "./traits.js";
export * from "./unary.js";
