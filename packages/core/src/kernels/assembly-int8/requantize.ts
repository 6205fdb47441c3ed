// int32 sums to int8: TensorFlow Lite's two roundings, (s m + 2^30) >> 31 with halves up, then a shift by n with halves away
// from zero. For n > 0 both are one floor, floor((s m + 2^30 + 2^(n + 30) - (s < 0 ? 2^31 : 0)) / 2^(31 + n)): nested
// floors are the floor of the whole. (s < 0 stands for "the first result is negative"; where they differ both give 0.) That
// is floor(u + 1/2) with u = s m / 2^(31 + n) + 2^-(n + 1) and the last term's sign that of s.
//
// Three ways, each as exact as the next:
// 1. u in floats, at most 2^-13 beside the truth for |u| up to 260: u rounded to the nearest whole number, unless it is
//    closer than that to a half. Beyond 260 the int8 result saturates, as long as u stays below 2^21;
// 2. then, eight at a time, in doubles. In units of 2^-(n + 32) every term is a whole number below 2^53, as sums are
//    clamped first to where the result saturates; half a unit more than u leaves no ties;
// 3. where n is too large for that, or the shift goes left, one by one in 64 bits.
//
// Constants, 176 bytes for four channels, four of each: f32 m / 2^(31 + n), f32 2^-(n + 1) (0 where n = 0), f64 m / 2^(31 + n),
// f64 2^-(n + 1) + 2^-(n + 32), f64 2^-n (0 where n = 0), i32 largest magnitude of a sum that matters, i32 m, i32 -n.
// @ts-ignore: decorator
@inline
export const QUANT_BYTES: usize = 176;
// @ts-ignore: decorator
@inline
const DOUBLES: usize = 32;
// @ts-ignore: decorator
@inline
const LIMIT: usize = 128;
// @ts-ignore: decorator
@inline
const MULTIPLIER: usize = 144;
// @ts-ignore: decorator
@inline
const SHIFT: usize = 160;
// 1.5 * 2^52: adding it leaves the nearest whole number in the low word.
// @ts-ignore: decorator
@inline
const WHOLE: f64 = 6755399441055744.0;

// In memory, as V8 makes a vector constant of two 64-bit moves each time: signs, 1.5 * 2^23 (adding it leaves the nearest
// whole number in the low bits), 1/2 - 2^-13.
const CONSTANTS: usize = memory.data<f32>([
  -0.0, -0.0, -0.0, -0.0, 12582912.0, 12582912.0, 12582912.0, 12582912.0,
  0.4998779296875, 0.4998779296875, 0.4998779296875, 0.4998779296875,
], 16);

/** How sums of a layer are rescaled: 0 in floats, 1 in doubles, 2 in 64 bits. */
// @ts-ignore: decorator
@inline
const FLOATS: i32 = 0;

/** u of four channels; `quant` is the block's. */
// @ts-ignore: decorator
@inline
function rescaleFloat(sums: v128, factor: v128, half: v128, sign: v128): v128 {
  const s = f32x4.convert_i32x4_s(sums);
  return f32x4.add(f32x4.mul(s, factor), v128.or(v128.and(s, sign), half));
}

/** Distance of u from the nearest whole number, which `whole` added to it has left in the low bits. */
// @ts-ignore: decorator
@inline
function distance(u: v128, rounded: v128, whole: v128): v128 {
  return f32x4.abs(f32x4.sub(u, f32x4.sub(rounded, whole)));
}

/**
 * Eight int8 in the low half, from the sums of eight channels.
 * @param zero the output's zero point, int32 in all lanes
 * @param least clamps, int8 in all lanes
 */
