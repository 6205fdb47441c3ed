export * from "./colours.js";
export * from "./context.js";
export * from "./options.js";
export * from "./progress.js";
export * from "./sweep-table.js";
