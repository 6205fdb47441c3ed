/** Writes Protocol Buffers' wire format, as far as ONNX needs it. Source: the encoding page of protobuf.dev. */
import { wire } from "../../import/onnx/schema.js";
import { utf8Encode } from "../../tensor/index.js";

/** One message; fields are written in the order of the calls. */
export class ProtoMessage {
  #bytes = new Uint8Array(64);
  #length = 0;

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 127n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 127n) | 128;
    this.#bytes[this.#length++] = Number(rest);
  }

  #tag(field: number, type: number): void {
    this.#varint(field * 8 + type);
  }

  /** A 64-bit integer; negative values are in two's complement. */
  int(field: number, value: number): this {
    this.#tag(field, wire.varint);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#tag(field, wire.fixed32);
    this.#reserve(4);
    new DataView(this.#bytes.buffer).setFloat32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, wire.bytes);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, utf8Encode(value));
  }

  message(field: number, value: ProtoMessage): this {
    return this.bytes(field, value.encode());
  }

  /** The message's bytes, as a view that the next field invalidates. */
  encode(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
