/** The int8 inference module (assembly-int8/): compiled once, each instance with a memory of its own. */
import { PhinetsError } from "../tensor/index.js";
import { decodeBase64 } from "./base64.js";
import { wasmBase64 } from "./wasm-int8.generated.js";

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
} as const;

export interface Int8Module {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Executes the instructions from address `start` to `end`. */
  run(start: number, end: number): void;
  /** First address that the module does not use itself. */
  firstAddress(): number;
}

interface Api {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { readonly exports: Int8Module };
}

let compiled: object | undefined;

/** Throws PhinetsError `kernels.simd` where the runtime has no WebAssembly with SIMD. */
export function createInt8Module(): Int8Module {
  const api = (globalThis as unknown as { WebAssembly?: Api }).WebAssembly;
  try {
    if (api === undefined) throw new Error("there is no WebAssembly");
    compiled ??= new api.Module(decodeBase64(wasmBase64));
    return new api.Instance(compiled, { env: { abort() {} } }).exports;
  } catch (error) {
    throw new PhinetsError(
      "kernels.simd",
      `int8 inference needs WebAssembly with SIMD, which this runtime lacks (${(error as Error).message}); use Node 20 or later, or a browser of 2023 or later`,
    );
  }
}
