export * from "./engine.js";
export * from "./opcodes.js";
export type { Memory, Module } from "./webassembly.js";
