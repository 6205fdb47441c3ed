/** The part of the WebAssembly API that the engine uses; ES2023's library does not declare it. */
export interface Memory {
  readonly buffer: SharedArrayBuffer;
  /** Adds 64 KiB pages. */
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
