export * from "./colours.js";
export * from "./context.js";
export * from "./format.js";
export * from "./options.js";
export * from "./progress.js";
export * from "./table.js";
export * from "./visible.js";
