export * from "./archives.js";
export * from "./atomic.js";
export * from "./document.js";
export * from "./ffmpeg.js";
export * from "./process.js";
export * from "./regular-file.js";
export * from "./tool.js";
