/** Decodes the bytes of a serial line into messages. After invalid bytes it resumes with the next packet. */
import { utf8Decode } from "../tensor/index.js";
import {
  type WireBox,
  type WireMessage,
  wireChecksum,
  wirePacketBytes,
  wirePixels,
  wireScoreSteps,
  wireStepsPerPixel,
  wireTextBytes,
  wireTypes,
  wireVersion,
} from "./messages.js";

/** Number of invalid packets, by reason. */
export interface WireErrors {
  /** Invalid COBS between two zeros, or a wrong checksum: bytes were lost or changed, or were text. */
  damaged: number;
  /**
   * More bytes without a zero than a packet can have: the board does not speak this format, or uses another baud rate.
   */
  long: number;
  /** A packet of another version of the format. */
  version: number;
  /** An intact packet with an unknown type, or with fields that do not match its type. */
  malformed: number;
}

/** Longest stuffed packet: COBS adds one length byte per block of 254 bytes, and one for the last block. */
const mostStuffed = wirePacketBytes + Math.ceil(wirePacketBytes / 254) + 1;

export class WireDecoder {
  /** Counts since the decoder was created. */
  readonly errors: WireErrors = { damaged: 0, long: 0, version: 0, malformed: 0 };
  /** Bytes of invalid packets since the decoder was created. */
  lostBytes = 0;
  /** Bytes since the last zero. */
  readonly #bytes = new Uint8Array(mostStuffed);
  #length = 0;

  /** Accepts bytes in pieces of any length and returns the messages that they complete. Never throws. */
  push(bytes: Uint8Array): WireMessage[] {
    const messages: WireMessage[] = [];
    for (const byte of bytes) {
      if (byte !== 0) {
        if (this.#length < mostStuffed) this.#bytes[this.#length] = byte;
        this.#length++;
        continue;
      }
      const length = this.#length;
      this.#length = 0;
      if (length === 0) continue;
      const message = length > mostStuffed ? "long" : read(this.#bytes.subarray(0, length));
      if (typeof message === "string") {
        this.errors[message]++;
        this.lostBytes += length + 1;
      } else messages.push(message);
    }
    return messages;
  }
}

function read(stuffed: Uint8Array): WireMessage | keyof WireErrors {
  const bytes = unstuffed(stuffed);
  if (bytes === undefined || bytes.length < 4) return "damaged";
  const body = bytes.subarray(0, -2);
  if (wireChecksum(body) !== (bytes[bytes.length - 2] | (bytes[bytes.length - 1] << 8))) return "damaged";
  if (bytes.length > wirePacketBytes) return "long";
  if (body[0] !== wireVersion) return "version";
  const fields = new Fields(body);
  const message = messageOf(body[1], fields);
  return message !== undefined && fields.atEnd ? message : "malformed";
}

/** Removes COBS; undefined when a block is longer than the remaining bytes. */
function unstuffed(stuffed: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(stuffed.length);
  let length = 0;
  for (let at = 0; at < stuffed.length; ) {
    const code = stuffed[at++];
    const end = at + code - 1;
    if (end > stuffed.length) return undefined;
    while (at < end) bytes[length++] = stuffed[at++];
    if (code < 255 && at < stuffed.length) bytes[length++] = 0;
  }
  return bytes.subarray(0, length);
}

/** Reads fields after the type byte. Missing bytes read as 0, and the end check then fails. */
class Fields {
  #at = 2;
  constructor(readonly bytes: Uint8Array) {}

  /** An unsigned little-endian number of `count` bytes. */
  number(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value += (this.bytes[this.#at + i] ?? 0) * 256 ** i;
    this.#at += count;
    return value;
  }

  data(count: number): Uint8Array {
    this.#at += count;
    return this.bytes.slice(this.#at - count, this.#at);
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  get atEnd(): boolean {
    return this.left === 0;
  }
}

function messageOf(type: number, fields: Fields): WireMessage | undefined {
  switch (type) {
    case wireTypes.hello:
      return helloOf(fields);
    case wireTypes.boxes: {
      const [frame, count] = [fields.number(4), fields.number(2)];
      if (fields.left !== count * 12) return undefined;
      const boxes = boxesOf(count, () => boxOf(fields));
      return boxes && { type: "boxes", frame, boxes };
    }
    case wireTypes.tracks: {
      const [frame, count] = [fields.number(4), fields.number(2)];
      if (fields.left !== count * 16) return undefined;
      const tracks = boxesOf(count, () => {
        const id = fields.number(4);
        const box = boxOf(fields);
        return box && { id, ...box };
      });
      return tracks && { type: "tracks", frame, tracks };
    }
    case wireTypes.row: {
      const [frame, y, width, height, format] = [4, 2, 2, 2, 1].map((count) => fields.number(count));
      const pixels = wirePixels[format];
      if (pixels === undefined || y >= height || fields.left !== width * pixels.bytes) return undefined;
      return { type: "row", frame, y, width, height, pixels: pixels.pixels, data: fields.data(fields.left) };
    }
    default:
      return undefined;
  }
}

function helloOf(fields: Fields): WireMessage | undefined {
  const [width, height, intervalUs] = [fields.number(2), fields.number(2), fields.number(4)];
  const name = textOf(fields);
  const classes = Array.from({ length: fields.number(1) }, () => textOf(fields));
  if (name === undefined || !classes.every((each) => each !== undefined)) return undefined;
  return { type: "hello", name, classes, width, height, intervalUs };
}

function textOf(fields: Fields): string | undefined {
  const length = fields.number(1);
  if (length > wireTextBytes || length > fields.left) return undefined;
  const bytes = fields.data(length);
  if (bytes.includes(0)) return undefined;
  try {
    return utf8Decode(bytes);
  } catch {
    return undefined; // not valid UTF-8
  }
}

/** Reads `count` boxes; undefined when one of them is invalid. */
function boxesOf<T>(count: number, next: () => T | undefined): T[] | undefined {
  const boxes = Array.from({ length: count }, next);
  return boxes.every((box) => box !== undefined) ? boxes : undefined;
}

function boxOf(fields: Fields): WireBox | undefined {
  const [index, score] = [fields.number(2), fields.number(2)];
  const [x1, y1, x2, y2] = [0, 1, 2, 3].map(() => ((fields.number(2) << 16) >> 16) / wireStepsPerPixel);
  return score > wireScoreSteps ? undefined : { x1, y1, x2, y2, class: index, score: score / wireScoreSteps };
}
