/**
 * Decodes Windows and OS/2 bitmaps, which sharp does not: 1 to 32 bits per pixel, palettes, bit fields, RLE4 and RLE8,
 * rows from the bottom or the top. [MS-WMF] 2.2.2, "BITMAPINFOHEADER" and "BITMAPV5HEADER" of the Windows API.
 */
import type { Bands } from "./bands.js";
import { checkPictureSize } from "./limits.js";

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  /** 0 none, 1 RLE8, 2 RLE4, 3 and 6 bit fields. */
  readonly compression: number;
  /** Bit masks of red, green, blue and alpha in a pixel of 16 or 32 bits. */
  readonly masks: readonly number[];
  readonly palette: { readonly start: number; readonly count: number; readonly entry: 3 | 4 };
  readonly start: number;
}

/** Parses the header. Throws Error with the reason where it is damaged, or of a kind that pictures do not use. */
export function readBmpHeader(bytes: Uint8Array): Header {
  if (bytes.length < 26) throw new Error("is truncated or damaged");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(14, true);
  const core = size === 12;
  if (bytes.length < 14 + size) throw new Error("is truncated or damaged");
  const width = core ? view.getUint16(18, true) : view.getInt32(18, true);
  const signed = core ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(core ? 24 : 28, true);
  const compression = size >= 20 ? view.getUint32(30, true) : 0;
  checkPictureSize(width, Math.abs(signed));
  const fields = size !== 64 && (compression === 3 || compression === 6) && (bits === 16 || bits === 32);
  const known = compression === 0 || (compression === 1 && bits === 8) || (compression === 2 && bits === 4) || fields;
  if (![1, 2, 4, 8, 16, 24, 32].includes(bits) || !known)
    throw new Error(`is a bitmap of ${bits} bits with compression ${compression}, which is not read; save it as PNG`);
  const masks: number[] = bits === 16 ? [0x7c00, 0x3e0, 0x1f, 0] : [0xff0000, 0xff00, 0xff, 0];
  // The masks are at the same offset, whether they belong to the header or follow one of 40 bytes.
  const maskCount = !fields ? 0 : compression === 6 || size >= 56 ? 4 : 3;
  if (maskCount > 0 && bytes.length < 54 + 4 * maskCount) throw new Error("is truncated or damaged");
  for (let i = 0; i < maskCount; i++) masks[i] = view.getUint32(54 + 4 * i, true);
  const entry = core ? 3 : 4;
  const tableStart = 14 + size + (size === 40 ? 4 * maskCount : 0);
  const stated = view.getUint32(10, true);
  const used = size >= 36 ? view.getUint32(46, true) : 0;
  const full = bits <= 8 ? 1 << bits : 0;
  const room = stated > tableStart ? Math.floor((stated - tableStart) / entry) : full;
  const count = Math.min(full, room, used > 0 ? used : full);
  return {
    width,
    height: Math.abs(signed),
    topDown: signed < 0,
    bits,
    compression,
    masks,
    palette: { start: tableStart, count, entry },
    start: stated >= tableStart ? stated : tableStart + count * entry,
  };
}

/** Decodes to 8-bit RGB, with alpha where the file defines its bits. */
export function readBmp(bytes: Uint8Array): Bands {
  const header = readBmpHeader(bytes);
  const { width, height, bits } = header;
  const alpha = bits > 8 && bits !== 24 && header.masks[3] !== 0;
  const channels = alpha ? 4 : 3;
  if (header.compression === 0 || bits > 8) checkRows(bytes, header);
  const data = new Uint8Array(width * height * channels);
  if (bits <= 8) paintIndices(bytes, header, data);
  else if (bits === 24) paintRgb24(bytes, header, data);
  else paintFields(bytes, header, data, channels);
  // Programs without alpha support write zeros there.
  const opaque = alpha && !data.some((value, i) => i % 4 === 3 && value !== 0);
  return { width, height, channels, colours: 3, alpha: alpha && !opaque, white: 255, data };
}

/** Bytes per row in the file. */
const strideOf = ({ width, bits }: Header): number => 4 * Math.ceil((width * bits) / 32);

