/**
 * The WebAssembly module with its memory and threads. Programs (training/program.ts) and their data live in the shared
 * memory; `run` executes one on all threads. Several executors share an engine.
 */
import { PhinetsError } from "../tensor/index.js";
import { decodeBase64 } from "./base64.js";
import { wasmBase64 } from "./wasm.generated.js";
import type { Memory, Module, WebAssemblyApi } from "./webassembly.js";

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

interface Exports {
  run(program: number, threads: number): void;
}

const pageBytes = 65536;
/** Below it: the threads' control words. */
const firstAddress = 1024;
const alignment = 64;

export class Engine {
  readonly #exports: Exports;
  readonly #memory: Memory;
  readonly #pool: ThreadPool | undefined;
  /** Free blocks by address, never adjacent. */
  #free: { address: number; bytes: number }[];
  readonly #used = new Map<number, number>();
  #disposed = false;

  /** Use `createEngine`. */
  constructor(exports: Exports, memory: Memory, pool: ThreadPool | undefined) {
    this.#exports = exports;
    this.#memory = memory;
    this.#pool = pool;
    this.#free = [{ address: firstAddress, bytes: memory.buffer.byteLength - firstAddress }];
  }

  /** Threads in all. Results do not depend on it. */
  get threads(): number {
    return this.#pool?.threads ?? 1;
  }

  /** Bytes of shared memory now. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Zeroed bytes, 64-byte aligned. Throws PhinetsError when the 4 GiB of WebAssembly memory do not suffice. */
  allocate(bytes: number): number {
    const size = Math.ceil(Math.max(bytes, 1) / alignment) * alignment;
    let block = this.#free.find((candidate) => candidate.bytes >= size);
    if (block === undefined) {
      this.#grow(size);
      block = this.#free.find((candidate) => candidate.bytes >= size)!;
    }
    const { address } = block;
    block.address += size;
    block.bytes -= size;
    if (block.bytes === 0) this.#free = this.#free.filter((other) => other !== block);
    this.#used.set(address, size);
    new Uint8Array(this.#memory.buffer, address, size).fill(0);
    return address;
  }

  free(address: number): void {
    const bytes = this.#used.get(address);
    if (bytes === undefined) return;
    this.#used.delete(address);
    this.#free.push({ address, bytes });
    this.#free.sort((a, b) => a.address - b.address);
    this.#free = this.#free.reduce<{ address: number; bytes: number }[]>((merged, block) => {
      const last = merged.at(-1);
      if (last !== undefined && last.address + last.bytes === block.address) last.bytes += block.bytes;
      else merged.push({ ...block });
      return merged;
    }, []);
  }

  #grow(bytes: number): void {
    const before = this.bytes;
    const pages = Math.ceil(bytes / pageBytes);
    try {
      this.#memory.grow(pages);
    } catch {
      throw new PhinetsError(
        "kernels.memory",
        `training needs ${Math.ceil((before + bytes) / 2 ** 20)} MiB of memory, more than WebAssembly gives here; use a smaller batch or resolution`,
      );
    }
    this.#used.set(before, this.bytes - before);
    this.free(before);
  }

  /** View of memory; stays valid when the memory grows. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, address, length);
  }

  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.#memory.buffer, address, length);
  }

  words(address: number, length: number): Int32Array {
    return new Int32Array(this.#memory.buffer, address, length);
  }

  /** Runs the program whose header is at `program`. */
  run(program: number): void {
    if (this.#disposed) throw new Error("the engine is disposed");
    this.#exports.run(program, this.threads);
  }

  /** Ends the threads. Executors of this engine must not be used afterwards. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.threads > 1) this.#exports.run(0, this.threads);
    await this.#pool?.stop();
  }
}

/** Compiles the kernels and starts the threads (none but the caller's by default). */
export async function createEngine(options: { readonly threads?: ThreadPool } = {}): Promise<Engine> {
  const api = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
  const module = new api.Module(decodeBase64(wasmBase64));
  const memory = sharedMemory(api);
  const { exports } = new api.Instance(module, { env: { memory } });
  const pool = options.threads;
  if (pool !== undefined && pool.threads > 1) await pool.start({ module, memory });
  return new Engine(exports, memory, pool);
}

/** Address space is reserved for the maximum; where that much is refused, less is asked for. */
function sharedMemory(api: WebAssemblyApi): Memory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new api.Memory({ initial: 16, maximum, shared: true });
    } catch (error) {
      if (maximum <= 4096) throw error;
    }
  }
}
