/** The WebAssembly kernels that compute training and inference: the engine, its memory and its instruction set. */

export * from "./engine.js";
export * from "./instructions.js";
export * from "./int8-module.js";
export type { Memory, Module } from "./webassembly.js";
export * from "./words.js";
