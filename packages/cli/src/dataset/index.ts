export * from "./cache.js";
export * from "./convert.js";
export * from "./conveyor.js";
export * from "./decode.js";
export * from "./digests.js";
export * from "./doctor.js";
export { fileOnDisk } from "./idx-files.js";
export * from "./looks.js";
export * from "./open.js";
