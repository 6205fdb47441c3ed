/** Stores an engine's constants one behind the other in its module's memory. */
import { type Int8Module, int8Opcodes } from "../../kernels/index.js";
import { alignment, slackBytes } from "./layout.js";

const pageBytes = 65536;
/** Memory grows by at least this much, since each growth takes time. */
const fewestPages = 8;

export class Constants {
  #next: number;

  /** @param first address from which the memory is free */
  constructor(
    readonly module: Int8Module,
    first: number,
  ) {
    this.#next = align(first);
    this.#makeRoom(0);
  }

  /** Stores data in memory and returns its address. */
  store(data: ArrayBufferView): number {
    const address = this.#next;
    this.#makeRoom(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(this.module.memory.buffer).set(bytes, address);
    this.#next = align(address + data.byteLength);
    return address;
  }

  /** Reserves zeros for an instruction to write to, and returns their address. */
  reserve(bytes: number): number {
    const address = this.#next;
    this.#makeRoom(bytes);
    new Uint8Array(this.module.memory.buffer).fill(0, address, address + bytes);
    this.#next = align(address + bytes);
    return address;
  }

  /** Executes an instruction now. Data among its words are stored temporarily and replaced by their addresses. */
  once(opcode: keyof typeof int8Opcodes, words: readonly (number | ArrayBufferView)[]): void {
    const next = this.#next;
    const addresses = words.map((word) => (typeof word === "number" ? word : this.store(word)));
    const start = this.store(Int32Array.of(int8Opcodes[opcode], words.length + 2, ...addresses));
    this.module.run(start, start + 4);
    this.#next = next;
  }

  #makeRoom(bytes: number): void {
    const { memory } = this.module;
    const missing = this.#next + bytes + slackBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.max(fewestPages, Math.ceil(missing / pageBytes)));
  }
}

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}
