// Gathers the inputs of `linear`: pairs of inputs as int16 for four interleaved pixels, sixteen bytes per pair.
import { fill } from "./planes";
import { packLow, rounded, signs } from "./rescale";
import { address, everyLane, word } from "./words";

/** Transposes four pairs of each of four pixels to four vectors of one pair each. */
// @ts-ignore: decorator
@inline
function storeTurned(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
    cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  v128.store(to, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(to, i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 16);
  const ab1 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31),
    cd1 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(to, i8x16.shuffle(ab1, cd1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 32);
  v128.store(to, i8x16.shuffle(ab1, cd1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 48);
}

/** The same for four rows in memory. */
function storeRowsTurned(to: usize, rows: usize, pitch: usize): void {
  storeTurned(to, v128.load(rows), v128.load(rows + pitch), v128.load(rows + 2 * pitch), v128.load(rows + 3 * pitch));
}

/** Gathers the pixels themselves. */
export function gatherPixels(i: usize, scratch: usize, first: i32, quads: i32): void {
  const planes = <usize>word(i, 3),
    planeBytes = <usize>word(i, 15);
  let plane = address(i, 0) + (<usize>first << 3);
  for (let p: usize = 0; p < planes; p++) {
    let to = scratch + (p << 6);
    for (let x = plane, end = plane + (<usize>quads << 5); x < end; x += 32) {
      storeTurned(to, v128.load8x8_s(x), v128.load8x8_s(x, 8), v128.load8x8_s(x, 16), v128.load8x8_s(x, 24));
      to += planes << 6;
    }
    plane += planeBytes;
  }
}

/** (x - zero) times a gate, rounded to the int8 that `multiply` would give, as int16. */
// @ts-ignore: decorator
@inline
function scaled(x: usize, zero: v128, gate0: v128, gate1: v128, factor: v128, half: v128, sign: v128, whole: v128): v128 {
  const a = i16x8.sub(v128.load8x8_s(x), zero);
  return packLow(
    rounded(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), gate0), factor), sign, half, whole),
    rounded(f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), gate1), factor), sign, half, whole),
  );
}

// @ts-ignore: decorator
@inline
function limited(v: v128, least: v128, most: v128): v128 {
  return i16x8.min_s(i16x8.max_s(v, least), most);
}

const ROWS: usize = memory.data(64, 16);

/**
 * Pixels times a gate per channel: a `multiply` whose result is not stored. Words: 18 gates, 19 zero point of x, 20 of
 * the gates, 21 factor and 22 half (see rescale.ts), 23 1.5 * 2^23 + zero point, 24 clamp min, 25 clamp max.
 */
export function gatherScaled(i: usize, scratch: usize, first: i32, quads: i32): void {
  const planes = <usize>word(i, 3),
    planeBytes = <usize>word(i, 15);
  const zero = i16x8.splat(<i16>word(i, 19)),
    zeroGate = i16x8.splat(<i16>word(i, 20)),
    factor = everyLane(i, 21),
    half = everyLane(i, 22),
    whole = everyLane(i, 23),
    least = i16x8.splat(<i16>word(i, 24)),
    most = i16x8.splat(<i16>word(i, 25));
  const sign = signs();
  let gates = address(i, 18);
  let plane = address(i, 0) + (<usize>first << 3);
  for (let p: usize = 0; p < planes; p++) {
    let to = scratch + (p << 6);
    const gate = i16x8.sub(v128.load8x8_s(gates), zeroGate);
    const gate0 = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(gate)),
      gate1 = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(gate));
    for (let x = plane, end = plane + (<usize>quads << 5); x < end; x += 32) {
      storeTurned(
        to,
        limited(scaled(x, zero, gate0, gate1, factor, half, sign, whole), least, most),
        limited(scaled(x + 8, zero, gate0, gate1, factor, half, sign, whole), least, most),
        limited(scaled(x + 16, zero, gate0, gate1, factor, half, sign, whole), least, most),
        limited(scaled(x + 24, zero, gate0, gate1, factor, half, sign, whole), least, most),
      );
      to += planes << 6;
    }
    plane += planeBytes;
    gates += 32;
  }
}

/**
 * Gathers windows; pixels outside the map are the input's zero point. Words: 18 height, 19 width, 20 channels, 21
 * kernel height, 22 kernel width, 23 stride down, 24 stride across, 25 padding top, 26 padding left, 27 width of the
 * output, 28 zero point of the input, 29 four rows of scratch. Returns the bytes of four pixels.
 */
