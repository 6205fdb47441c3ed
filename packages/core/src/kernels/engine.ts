import type { Memory, Module } from "./webassembly.js";

/** How the engine gets its other threads. Node's implementation is in the CLI; a browser's would use Web Workers. */
export interface ThreadPool {
  /** Threads in all, the caller's included; at least 1. */
  readonly threads: number;
  /**
   * Starts threads 1..threads-1. Each instantiates `module` with `{ env: { memory } }`, reports that it is ready, and
   * calls the export `work(thread)`, which returns when the engine is disposed. Resolves when all are ready.
   */
  start(job: { readonly module: Module; readonly memory: Memory }): Promise<void>;
  /** Resolves when all threads have ended. */
  stop(): Promise<void>;
}
export declare class Engine {
  readonly threads: number;
  dispose(): Promise<void>;
}
export declare function createEngine(options?: { threads?: ThreadPool }): Promise<Engine>;
