/** The int8 inference module (assembly-int8/), compiled once; each instance has a memory of its own. */
import { requireLittleEndian } from "../tensor/index.js";
import { wasmText } from "./wasm-int8.generated.js";
import { instantiate, type OwnMemory } from "./webassembly.js";

/**
 * Instruction codes, the cases of assembly-int8/index.ts. The words of each instruction are listed beside its kernel.
 */
export const int8Opcodes = {
  linear: 0,
  depthwise: 1,
  add: 2,
  multiply: 3,
  globalAveragePool: 4,
  lookup: 5,
  maxPool: 6,
  pad: 7,
  toPlanes: 8,
  fromPlanes: 9,
  averagePool: 10,
  softmax: 11,
  // Run once, when a network is loaded:
  pack: 12,
  panelOfOne: 13,
  prepareAdd: 14,
  // For imported networks:
  move: 15,
  resize: 16,
  maxWindow: 17,
  extreme: 18,
  repeat: 19,
} as const;

export interface Int8Module {
  readonly memory: OwnMemory;
  /** Executes the instructions from address `start` to `end`. */
  run(start: number, end: number): void;
  /** First address that the module does not use itself. */
  firstAddress(): number;
}

/** Throws PhinetsError `kernels.simd` if the runtime lacks WebAssembly SIMD. */
export function createInt8Module(): Int8Module {
  requireLittleEndian();
  return instantiate(wasmText, "int8 inference");
}
