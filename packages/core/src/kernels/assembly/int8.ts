// Rounding to int8 and back in training, and activations as the integer network's tables. A block of floats a value:
//   fakeQuantize: 0 1 / scale, 1 scale, 2 lowest and 3 highest of round(x / scale), from float 16 on smallest and largest x
//   of each shard, 16 floats apart, from 144 on 2^n of each channel, then 2^-n: gemmlowp rounds twice, first to multiples
//   of 2^-n, halves up, then to whole numbers, halves away from zero;
//   lookup: 0 1 / scale of x, 4 its zero point + 128, from float 16 on 256 values, then 256 slopes.
import { copyRows, loadRows } from "./operand";
import { address, arena, arg, chunkOf, images } from "./program";
import { madd } from "./simd";

// words: 0-7 x, 8 out, 9 block, 10 bytes a row, 11 pixels
export function fakeQuantizeForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, 9),
    bytes = address(i, 10);
  const pixels = arg(i, 11);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    scale = v128.load32_splat(block, 4),
    lowest = v128.load32_splat(block, 8),
    highest = v128.load32_splat(block, 12);
  const powers = block + 576;
  const sign = f32x4.splat(-0.0);
  let least = f32x4.splat(0),
    most = f32x4.splat(0);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const x = loadRows(i + 8, base, row, rows, bytes, pixels, scratch);
    const out = base + address(i, 8) + <usize>row * bytes;
    let c: usize = 0;
    for (let p: usize = 0; p < size; p += 16) {
      const v = v128.load(x + p);
      least = f32x4.pmin(least, v);
      most = f32x4.pmax(most, v);
      const fine = f32x4.floor(madd(f32x4.mul(v, inverse), v128.load(powers + c), f32x4.splat(0.5)));
      const coarse = f32x4.mul(fine, v128.load(powers + bytes + c));
      const half = v128.or(v128.and(coarse, sign), f32x4.splat(0.5));
      const q = f32x4.pmin(f32x4.pmax(f32x4.trunc(f32x4.add(coarse, half)), lowest), highest);
      v128.store(out + p, f32x4.mul(q, scale));
      c += 16;
      if (c == bytes) c = 0;
    }
  }
  const seen = block + 64 + (<usize>shard << 6);
  store<f32>(
    seen,
    min(
      min(f32x4.extract_lane(least, 0), f32x4.extract_lane(least, 1)),
      min(f32x4.extract_lane(least, 2), f32x4.extract_lane(least, 3)),
    ),
  );
  store<f32>(
    seen,
    max(
      max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
      max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
    ),
    4,
  );
}

// words: 0-7 dy, 8-15 x, 16 out, 17 block, 18 bytes a row, 19 pixels; out = dy where round(x / scale) is not clamped
export function fakeQuantizeGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, 17),
    bytes = address(i, 18);
  const pixels = arg(i, 19);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    lowest = v128.load32_splat(block, 8),
    highest = v128.load32_splat(block, 12);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const out = base + address(i, 16) + <usize>row * bytes;
    copyRows(i + 8, base, row, rows, bytes, pixels, out);
    const x = loadRows(i + 8 + 8 * 4, base, row, rows, bytes, pixels, scratch);
    for (let p: usize = 0; p < size; p += 16) {
      const q = f32x4.nearest(f32x4.mul(v128.load(x + p), inverse));
      const inside = v128.and(f32x4.ge(q, lowest), f32x4.le(q, highest));
      v128.store(out + p, v128.and(v128.load(out + p), inside));
    }
  }
}

/** Four entries of a table for x, which is on the int8 grid. */
// @ts-ignore: decorator
@inline
function entries(table: usize, x: v128, inverse: v128, zero: v128): v128 {
  const q = i32x4.trunc_sat_f32x4_s(f32x4.nearest(madd(x, inverse, zero)));
  const at = i32x4.shl(i32x4.min_s(i32x4.max_s(q, i32x4.splat(0)), i32x4.splat(255)), 2);
  let v = v128.load32_zero(table + <usize>i32x4.extract_lane(at, 0));
  v = v128.load32_lane(table + <usize>i32x4.extract_lane(at, 1), v, 1);
  v = v128.load32_lane(table + <usize>i32x4.extract_lane(at, 2), v, 2);
  return v128.load32_lane(table + <usize>i32x4.extract_lane(at, 3), v, 3);
}

// words: 0-7 x, 8 bytes of the channels, 9 out, 10 block, 11 bytes a row, 12 pixels
export function lookupForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const channels = address(i, 8),
    block = address(i, 10),
    bytes = address(i, 11);
  const inverse = v128.load32_splat(block),
    zero = v128.load32_splat(block, 16);
  const rows = images(program, shard) * arg(i, 12);
  const x = loadRows(i + 8, base, 0, rows, bytes, arg(i, 12), scratch);
  const out = base + address(i, 9);
  const end = <usize>rows * bytes;
  for (let p: usize = 0; p < end; p += 16) v128.store(out + p, entries(block + 64, v128.load(x + p), inverse, zero));
  if (channels == bytes) return;
  for (let row = out; row < out + end; row += bytes) memory.fill(row + channels, 0, bytes - channels);
}

// words: 0-7 dy, 8-15 x, 16 out, 17 block, 18 bytes a row, 19 pixels; out = dy * slope
export function lookupGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, 17),
    bytes = address(i, 18);
  const pixels = arg(i, 19);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    zero = v128.load32_splat(block, 16);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const out = base + address(i, 16) + <usize>row * bytes;
    copyRows(i + 8, base, row, rows, bytes, pixels, out);
    const x = loadRows(i + 8 + 8 * 4, base, row, rows, bytes, pixels, scratch);
    for (let p: usize = 0; p < size; p += 16) {
      const slope = entries(block + 64 + 1024, v128.load(x + p), inverse, zero);
      v128.store(out + p, f32x4.mul(v128.load(out + p), slope));
    }
  }
}
