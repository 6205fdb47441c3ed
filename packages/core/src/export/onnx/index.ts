export * from "./model.js";
export * from "./training-graph.js";
