// Rounding to int8 and back in training, and activations as the integer network's tables. gemmlowp rounds twice: first
// to multiples of 2^-n, halves up, then to integers, halves away from zero.
import {
  FakeQuantizeForward,
  FakeQuantizeGradient,
  LookupForward,
  LookupGradient,
  Rounding,
  Sizes,
  Table,
} from "./instructions.generated";
import { copyRows, loadRows } from "./operand";
import { address, arena, arg, chunkOf, images, wordsAt } from "./program";
import { madd } from "./simd";

export function fakeQuantizeForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, FakeQuantizeForward.block),
    bytes = address(i, FakeQuantizeForward.bytes);
  const pixels = arg(i, FakeQuantizeForward.pixels);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    scale = v128.load32_splat(block, 4 * Rounding.scale),
    lowest = v128.load32_splat(block, 4 * Rounding.lowest),
    highest = v128.load32_splat(block, 4 * Rounding.highest);
  const powers = block + 4 * Rounding.powers;
  const sign = f32x4.splat(-0.0);
  let least = f32x4.splat(0),
    most = f32x4.splat(0);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const x = loadRows(wordsAt(i, FakeQuantizeForward.x), base, row, rows, bytes, pixels, scratch);
    const out = base + address(i, FakeQuantizeForward.out) + <usize>row * bytes;
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
  const seen = block + 4 * Rounding.seen + <usize>(4 * Sizes.seenStride * shard);
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

export function fakeQuantizeGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, FakeQuantizeGradient.block),
    bytes = address(i, FakeQuantizeGradient.bytes);
  const pixels = arg(i, FakeQuantizeGradient.pixels);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    lowest = v128.load32_splat(block, 4 * Rounding.lowest),
    highest = v128.load32_splat(block, 4 * Rounding.highest);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const out = base + address(i, FakeQuantizeGradient.out) + <usize>row * bytes;
    copyRows(wordsAt(i, FakeQuantizeGradient.dy), base, row, rows, bytes, pixels, out);
    const x = loadRows(wordsAt(i, FakeQuantizeGradient.x), base, row, rows, bytes, pixels, scratch);
    for (let p: usize = 0; p < size; p += 16) {
      const q = f32x4.nearest(f32x4.mul(v128.load(x + p), inverse));
      const inside = v128.and(f32x4.ge(q, lowest), f32x4.le(q, highest));
      v128.store(out + p, v128.and(v128.load(out + p), inside));
    }
  }
}

/** Four entries of a table for x, which must be on the int8 grid. */
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

export function lookupForward(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const channels = address(i, LookupForward.channels),
    block = address(i, LookupForward.block),
    bytes = address(i, LookupForward.bytes);
  const inverse = v128.load32_splat(block),
    zero = v128.load32_splat(block, 4 * Table.zero);
  const rows = images(program, shard) * arg(i, LookupForward.pixels);
  const x = loadRows(wordsAt(i, LookupForward.x), base, 0, rows, bytes, arg(i, LookupForward.pixels), scratch);
  const out = base + address(i, LookupForward.out);
  const end = <usize>rows * bytes;
  for (let p: usize = 0; p < end; p += 16) v128.store(out + p, entries(block + 4 * Table.values, v128.load(x + p), inverse, zero));
  if (channels == bytes) return;
  for (let row = out; row < out + end; row += bytes) memory.fill(row + channels, 0, bytes - channels);
}

export function lookupGradient(i: usize, program: usize, shard: i32, scratch: usize): void {
  const base = arena(program, shard);
  const block = address(i, LookupGradient.block),
    bytes = address(i, LookupGradient.bytes);
  const pixels = arg(i, LookupGradient.pixels);
  const total = images(program, shard) * pixels;
  const chunk = chunkOf(bytes);
  const inverse = v128.load32_splat(block),
    zero = v128.load32_splat(block, 4 * Table.zero);
  for (let row = 0; row < total; row += chunk) {
    const rows = min(chunk, total - row);
    const size = <usize>rows * bytes;
    const out = base + address(i, LookupGradient.out) + <usize>row * bytes;
    copyRows(wordsAt(i, LookupGradient.dy), base, row, rows, bytes, pixels, out);
    const x = loadRows(wordsAt(i, LookupGradient.x), base, row, rows, bytes, pixels, scratch);
    for (let p: usize = 0; p < size; p += 16) {
      const slope = entries(block + 4 * Table.slopes, v128.load(x + p), inverse, zero);
      v128.store(out + p, f32x4.mul(v128.load(out + p), slope));
    }
  }
}
