export * from "./engine.js";
export * from "./int8-module.js";
export * from "./opcodes.js";
export type { Memory, Module } from "./webassembly.js";
