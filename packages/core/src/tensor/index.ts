/**
 * Tensors and the small helpers that every room uses: errors, JSON, random numbers, bit-exact mathematics, safetensors.
 */

export * from "./broadcast.js";
export * from "./endianness.js";
export * from "./errors.js";
export * from "./json.js";
export * from "./math.js";
export * from "./nearest.js";
export * from "./random.js";
export * from "./safetensors.js";
export * from "./tensor.js";
export * from "./utf8.js";
