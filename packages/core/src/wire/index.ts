export * from "./decoder.js";
export * from "./encode.js";
export * from "./frames.js";
export * from "./listener.js";
export * from "./messages.js";
