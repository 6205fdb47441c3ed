// What `linear` multiplies: for four pixels in turns, pairs of inputs as int16, sixteen bytes a pair.
import { packLow, rounded, signs } from "./rescale";
import { address, everyLane, word } from "./words";

/** Four pairs of each of four pixels, to four vectors of one pair each. */
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

/** The same of four rows in memory. */
function storeRowsTurned(to: usize, rows: usize, pitch: usize): void {
  storeTurned(to, v128.load(rows), v128.load(rows + pitch), v128.load(rows + 2 * pitch), v128.load(rows + 3 * pitch));
}

/** The pixels themselves. */
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

/** (x - zero) times a gate, rounded to the int8 that `multiply` makes of them, as int16. */
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
 * Pixels times a gate a channel: a `multiply` whose result is not stored. Words: 18 gates,
 * 19 zero point of x, 20 of the gates, 21 factor and 22 half (see rescale.ts), 23 1.5 * 2^23 + zero point, 24 clamp min, 25 clamp max.
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
      for (let n: usize = 0; n < 4; n++)
        v128.store(ROWS + (n << 4), limited(scaled(x + (n << 3), zero, gate0, gate1, factor, half, sign, whole), least, most));
      storeRowsTurned(to, ROWS, 16);
      to += planes << 6;
    }
    plane += planeBytes;
    gates += 32;
  }
}

/**
 * Windows; what is outside the map is the input's zero point. Words: 18 height, 19 width, 20 channels, 21 kernel height,
 * 22 kernel width, 23 stride down, 24 stride across, 25 padding top, 26 padding left, 27 width of the output, 28 zero point
 * of the input, 29 four rows of scratch. Returns bytes of four pixels.
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

/** One window as int16. Eight channels at a time: those beyond the last are overwritten by the next tap's. */
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
