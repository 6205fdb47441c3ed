import { PhinetsError } from "../tensor/index.js";
import { decodeModule } from "./code.js";

/** The part of the WebAssembly API that the engine uses, because ES2023's library does not declare it. */
export interface Memory {
  readonly buffer: SharedArrayBuffer;
  /** Adds pages of 64 KiB. */
  grow(pages: number): number;
}

/** A compiled module; opaque. */
export type Module = object;

export interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => Module;
  validate(bytes: Uint8Array): boolean;
  Instance: new (module: Module, imports: Record<string, Record<string, unknown>>) => { readonly exports: never };
  Memory: new (descriptor: { initial: number; maximum: number; shared: boolean }) => Memory;
}

/** A module's private memory. */
export interface OwnMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB. */
  grow(pages: number): number;
}

const compiled = new Map<string, Module>();

/**
 * Creates an instance of a module with a memory of its own; each module is compiled once.
 * @param purpose what the module is needed for, for the error message
 * @throws PhinetsError `kernels.simd` if the runtime lacks WebAssembly SIMD.
 */
export function instantiate<Exports>(text: string, purpose: string): Exports {
  const api = (globalThis as unknown as { WebAssembly?: WebAssemblyApi }).WebAssembly;
  try {
    if (api === undefined) throw new Error("there is no WebAssembly");
    const module = compiled.get(text) ?? new api.Module(decodeModule(text));
    compiled.set(text, module);
    return new api.Instance(module, { env: { abort() {} } }).exports;
  } catch (error) {
    throw new PhinetsError(
      "kernels.simd",
      `${purpose} needs WebAssembly with SIMD, which this runtime lacks (${(error as Error).message}); use Node 20 or later, or a browser of 2023 or later`,
    );
  }
}