// @ts-ignore: decorator
@inline
export function requantize8(low: v128, high: v128, quant: usize, zero: v128, least: v128, most: v128, way: i32): v128 {
  if (way != FLOATS) return requantizeSlow(low, high, quant, zero, least, most, way);
  const sign = v128.load(CONSTANTS),
    whole = v128.load(CONSTANTS, 16);
  const u = rescaleFloat(low, v128.load(quant), v128.load(quant, 16), sign),
    v = rescaleFloat(high, v128.load(quant, QUANT_BYTES), v128.load(quant, QUANT_BYTES + 16), sign);
  const p = f32x4.add(u, whole),
    q = f32x4.add(v, whole);
  const far = f32x4.pmax(distance(u, p, whole), distance(v, q, whole));
  if (v128.any_true(f32x4.gt(far, v128.load(CONSTANTS, 32)))) return requantizeSlow(low, high, quant, zero, least, most, way);
  const offset = i32x4.sub(zero, whole);
  const wide = i16x8.narrow_i32x4_s(i32x4.add(p, offset), i32x4.add(q, offset));
  return i8x16.min_s(i8x16.max_s(i8x16.narrow_i16x8_s(wide, wide), least), most);
}

/** Sixteen int8: of eight channels of one pixel, then of the next. */
// @ts-ignore: decorator
@inline
export function requantize16(
  low0: v128, high0: v128, low1: v128, high1: v128,
  quant: usize, zero: v128, least: v128, most: v128, way: i32,
): v128 {
  if (way == FLOATS) {
    const sign = v128.load(CONSTANTS),
      whole = v128.load(CONSTANTS, 16);
    let factor = v128.load(quant),
      half = v128.load(quant, 16);
    const u0 = rescaleFloat(low0, factor, half, sign),
      u1 = rescaleFloat(low1, factor, half, sign);
    factor = v128.load(quant, QUANT_BYTES);
    half = v128.load(quant, QUANT_BYTES + 16);
    const v0 = rescaleFloat(high0, factor, half, sign),
      v1 = rescaleFloat(high1, factor, half, sign);
    const p0 = f32x4.add(u0, whole),
      q0 = f32x4.add(v0, whole),
      p1 = f32x4.add(u1, whole),
      q1 = f32x4.add(v1, whole);
    const far = f32x4.pmax(
      f32x4.pmax(distance(u0, p0, whole), distance(v0, q0, whole)),
      f32x4.pmax(distance(u1, p1, whole), distance(v1, q1, whole)),
    );
    if (!v128.any_true(f32x4.gt(far, v128.load(CONSTANTS, 32)))) {
      const offset = i32x4.sub(zero, whole);
      const wide0 = i16x8.narrow_i32x4_s(i32x4.add(p0, offset), i32x4.add(q0, offset)),
        wide1 = i16x8.narrow_i32x4_s(i32x4.add(p1, offset), i32x4.add(q1, offset));
      return i8x16.min_s(i8x16.max_s(i8x16.narrow_i16x8_s(wide0, wide1), least), most);
    }
  }
  return i8x16.shuffle(
    requantizeSlow(low0, high0, quant, zero, least, most, way),
    requantizeSlow(low1, high1, quant, zero, least, most, way),
    0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23,
  );
}

function requantizeSlow(low: v128, high: v128, quant: usize, zero: v128, least: v128, most: v128, way: i32): v128 {
  if (way == 2) return requantizeExact(low, high, quant, zero, least, most);
  return requantizeDouble(low, high, quant, zero, least, most);
}

function requantizeDouble(low: v128, high: v128, quant: usize, zero: v128, least: v128, most: v128): v128 {
  return finish(rescaleDouble(low, quant), rescaleDouble(high, quant + QUANT_BYTES), zero, least, most);
}

// @ts-ignore: decorator
@inline
function finish(low: v128, high: v128, zero: v128, least: v128, most: v128): v128 {
  const wide = i16x8.narrow_i32x4_s(i32x4.add(low, zero), i32x4.add(high, zero));
  return i8x16.min_s(i8x16.max_s(i8x16.narrow_i16x8_s(wide, wide), least), most);
}

