/** The protocol between a board and its host: frames, messages and their codecs. */

export * from "./decoder.js";
export * from "./encode.js";
export * from "./frames.js";
export * from "./listener.js";
export * from "./messages.js";
