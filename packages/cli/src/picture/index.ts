export * from "./detect.js";
export * from "./draw.js";
export * from "./files.js";
export * from "./font.js";
export * from "./sheet.js";
export * from "./tiles.js";
export * from "./tracks.js";
