/**
 * Reads Protocol Buffers' wire format: the fields of one message by number. Every length is checked against the file
 * before use. Source: the encoding page of protobuf.dev.
 */
import { PhinetsError, utf8Decode } from "../../tensor/index.js";
import { wire } from "./schema.js";

/** A field as stored: the value of a varint, the bytes of anything else. */
type Field = bigint | Uint8Array;

/** Most fields of a message; more mean that the file is not a network. */
const mostFields = 2 ** 20;

export class ProtoReader {
  readonly #fields = new Map<number, Field[]>();

  /** @throws PhinetsError `import.damaged` for bytes that are not a message */
  constructor(
    bytes: Uint8Array,
    readonly file: string,
  ) {
    let count = 0;
    for (const [field, value] of fieldsOf(bytes)) {
      if (value === undefined || ++count > mostFields) throw this.damaged(field);
      const values = this.#fields.get(field);
      if (values === undefined) this.#fields.set(field, [value]);
      else values.push(value);
    }
  }

  damaged(field: number): PhinetsError {
    return new PhinetsError(
      "import.damaged",
      `${this.file}: is damaged: field ${field} of a message is not what ONNX has there; copy or export the network again`,
      this.file,
    );
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  #all(field: number): readonly Field[] {
    return this.#fields.get(field) ?? [];
  }

  /** The last occurrence, as Protocol Buffers define it. */
  #bytes(field: number): Uint8Array | undefined {
    const value = this.#all(field).at(-1);
    if (typeof value === "bigint") throw this.damaged(field);
    return value;
  }

  /** A 64-bit integer as a number; not exact beyond 2^53. */
  int(field: number, absent = 0): number {
    const value = this.#all(field).at(-1);
    if (value === undefined) return absent;
    if (typeof value !== "bigint") throw this.damaged(field);
    return signed(value);
  }

  /** Repeated integers, packed or not. */
  ints(field: number): number[] {
    return this.#all(field).flatMap((value) => {
      if (typeof value === "bigint") return [signed(value)];
      const numbers: number[] = [];
      for (let at = 0; at < value.length; ) {
        const [number, next] = varint(value, at);
        if (number === undefined) throw this.damaged(field);
        numbers.push(signed(number));
        at = next;
      }
      return numbers;
    });
  }

  float(field: number, absent = 0): number {
    const bytes = this.#bytes(field);
    if (bytes === undefined) return absent;
    if (bytes.length !== 4) throw this.damaged(field);
    return viewOf(bytes).getFloat32(0, true);
  }

  /** Bytes of repeated fixed-width numbers, packed or not. */
  packed(field: number): Uint8Array {
    const parts = this.#all(field).map((value) => {
      if (typeof value === "bigint") throw this.damaged(field);
      return value;
    });
    if (parts.length === 1) return parts[0];
    const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** A view of the file's bytes, not a copy. */
  bytes(field: number): Uint8Array | undefined {
    return this.#bytes(field);
  }

  text(field: number): string {
    return textOf(this.#bytes(field) ?? new Uint8Array());
  }

  texts(field: number): string[] {
    return this.#all(field).map((value) => {
      if (typeof value === "bigint") throw this.damaged(field);
      return textOf(value);
    });
  }

  message(field: number): ProtoReader | undefined {
    const bytes = this.#bytes(field);
    return bytes && new ProtoReader(bytes, this.file);
  }

  messages(field: number): ProtoReader[] {
    return this.#all(field).map((value) => {
      if (typeof value === "bigint") throw this.damaged(field);
      return new ProtoReader(value, this.file);
    });
  }
}

/** Fields in order. A final field without a value marks bytes that end too early or violate the wire format. */
export function* fieldsOf(bytes: Uint8Array): Generator<[field: number, value: Field | undefined]> {
  for (let at = 0; at < bytes.length; ) {
    const [tag, start] = varint(bytes, at);
    const field = Number((tag ?? 0n) >> 3n);
    const type = Number((tag ?? 0n) & 7n);
    if (field === 0 || field >= 2 ** 29) {
      yield [0, undefined];
      return;
    }
    let value: Field | undefined;
    let end = start;
    if (type === wire.varint) [value, end] = varint(bytes, start);
    else {
      let length: number = type === wire.fixed32 ? 4 : type === wire.fixed64 ? 8 : Number.POSITIVE_INFINITY;
      if (type === wire.bytes) {
        const [count, next] = varint(bytes, start);
        length = Number(count ?? Number.POSITIVE_INFINITY);
        end = next;
      }
      if (end + length <= bytes.length) value = bytes.subarray(end, end + length);
      end += length;
    }
    yield [field, value];
    if (value === undefined) return;
    at = end;
  }
}

/** A varint and the position after it; undefined where it does not end. */
function varint(bytes: Uint8Array, at: number): [value: bigint | undefined, next: number] {
  // Nearly all varints are small.
  let small = 0;
  for (let i = 0; i < 4 && at + i < bytes.length; i++) {
    const byte = bytes[at + i];
    small |= (byte & 127) << (7 * i);
    if (byte < 128) return [BigInt(small), at + i + 1];
  }
  let value = 0n;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    const byte = bytes[at + i];
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return [value, at + i + 1];
  }
  return [undefined, at];
}

const signed = (value: bigint): number => Number(BigInt.asIntN(64, value));
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Decodes UTF-8; bytes that are not UTF-8 become "?". */
function textOf(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, 4096);
  try {
    return utf8Decode(shown);
  } catch {
    return Array.from(shown, (byte) => (byte < 128 ? String.fromCharCode(byte) : "?")).join("");
  }
}
