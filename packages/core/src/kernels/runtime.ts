/**
 * Checks the runtime features that the kernels need before they are compiled, so that a missing one is reported
 * clearly.
 */
import { isLittleEndian, PhinetsError, requireLittleEndian } from "../tensor/index.js";
import type { WebAssemblyApi } from "./webassembly.js";

/** The parts of a runtime that may be missing. */
export interface Runtime {
  readonly WebAssembly?: WebAssemblyApi;
  readonly littleEndian: boolean;
}

export function thisRuntime(): Runtime {
  const host = globalThis as unknown as Omit<Runtime, "littleEndian">;
  return {
    WebAssembly: host.WebAssembly,
    littleEndian: isLittleEndian(),
  };
}

/**
 * Throws PhinetsError `tensor.endianness`, `kernels.webassembly`, `kernels.simd`, or `kernels.fast` for a module with
 * relaxed SIMD. The thread pool checks whether memory can be shared, because it can suggest a remedy.
 * @param module bytes of the kernels
 */
export function requireKernels(
  runtime: Runtime,
  module: Uint8Array,
  { fast = false }: { readonly fast?: boolean } = {},
): WebAssemblyApi {
  requireLittleEndian(runtime.littleEndian);
  const api = runtime.WebAssembly;
  if (api === undefined)
    throw new PhinetsError(
      "kernels.webassembly",
      "training and float inference need WebAssembly, which this runtime lacks or has switched off; use Node 20 or later, or a browser of 2023 or later",
    );
  if (!api.validate(module)) {
    if (fast)
      throw new PhinetsError(
        "kernels.fast",
        "the fast kernels need relaxed SIMD (WebAssembly 3), which this runtime lacks; use Node 22 or later, or Node 20 with `node --experimental-wasm-relaxed-simd`, or train without fast",
      );
    throw new PhinetsError(
      "kernels.simd",
      "training and float inference need WebAssembly with SIMD and threads, which this runtime or its processor lacks; use Node 20 or later, or a browser of 2023 or later",
    );
  }
  return api;
}