function rescaleDouble(sums: v128, quant: usize): v128 {
  const limit = v128.load(quant, LIMIT);
  const s = i32x4.min_s(i32x4.max_s(sums, i32x4.neg(limit)), limit);
  const a = f64x2.convert_low_i32x4_s(s);
  const b = f64x2.convert_low_i32x4_s(i8x16.shuffle(s, s, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
  const nothing = f64x2.splat(0);
  const whole = f64x2.splat(WHOLE);
  const p = f64x2.sub(
    f64x2.add(f64x2.mul(a, v128.load(quant, DOUBLES)), v128.load(quant, DOUBLES + 32)),
    v128.and(f64x2.lt(a, nothing), v128.load(quant, DOUBLES + 64)),
  );
  const q = f64x2.sub(
    f64x2.add(f64x2.mul(b, v128.load(quant, DOUBLES + 16)), v128.load(quant, DOUBLES + 48)),
    v128.and(f64x2.lt(b, nothing), v128.load(quant, DOUBLES + 80)),
  );
  return i8x16.shuffle(
    f64x2.add(p, whole),
    f64x2.add(q, whole),
    0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27,
  );
}

function requantizeExact(low: v128, high: v128, quant: usize, zero: v128, least: v128, most: v128): v128 {
  const p = rescaleExact(low, quant),
    q = rescaleExact(high, quant + QUANT_BYTES);
  return finish(p, q, zero, least, most);
}

/** Clamped to int16, so that adding a zero point does not overflow. */
function rescaleExact(s: v128, quant: usize): v128 {
  let q = i32x4.splat(rescaleOne(i32x4.extract_lane(s, 0), quant));
  q = i32x4.replace_lane(q, 1, rescaleOne(i32x4.extract_lane(s, 1), quant + 4));
  q = i32x4.replace_lane(q, 2, rescaleOne(i32x4.extract_lane(s, 2), quant + 8));
  q = i32x4.replace_lane(q, 3, rescaleOne(i32x4.extract_lane(s, 3), quant + 12));
  return i32x4.min_s(i32x4.max_s(q, i32x4.splat(-32768)), i32x4.splat(32767));
}

/** gemmlowp's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT, of the first channel of a block at `quant`. */
export function rescaleOne(sum: i32, quant: usize): i32 {
  const multiplier = load<i32>(quant, MULTIPLIER),
    shift = load<i32>(quant, SHIFT);
  const a = shift > 0 ? sum << shift : sum;
  // A multiplier is never -2^31: the product does not saturate.
  const high = <i32>((<i64>a * <i64>multiplier + (1 << 30)) >> 31);
  if (shift >= 0) return high;
  const mask = shift == -31 ? i32.MAX_VALUE : (1 << -shift) - 1;
  return (high >> -shift) + i32((high & mask) > (mask >> 1) + i32(high < 0));
}

/** Stores the first `count` bytes, or eight where `count` is more. */
// @ts-ignore: decorator
@inline
export function storeSome(to: usize, v: v128, count: i32): void {
  if (count >= 8) {
    v128.store64_lane(to, v, 0);
    return;
  }
  let x = i64x2.extract_lane(v, 0);
  if (count & 4) {
    store<i32>(to, <i32>x);
    to += 4;
    x >>= 32;
  }
  if (count & 2) {
    store<i16>(to, <i16>x);
    to += 2;
    x >>= 16;
  }
  if (count & 1) store<i8>(to, <i8>x);
}

/** As `storeSome`, of the high half. */
// @ts-ignore: decorator
@inline
export function storeSomeHigh(to: usize, v: v128, count: i32): void {
  if (count >= 8) v128.store64_lane(to, v, 1);
  else storeSome(to, i64x2.splat(i64x2.extract_lane(v, 1)), count);
}

/** Replaces `count` bytes by their entries of a table of 256, in the order of unsigned bytes. */
export function lookup(x: usize, y: usize, count: i32, table: usize): void {
  const end = x + <usize>count;
  for (; x + 8 <= end; x += 8) {
    store<u8>(y, load<u8>(table + <usize>load<u8>(x)));
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 1)), 1);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 2)), 2);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 3)), 3);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 4)), 4);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 5)), 5);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 6)), 6);
    store<u8>(y, load<u8>(table + <usize>load<u8>(x, 7)), 7);
    y += 8;
  }
  for (; x < end; x++) store<u8>(y++, load<u8>(table + <usize>load<u8>(x)));
}
