export * from "./endianness.js";
export * from "./errors.js";
export * from "./json.js";
export * from "./math.js";
export * from "./random.js";
export * from "./safetensors.js";
export * from "./tensor.js";
export * from "./utf8.js";
