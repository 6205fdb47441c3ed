/**
 * The WebAssembly module with its memory and threads. Programs (training/program.ts) and their data are in the shared
 * memory; `run` executes a program on all threads. Several executors share an engine.
 */
import { PhinetsError } from "../tensor/index.js";
import { decodeModule } from "./code.js";
import { requireKernels, thisRuntime } from "./runtime.js";
import { wasmSha256, wasmText } from "./wasm.generated.js";
import type { Memory, Module, WebAssemblyApi } from "./webassembly.js";
import { opcodes } from "./words.js";

/**
 * Provides the engine's other threads. The implementation for Node is in the CLI, the one for pages in
 * packages/browser.
 */
export interface ThreadPool {
  /** Number of threads including the caller's; at least 1. */
  readonly threads: number;
  /**
   * Starts threads 1..threads-1. Each instantiates `module` with `{ env: { memory } }`, reports that it is ready, and
   * calls the export `work(thread)`, which returns when the engine is disposed. If `work` throws, the thread calls the
   * export `trapped(thread)`. Resolves when all threads are ready; rejects if one cannot be started.
   */
  start(job: ThreadJob): Promise<void>;
  /** Resolves when all threads have ended. */
  stop(): Promise<void>;
}

export interface ThreadJob {
  readonly module: Module;
  readonly memory: Memory;
  /** Call when a thread has ended for any reason, so that the next run does not wait for it. */
  ended(thread: number): void;
}

export interface EngineOptions {
  /** Default: only the caller's thread. */
  readonly threads?: ThreadPool;
  /**
   * Seconds without progress of any thread after which a run gives up: the last resort against a thread that died while
   * the caller was waiting for it. A thread that traps is detected at once. Default 60.
   */
  readonly patienceSeconds?: number;
  /**
   * Allow fused multiply and add (relaxed SIMD). The bits still do not depend on the number of threads, but may differ
   * on another kind of processor. Default false: the same bits everywhere.
   */
  readonly fast?: boolean;
}

/** The module's exports (assembly/threads.ts). */
interface Exports {
  run(program: number, threads: number, patience: number): void;
  trapped(thread: number): void;
  ended(thread: number): void;
  failure(): number;
}

/** Stand for an opcode in `failure()`. */
const [threadEnded, threadStalled] = [255, 254];

const pageBytes = 65536;
/** The addresses below hold the threads' control words and the powers of math.ts. */
const firstAddress = 1024;
const alignment = 64;

export class Engine {
  readonly #exports: Exports;
  readonly #memory: Memory;
  readonly #pool: ThreadPool | undefined;
  /** Free blocks by address; adjacent ones are merged. */
  #free: { address: number; bytes: number }[];
  readonly #used = new Map<number, number>();
  readonly #patience: number;
  /** SHA-256 of the WebAssembly module in use. */
  readonly kernelsSha256: string;
  /** End of the highest block ever allocated. */
  #highest = firstAddress;
  #disposed = false;

  /** Use `createEngine`. */
  constructor(exports: Exports, memory: Memory, options: EngineOptions, kernelsSha256: string) {
    this.kernelsSha256 = kernelsSha256;
    this.#exports = exports;
    this.#memory = memory;
    this.#pool = options.threads;
    this.#patience = options.patienceSeconds ?? 60;
    this.#free = [{ address: firstAddress, bytes: memory.buffer.byteLength - firstAddress }];
  }

  /** Number of threads. Results do not depend on it. */
  get threads(): number {
    return this.#pool?.threads ?? 1;
  }

  /** Current size of the shared memory in bytes. */
  get bytes(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Allocates zeroed bytes, 64-byte aligned. Throws PhinetsError when WebAssembly's 4 GiB of memory are exhausted. */
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
    const dirty = Math.min(size, Math.max(0, this.#highest - address)); // memory beyond it is still zero and not yet backed by real memory
    new Uint8Array(this.#memory.buffer, address, dirty).fill(0);
    this.#highest = Math.max(this.#highest, address + size);
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

  /**
   * Runs the program whose header is at `program`. Throws PhinetsError `kernels.thread` when a thread traps or dies;
   * the engine is then unusable, and every later run throws too.
   */
  run(program: number): void {
    if (this.#disposed) throw new Error("the engine is disposed");
    try {
      this.#exports.run(program, this.threads, this.#patience);
    } catch (cause) {
      this.#exports.trapped(0); // has no effect if another thread trapped first
      throw this.#failure(cause as Error);
    }
  }

  #failure(cause: Error): PhinetsError {
    const failure = this.#exports.failure();
    const [thread, code] = [(failure >> 8) - 1, failure & 255];
    const opcode = Object.entries(opcodes).find(([, value]) => value === code)?.[0] ?? `instruction ${code}`;
    const who = `thread ${thread + 1} of ${this.threads}`;
    const what =
      code === threadStalled
        ? `no thread of ${this.threads} made progress for ${this.#patience} s: one has died`
        : code === threadEnded
          ? `${who} has ended`
          : `${who} stopped in ${opcode}${thread === 0 ? ` (${cause.message})` : ""}`;
    return new PhinetsError("kernels.thread", `the kernels' ${what}; start again from the last checkpoint`);
  }

  /** Ends the threads. Executors of this engine must not be used afterwards. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.threads > 1) this.#exports.run(0, this.threads, this.#patience);
    await this.#pool?.stop();
  }
}

/** SHA-256 of the reference module. */
export const kernelsSha256: string = wasmSha256;

/**
 * Compiles the kernels and starts the threads. Throws PhinetsError as `requireKernels` does if the runtime lacks a
 * feature.
 */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  const { wasmText: code, wasmSha256: sha256 } =
    options.fast === true ? await import("./wasm-fast.generated.js") : { wasmText, wasmSha256 };
  const bytes = decodeModule(code);
  const api = requireKernels(thisRuntime(), bytes, { fast: options.fast });
  const module = new api.Module(bytes);
  const memory = sharedMemory(api);
  const exports: Exports = new api.Instance(module, { env: { memory } }).exports;
  const pool = options.threads;
  if (pool !== undefined && pool.threads > 1)
    await pool.start({ module, memory, ended: (thread) => exports.ended(thread) });
  return new Engine(exports, memory, options, sha256);
}

/** Memory reserves address space for its maximum; if that is refused, a smaller maximum is tried. */
function sharedMemory(api: WebAssemblyApi): Memory {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      return new api.Memory({ initial: 16, maximum, shared: true });
    } catch (error) {
      if (maximum <= 4096) throw error;
    }
  }
}
