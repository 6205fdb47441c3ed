export * from "./archives.js";
export * from "./regular-file.js";
export * from "./within.js";
