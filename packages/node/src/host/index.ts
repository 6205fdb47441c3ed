export * from "./atomic.js";
export * from "./child.js";
export * from "./concurrency.js";
export * from "./cores.js";
export * from "./document.js";
export * from "./ffmpeg.js";
export * from "./process.js";
export * from "./tool.js";
