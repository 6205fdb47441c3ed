export * from "./archives.js";
export * from "./regular-file.js";
