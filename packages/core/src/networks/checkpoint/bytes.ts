/** Reads little-endian files; every read is checked against the end of the file. */
import { PhinetsError, utf8Decode } from "../../tensor/index.js";

/** Throws PhinetsError for a weights file, with the problem and then the remedy. */
export function refuseFile(file: string, problem: string, remedy = "the file is damaged, get it again"): never {
  throw new PhinetsError("networks.checkpoint", `${file}: ${problem}; ${remedy}`, file);
}

/** A cursor over bytes; reading past the end throws PhinetsError. */
export class ByteReader {
  position = 0;
  readonly #view: DataView;

  constructor(
    readonly bytes: Uint8Array,
    readonly file: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.position;
  }

  /** A view of the next bytes, not a copy. */
  take(length: number): Uint8Array {
    const start = this.position;
    if (!(length <= this.left))
      refuseFile(this.file, `${length} bytes are needed at byte ${start}, ${this.left} are left`);
    this.position += length;
    return this.bytes.subarray(start, this.position);
  }

  /** Moves forward and returns the position before the move. */
  #skip(length: number): number {
    this.take(length);
    return this.position - length;
  }

  uint8(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** A 64-bit count or size, at most 2^53 - 1. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.#skip(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      refuseFile(this.file, `size ${value} at byte ${this.position - 8} is impossible`);
    return Number(value);
  }

  /** Big-endian, the byte order of floats in pickles. */
  float64BigEndian(): number {
    return this.#view.getFloat64(this.#skip(8), false);
  }

  /** Text up to a line feed, which is consumed; at most `longest` bytes. */
  line(longest: number): string {
    const end = this.bytes.subarray(this.position, this.position + longest + 1).indexOf(10);
    if (end < 0) refuseFile(this.file, `no line ends within ${longest} bytes of byte ${this.position}`);
    return this.text(end + 1).slice(0, -1);
  }

  text(length: number): string {
    const start = this.position;
    const decoded = utf8(this.take(length));
    if (decoded === undefined) refuseFile(this.file, `text at byte ${start} is not UTF-8`);
    return decoded;
  }
}

/** Decodes UTF-8; undefined where the bytes are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes);
  } catch {
    return undefined;
  }
}
