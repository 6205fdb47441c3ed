export * from "./arguments.js";
export * from "./folder.js";
export * from "./load.js";
export * from "./lock.js";
export * from "./model.js";
export * from "./option-file.js";
export * from "./save.js";
