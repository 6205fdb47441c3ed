/**
 * Decodes Netpbm pictures: PBM, PGM and PPM, plain or binary, of 1 to 16 bits, and PAM.
 * https://netpbm.sourceforge.net/doc/
 */
import type { Bands } from "./bands.js";
import { checkPictureSize } from "./limits.js";

interface Header {
  readonly kind: number;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly white: number;
  readonly alpha: boolean;
  /** Offset of the pixels. */
  readonly start: number;
}

/** Parses the header. Throws Error with the reason where it is invalid. */
export function readNetpbmHeader(bytes: Uint8Array): Header {
  const kind = bytes[1] - 48;
  const header = kind === 7 ? pamHeader(bytes) : pnmHeader(bytes, kind);
  const { width, height, white, channels } = header;
  checkPictureSize(width, height);
  if (!(white >= 1 && white <= 65535)) throw new Error(`has the maximum value ${white}, which is not 1..65535`);
  if (!(channels >= 1 && channels <= 4)) throw new Error(`has ${channels} bands; 1 to 4 are known`);
  return header;
}

export function readNetpbm(bytes: Uint8Array): Bands {
  const { kind, width, height, channels, white, alpha, start } = readNetpbmHeader(bytes);
  const data = kind <= 3 ? plainValues : kind === 4 ? packedBits : binaryValues;
  return {
    width,
    height,
    channels,
    colours: channels >= 3 ? 3 : 1,
    alpha,
    // In a bitmap, 1 is black.
    white: kind === 1 || kind === 4 ? 255 : white,
    data: data(bytes, start, { kind, width, height, channels, white }),
  };
}

type Layout = Pick<Header, "kind" | "width" | "height" | "channels" | "white">;

function pnmHeader(bytes: Uint8Array, kind: number): Header {
  let at = 2;
  const number = () => {
    at = skipSpace(bytes, at);
    let value = 0;
    const first = at;
    for (; isDigit(bytes[at]); at++) value = 10 * value + bytes[at] - 48;
    if (at === first) throw new Error("has a damaged header");
    return value;
  };
  const [width, height] = [number(), number()];
  const white = kind === 1 || kind === 4 ? 1 : number();
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  return { kind, width, height, channels, white, alpha: false, start: at + 1 };
}

function pamHeader(bytes: Uint8Array): Header {
  const text = String.fromCharCode(...bytes.subarray(0, 1000));
  const end = /\nENDHDR\n/.exec(text);
  if (!end) throw new Error("has a damaged header");
  const field = (name: string) => Number(new RegExp(`\\n${name}\\s+(\\d+)`).exec(text)?.[1]);
  const channels = field("DEPTH");
  return {
    kind: 7,
    width: field("WIDTH"),
    height: field("HEIGHT"),
    channels,
    white: field("MAXVAL"),
    alpha: channels === 2 || channels === 4,
    start: end.index + end[0].length,
  };
}

function plainValues(bytes: Uint8Array, start: number, { kind, width, height, channels }: Layout): Uint16Array {
  const count = width * height * channels;
  // A value takes at least a digit and, except for bits, a space: check the length before allocating memory.
  if (bytes.length - start < (kind === 1 ? count : 2 * count - 1)) throw new Error("is truncated or damaged");
  const data = new Uint16Array(count);
  let at = start - 1;
  for (let i = 0; i < data.length; i++) {
    at = skipSpace(bytes, at);
    if (!isDigit(bytes[at])) throw new Error("is truncated or damaged");
    if (kind === 1) {
      // Bits need no space between them.
      data[i] = bytes[at++] === 49 ? 0 : 255;
      continue;
    }
    let value = 0;
    for (; isDigit(bytes[at]); at++) value = 10 * value + bytes[at] - 48;
    data[i] = value;
  }
  return data;
}

function packedBits(bytes: Uint8Array, start: number, { width, height }: Layout): Uint8Array {
  const stride = (width + 7) >> 3;
  if (bytes.length - start < stride * height) throw new Error("is truncated or damaged");
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      data[y * width + x] = (bytes[start + y * stride + (x >> 3)] >> (7 - (x & 7))) & 1 ? 0 : 255;
  return data;
}

function binaryValues(
  bytes: Uint8Array,
  start: number,
  { width, height, channels, white }: Layout,
): Uint8Array | Uint16Array {
  const count = width * height * channels;
  if (bytes.length - start < count * (white > 255 ? 2 : 1)) throw new Error("is truncated or damaged");
  if (white <= 255) return bytes.subarray(start, start + count);
  return bigEndian16(bytes.subarray(start, start + 2 * count));
}

/** Numbers of two bytes, big-endian. */
export function bigEndian16(bytes: Uint8Array): Uint16Array {
  const data = new Uint16Array(bytes.length >> 1);
  for (let i = 0; i < data.length; i++) data[i] = (bytes[2 * i] << 8) | bytes[2 * i + 1];
  return data;
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    if (bytes[at] === 35) while (at < bytes.length && bytes[at] !== 10) at++;
    else if (bytes[at] !== 32 && !(bytes[at] >= 9 && bytes[at] <= 13)) break;
  }
  return at;
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;