export function gatherWindows(i: usize, scratch: usize, first: i32, quads: i32): usize {
  const outWidth = word(i, 27),
    pairs = word(i, 14);
  const rows = address(i, 29);
  const pitch = (<usize>((pairs + 3) & ~3) << 2) + 16;
  let oy = first / outWidth;
  let ox = first - oy * outWidth;
  let to = scratch;
  for (let quad = 0; quad < quads; quad++) {
    for (let n: usize = 0; n < 4; n++) {
      gatherWindow(i, rows + n * pitch, oy, ox);
      if (++ox == outWidth) {
        ox = 0;
        oy++;
      }
    }
    for (let at: usize = 0, end = pitch - 16; at < end; at += 16) {
      storeRowsTurned(to, rows + at, pitch);
      to += 64;
    }
  }
  return (pitch - 16) << 2;
}

/** Gathers one window as int16, eight channels at a time; those beyond the last are overwritten by the next tap's. */
function gatherWindow(i: usize, to: usize, oy: i32, ox: i32): void {
  const height = word(i, 18),
    width = word(i, 19),
    channels = word(i, 20),
    kernelHeight = word(i, 21),
    kernelWidth = word(i, 22),
    planeBytes = <usize>word(i, 15);
  const zero = i16x8.splat(<i16>word(i, 28));
  const top = oy * word(i, 23) - word(i, 25),
    left = ox * word(i, 24) - word(i, 26);
  for (let y = top; y < top + kernelHeight; y++)
    for (let x = left; x < left + kernelWidth; x++) {
      let from = address(i, 0) + (<usize>(y * width + x) << 3);
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      for (let c = 0; c < channels; c += 8) {
        v128.store(to + (<usize>c << 1), inside ? v128.load8x8_s(from) : zero);
        from += planeBytes;
      }
      to += <usize>channels << 1;
    }
}

/**
 * Gathers windows of fewer than eight channels, one kernel row at a time. The map is first copied with its border and
 * without gaps between pixels, so that a row of a window is contiguous. Words: as in gatherWindows, 29 the copy, 30 its
 * height, 31 its width. Returns the bytes of four pixels.
 */
export function gatherRows(i: usize, scratch: usize, first: i32, quads: i32): usize {
  const outWidth = word(i, 27),
    across = word(i, 24),
    kernelHeight = word(i, 21),
    bytes = word(i, 22) * word(i, 20),
    pixelBytes = <usize>(across * word(i, 20)),
    rowBytes = <usize>(word(i, 31) * word(i, 20)),
    downBytes = <usize>word(i, 23) * rowBytes,
    quadBytes = <usize>word(i, 14) << 4;
  if (first == 0) copyWithBorder(i);
  const oy = first / outWidth;
  let ox = first - oy * outWidth;
  let row = address(i, 29) + <usize>oy * downBytes;
  let x = row + <usize>ox * pixelBytes;
  for (let quad = 0; quad < quads; quad++) {
    let a: usize = 0, b: usize = 0, c: usize = 0, d: usize = 0;
    for (let n = 0; n < 4; n++) {
      a = b;
      b = c;
      c = d;
      d = x;
      x += pixelBytes;
      if (++ox == outWidth) {
        ox = 0;
        row += downBytes;
        x = row;
      }
    }
    let to = scratch;
    for (let ky = 0; ky < kernelHeight; ky++) {
      let at = 0;
      for (; at + 8 <= bytes; at += 8) {
        const n = <usize>at;
        storeTurned(to, v128.load8x8_s(a + n), v128.load8x8_s(b + n), v128.load8x8_s(c + n), v128.load8x8_s(d + n));
        to += 64;
      }
      for (; at < bytes; at += 2) {
        const n = <usize>at;
        let v = v128.load16_splat(a + n);
        v = v128.load16_lane(b + n, v, 1);
        v = v128.load16_lane(c + n, v, 2);
        v = v128.load16_lane(d + n, v, 3);
        v128.store(to, i16x8.extend_low_i8x16_s(v));
        to += 16;
      }
      a += rowBytes;
      b += rowBytes;
      c += rowBytes;
      d += rowBytes;
    }
    scratch += quadBytes;
  }
  return quadBytes;
}

/** Bytes written too far are overwritten later, because addresses only increase. */
function copyWithBorder(i: usize): void {
  const height = word(i, 18),
    channels = <usize>word(i, 20);
  const border = i8x16.splat(<i8>word(i, 28));
  const left = <usize>word(i, 26) * channels,
    inner = <usize>word(i, 19) * channels,
    rowBytes = <usize>word(i, 31) * channels;
  let x = address(i, 0),
    y = address(i, 29);
  for (let n = -word(i, 25); n < word(i, 30) - word(i, 25); n++) {
    const end = y + rowBytes;
    if (<u32>n < <u32>height) {
      fill(y, y + left, border);
      y += left;
      for (const stop = y + inner; y < stop; y += channels) {
        store<u64>(y, load<u64>(x));
        x += 8;
      }
    }
    fill(y, end, border);
    y = end;
  }
}
