export * from "./clip-size.js";
export * from "./decode.js";
export * from "./encode.js";
export * from "./frames.js";
export * from "./line-file.js";
export * from "./streams.js";
