/**
 * Writes FlatBuffers' wire format, as far as .tflite needs it. A buffer is written from its end to its start, so that
 * objects exist before the references to them. Source: "FlatBuffer Internals" of flatbuffers.dev.
 */
import { utf8Encode } from "../../tensor/index.js";

/** Distance of an object from the buffer's end, in bytes. */
export type Reference = number & { readonly reference: unique symbol };

/** A table's field that is present; absent fields have their default. */
export type Field =
  | { readonly byte: number }
  | { readonly int32: number }
  | { readonly float32: number }
  | { readonly reference: Reference };

const byteOf = (field: Field): number => ("byte" in field ? 1 : 4);

export class FlatBufferWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  /** Number of bytes written, at the buffer's end. */
  #size = 0;

  /** Pads so that the position is a multiple of `align` after `bytes` more. */
  #prepare(bytes: number, align: number): void {
    const padding = (align - ((this.#size + bytes) % align)) % align;
    if (padding > 0) this.#push(padding);
  }

  /** Adds this many zero bytes before everything written so far and returns their position. */
  #push(bytes: number): number {
    const size = this.#size + bytes;
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, size));
      grown.set(this.#bytes.subarray(this.#bytes.length - this.#size), grown.length - this.#size);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#size = size;
    return this.#bytes.length - size;
  }

  #int32(value: number): void {
    const at = this.#push(4);
    this.#view.setInt32(at, value, true);
  }

  #vector(length: number, elementBytes: number, align: number, write: (at: number) => void): Reference {
    const bytes = length * elementBytes;
    this.#prepare(bytes, align);
    write(this.#push(bytes));
    this.#int32(length);
    return this.#size as Reference;
  }

  /** @param align alignment of the first byte; 16 for tensors' data */
  bytes(values: Uint8Array, align = 4): Reference {
    return this.#vector(values.length, 1, align, (at) => this.#bytes.set(values, at));
  }

  int32s(values: ArrayLike<number>): Reference {
    return this.#vector(values.length, 4, 4, (at) => {
      for (let i = 0; i < values.length; i++) this.#view.setInt32(at + 4 * i, values[i], true);
    });
  }

  float32s(values: ArrayLike<number>): Reference {
    return this.#vector(values.length, 4, 4, (at) => {
      for (let i = 0; i < values.length; i++) this.#view.setFloat32(at + 4 * i, values[i], true);
    });
  }

  int64s(values: ArrayLike<number>): Reference {
    return this.#vector(values.length, 8, 8, (at) => {
      for (let i = 0; i < values.length; i++) this.#view.setBigInt64(at + 8 * i, BigInt(values[i]), true);
    });
  }

  /** A vector of references. */
  references(values: readonly Reference[]): Reference {
    return this.#vector(values.length, 4, 4, (at) => {
      // An offset counts from the reference itself to the object.
      for (const [i, value] of values.entries())
        this.#view.setUint32(at + 4 * i, this.#bytes.length - value - (at + 4 * i), true);
    });
  }

  text(value: string): Reference {
    const bytes = utf8Encode(value);
    const ended = new Uint8Array(bytes.length + 1); // a final zero that the length does not count
    ended.set(bytes);
    this.#prepare(ended.length, 4);
    const at = this.#push(ended.length);
    this.#bytes.set(ended, at);
    this.#int32(bytes.length);
    return this.#size as Reference;
  }

  /** A table with fields by slot. */
  table(fields: Readonly<Record<number, Field | undefined>>): Reference {
    const present = Object.entries(fields)
      .filter((entry): entry is [string, Field] => entry[1] !== undefined)
      .map(([slot, field]) => ({ slot: Number(slot), field }));
    const end = this.#size;
    const places = new Map<number, number>();
    // Larger fields go last, so they come first in the buffer, and bytes need no padding.
    for (const { slot, field } of present.sort((a, b) => byteOf(a.field) - byteOf(b.field))) {
      const bytes = byteOf(field);
      this.#prepare(bytes, bytes);
      const at = this.#push(bytes);
      if ("byte" in field) this.#view.setInt8(at, field.byte);
      else if ("int32" in field) this.#view.setInt32(at, field.int32, true);
      else if ("float32" in field) this.#view.setFloat32(at, field.float32, true);
      else this.#view.setUint32(at, this.#bytes.length - field.reference - at, true);
      places.set(slot, this.#size);
    }
    this.#prepare(4, 4);
    const slots = Math.max(-1, ...places.keys()) + 1;
    const vtableBytes = 4 + 2 * slots;
    this.#int32(vtableBytes); // offset from the table to its vtable, which lies before it
    const start = this.#size;
    const table = start as Reference;
    for (let slot = slots - 1; slot >= 0; slot--) {
      const place = places.get(slot);
      this.#uint16(place === undefined ? 0 : start - place);
    }
    this.#uint16(start - end);
    this.#uint16(vtableBytes);
    return table;
  }

  #uint16(value: number): void {
    const at = this.#push(2);
    this.#view.setUint16(at, value, true);
  }

  /**
   * The finished buffer, which begins with the reference to the root table and the file's identifier of four
   * characters.
   */
  finish(root: Reference, identifier: string): Uint8Array {
    // Aligns the start for every value in the buffer.
    this.#prepare(8, 16);
    const name = this.#push(4);
    this.#bytes.set(utf8Encode(identifier), name);
    const at = this.#push(4);
    this.#view.setUint32(at, this.#bytes.length - root - at, true);
    return this.#bytes.slice(this.#bytes.length - this.#size);
  }
}
