/** The int8 inference module (assembly-int8/): compiled once, each instance with a memory of its own. */
import { requireLittleEndian } from "../tensor/index.js";
import { wasmHex } from "./wasm-int8.generated.js";
import { instantiate, type OwnMemory } from "./webassembly.js";

/** Codes of the instructions; the cases of assembly-int8/index.ts. The words of each are listed beside its kernel. */
export const int8Opcodes = {
  linear: 0,
  depthwise: 1,
  groupedConvolution: 2,
  add: 3,
  multiply: 4,
  globalAveragePool: 5,
  lookup: 6,
  maxPool: 7,
  pad: 8,
  toPlanes: 9,
  fromPlanes: 10,
} as const;

export interface Int8Module {
  readonly memory: OwnMemory;
  /** Executes the instructions from address `start` to `end`. */
  run(start: number, end: number): void;
  /** First address that the module does not use itself. */
  firstAddress(): number;
}

/** Throws PhinetsError `kernels.simd` where the runtime has no WebAssembly with SIMD. */
export function createInt8Module(): Int8Module {
  requireLittleEndian();
  return instantiate(wasmHex, "int8 inference");
}