/** Throws where the file is too short for its header's rows. Some files omit the last row's padding. */
function checkRows(bytes: Uint8Array, header: Header): void {
  const { width, height, bits, start } = header;
  if (bytes.length < start + strideOf(header) * (height - 1) + Math.ceil((width * bits) / 8))
    throw new Error("is truncated or damaged");
}

/** Calls `row` with the pixel offset of each row in the file and in the picture. */
function eachRow(header: Header, row: (from: number, to: number) => void): void {
  const { width, height, topDown, start } = header;
  const stride = strideOf(header);
  for (let y = 0; y < height; y++) row(start + y * stride, (topDown ? y : height - 1 - y) * width);
}

function paintRgb24(bytes: Uint8Array, header: Header, data: Uint8Array): void {
  eachRow(header, (from, to) => {
    for (let i = from, o = 3 * to; o < 3 * (to + header.width); i += 3, o += 3) {
      data[o] = bytes[i + 2];
      data[o + 1] = bytes[i + 1];
      data[o + 2] = bytes[i];
    }
  });
}

function paintFields(bytes: Uint8Array, header: Header, data: Uint8Array, channels: number): void {
  const { width, bits, masks } = header;
  const fields = masks.slice(0, channels).map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, most: mask >>> shift || 1 };
  });
  eachRow(header, (from, to) => {
    for (let x = 0; x < width; x++) {
      const i = from + (x * bits) / 8;
      const low = bytes[i] | (bytes[i + 1] << 8);
      const pixel = bits === 16 ? low : low | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
      for (let c = 0; c < channels; c++) {
        const { mask, shift, most } = fields[c];
        data[channels * (to + x) + c] = (((pixel & mask) >>> shift) * 255) / most + 0.5;
      }
    }
  });
}

function paintIndices(bytes: Uint8Array, header: Header, data: Uint8Array): void {
  const { width, height, bits, compression, palette } = header;
  const { start, count, entry } = palette;
  if (bytes.length < start + count * entry) throw new Error("is truncated or damaged");
  const indices = compression === 0 ? undefined : runLengths(bytes, header);
  const paint = (pixel: number, index: number) => {
    if (index >= count) return; // no such colour: black
    for (let c = 0; c < 3; c++) data[3 * pixel + c] = bytes[start + index * entry + 2 - c];
  };
  if (indices) {
    for (let i = 0; i < width * height; i++) paint(i, indices[i]);
    return;
  }
  const perByte = 8 / bits;
  eachRow(header, (from, to) => {
    for (let x = 0; x < width; x++) {
      const shift = 8 - bits * (1 + (x % perByte));
      paint(to + x, (bytes[from + Math.floor(x / perByte)] >> shift) & ((1 << bits) - 1));
    }
  });
}

/** Palette indices from RLE8 or RLE4, in the picture's order. Skipped pixels have index 0. */
function runLengths(bytes: Uint8Array, { width, height, topDown, compression, start }: Header): Uint8Array {
  const nibbles = compression === 2;
  const out = new Uint8Array(width * height);
  let [x, y, at] = [0, 0, start];
  const put = (index: number) => {
    if (x < width && y < height) out[(topDown ? y : height - 1 - y) * width + x] = index;
    x++;
  };
  const half = (byte: number, n: number) => (n % 2 === 0 ? byte >> 4 : byte & 15);
  while (at + 1 < bytes.length) {
    const [length, value] = [bytes[at], bytes[at + 1]];
    at += 2;
    if (length > 0) {
      for (let n = 0; n < length; n++) put(nibbles ? half(value, n) : value);
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      return out;
    } else if (value === 2) {
      x += bytes[at];
      y += bytes[at + 1];
      at += 2;
    } else {
      const size = nibbles ? (value + 1) >> 1 : value;
      if (at + size > bytes.length) break;
      for (let n = 0; n < value; n++) put(nibbles ? half(bytes[at + (n >> 1)], n) : bytes[at + n]);
      at += size + (size & 1);
    }
  }
  // Some writers omit the end mark after the last row.
  if (y < height - 1) throw new Error("is truncated or damaged");
  return out;
}
