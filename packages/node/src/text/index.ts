export * from "./format.js";
export * from "./markdown.js";
export * from "./metrics.js";
export * from "./quote.js";
export * from "./table.js";
export * from "./visible.js";
export * from "./yaml.js";
export * from "./yaml-names.js";
