/** The resampling module (assembly-resample/, which documents its parameters), with a memory of its own. */
import { wasmText } from "./wasm-resample.generated.js";
import { instantiate, type OwnMemory } from "./webassembly.js";

export interface ResampleModule {
  readonly memory: OwnMemory;
  across(
    pixels: number,
    rows: number,
    rowBytes: number,
    from: number,
    bytes: number,
    channels: number,
    pairs: number,
    taps: number,
    outputs: number,
    most: number,
    fill: number,
    out: number,
    stride: number,
  ): void;
  down(rows: number, stride: number, count: number, weights: number, out: number): void;
}

/** Throws PhinetsError `kernels.simd` if the runtime lacks WebAssembly SIMD. */
export function createResampleModule(): ResampleModule {
  return instantiate(wasmText, "resizing pictures");
}
