/**
 * Reads FlatBuffers' wire format: tables whose fields are found by slot. Every offset and length is checked against the
 * file before use. Source: "FlatBuffer Internals" of flatbuffers.dev.
 */
import { PhinetsError, utf8Decode } from "../../tensor/index.js";

/** Bytes of vectors that may be read per byte of the file. Tables may share a vector, but only so often. */
const readingsPerByte = 64;

/** The bytes of one file, and the budget of bytes that may still be read. */
class Source {
  readonly view: DataView;
  #budget: number;

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = 2 ** 20 + readingsPerByte * bytes.byteLength;
  }

  /** Returns `at`. Throws PhinetsError where the file does not have that many bytes there. */
  require(at: number, bytes: number): number {
    if (!(at >= 0 && at + bytes <= this.bytes.byteLength)) throw this.damaged(`it points to byte ${at}`);
    return at;
  }

  spend(bytes: number): void {
    this.#budget -= bytes;
    if (this.#budget < 0) throw this.damaged("its tables share more than they can hold");
  }

  damaged(problem: string): PhinetsError {
    return new PhinetsError(
      "import.damaged",
      `${this.file}: is damaged: of ${this.bytes.byteLength} bytes, ${problem}; copy or convert the network again`,
      this.file,
    );
  }
}

interface Vector {
  readonly length: number;
  /** Position of the first element. */
  readonly at: number;
}

/** A table. Absent fields have the schema's defaults. */
export class FlatBufferTable {
  readonly #source: Source;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  private constructor(source: Source, at: number) {
    this.#source = source;
    this.#at = source.require(at, 4);
    this.#vtable = source.require(at - source.view.getInt32(at, true), 4);
    this.#vtableBytes = source.view.getUint16(this.#vtable, true);
    source.require(this.#vtable, this.#vtableBytes);
  }

  /** The root table. This and all other methods throw PhinetsError `import.damaged` for offsets outside the file. */
  static root(bytes: Uint8Array, file: string): FlatBufferTable {
    const source = new Source(bytes, file);
    source.require(0, 8);
    return new FlatBufferTable(source, source.view.getUint32(0, true));
  }

  #field(slot: number, bytes: number): number | undefined {
    const at = 4 + 2 * slot;
    if (at + 2 > this.#vtableBytes) return undefined;
    const offset = this.#source.view.getUint16(this.#vtable + at, true);
    return offset === 0 ? undefined : this.#source.require(this.#at + offset, bytes);
  }

  byte(slot: number, absent = 0): number {
    const at = this.#field(slot, 1);
    return at === undefined ? absent : this.#source.view.getUint8(at);
  }

  int32(slot: number, absent = 0): number {
    const at = this.#field(slot, 4);
    return at === undefined ? absent : this.#source.view.getInt32(at, true);
  }

  float32(slot: number, absent = 0): number {
    const at = this.#field(slot, 4);
    return at === undefined ? absent : this.#source.view.getFloat32(at, true);
  }

  /** A 64-bit integer as a number; not exact beyond 2^53. */
  uint64(slot: number): number {
    const at = this.#field(slot, 8);
    return at === undefined ? 0 : Number(this.#source.view.getBigUint64(at, true));
  }

  table(slot: number): FlatBufferTable | undefined {
    const at = this.#field(slot, 4);
    if (at === undefined) return undefined;
    this.#source.spend(4);
    return new FlatBufferTable(this.#source, at + this.#source.view.getUint32(at, true));
  }

  tables(slot: number): FlatBufferTable[] {
    const { length, at } = this.#vector(slot, 4);
    return Array.from({ length }, (_, i) => {
      const place = at + 4 * i;
      return new FlatBufferTable(this.#source, place + this.#source.view.getUint32(place, true));
    });
  }

  int32s(slot: number): number[] {
    const { length, at } = this.#vector(slot, 4);
    return Array.from({ length }, (_, i) => this.#source.view.getInt32(at + 4 * i, true));
  }

  float32s(slot: number): number[] {
    const { length, at } = this.#vector(slot, 4);
    return Array.from({ length }, (_, i) => this.#source.view.getFloat32(at + 4 * i, true));
  }

  /** 64-bit integers as numbers; not exact beyond 2^53. */
  int64s(slot: number): number[] {
    const { length, at } = this.#vector(slot, 8);
    return Array.from({ length }, (_, i) => Number(this.#source.view.getBigInt64(at + 8 * i, true)));
  }

  /** A view of the file's bytes; undefined where there is no vector. */
  bytes(slot: number): Uint8Array | undefined {
    if (this.#field(slot, 4) === undefined) return undefined;
    const { length, at } = this.#vector(slot, 1);
    return this.#source.bytes.subarray(at, at + length);
  }

  /** Bytes outside the tables, where large models keep their weights. */
  outside(offset: number, size: number): Uint8Array {
    this.#source.require(offset, size);
    this.#source.spend(size);
    return this.#source.bytes.subarray(offset, offset + size);
  }

  /** Decodes UTF-8; bytes that are not UTF-8 become "?". */
  text(slot: number): string {
    const bytes = this.bytes(slot)?.subarray(0, 4096) ?? new Uint8Array();
    try {
      return utf8Decode(bytes);
    } catch {
      return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : "?")).join("");
    }
  }

  #vector(slot: number, elementBytes: number): Vector {
    const at = this.#field(slot, 4);
    if (at === undefined) return { length: 0, at: 0 };
    const { view } = this.#source;
    const start = this.#source.require(at + view.getUint32(at, true), 4);
    const length = view.getUint32(start, true);
    this.#source.require(start + 4, length * elementBytes);
    this.#source.spend(4 + length * elementBytes);
    return { length, at: start + 4 };
  }
}
