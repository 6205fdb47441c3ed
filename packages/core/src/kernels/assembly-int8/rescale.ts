// Rescales int32 sums to int8 like TensorFlow Lite with its two roundings: (s m + 2^30) >> 31 with halves up, then a
// shift by n with halves away from zero. Together they are a step function of s that rises from -128 to 127, so a
// cheaper monotone function is equal everywhere if it is equal at both sides of every step. Here that is, in float32 (H
// has the sign of s),
//   p = (s F + H) + (1.5 * 2^23 + zero point), whose low 16 bits are the result,
// with F and H near m / 2^(31 + n) and 2^-(n + 1). Every operation is monotone in s, so p is too. search.ts looks for F
// and H such that p is right at all steps, and lists the sums where it is not: up to two per channel are corrected one
// by one. Channels with more of them, or with sums that are too large, are computed in doubles or in 64 bits.
//
// Constants of a panel of eight channels, in the order of the lanes of its two vectors of sums; panels.ts writes them.
// First the method: 0, 1 or 2 for float32 with that many corrected sums per channel, 3 for doubles, 4 for 64 bits. Then
// eight each: F, H (float32); wrong sums and what to add to the result, for the first and the second (int32); doubles m
// / 2^(31 + n), 2^-(n + 1) + 2^-(n + 32), 2^-n (0 if n = 0); largest sum, multiplier, shift (int32).
// @ts-ignore: decorator
@inline
export const PANEL_BYTES: usize = 496;
// @ts-ignore: decorator
@inline
export const FACTOR: usize = 16;
// @ts-ignore: decorator
@inline
export const HALF: usize = 48;
// @ts-ignore: decorator
@inline
export const WRONG: usize = 80;
// @ts-ignore: decorator
@inline
export const DOUBLES: usize = 208;
// @ts-ignore: decorator
@inline
export const LIMIT: usize = 400;
// @ts-ignore: decorator
@inline
export const MULTIPLIER: usize = 432;
// @ts-ignore: decorator
@inline
export const SHIFT: usize = 464;
// 1.5 * 2^23: adding it leaves the nearest integer in the low bits.
// @ts-ignore: decorator
@inline
export const WHOLE: f32 = 12582912.0;
// 1.5 * 2^52: the same for doubles.
// @ts-ignore: decorator
@inline
const WHOLE_DOUBLE: f64 = 6755399441055744.0;

// Stored in memory, because V8 builds a vector constant from two 64-bit moves each time: signs, low halves.
const CONSTANTS: usize = memory.data<u32>([
  0x80000000, 0x80000000, 0x80000000, 0x80000000, 0xffff, 0xffff, 0xffff, 0xffff,
], 16);

/** Sign bits of float32. */
// @ts-ignore: decorator
@inline
export function signs(): v128 {
  return v128.load(CONSTANTS);
}

/** p of four products s F. */
// @ts-ignore: decorator
@inline
export function rounded(product: v128, sign: v128, half: v128, whole: v128): v128 {
  return f32x4.add(f32x4.add(product, v128.or(v128.and(product, sign), half)), whole);
}

// @ts-ignore: decorator
@inline
function rescale(s: v128, factor: v128, half: v128, sign: v128, whole: v128): v128 {
  const product = f32x4.mul(f32x4.convert_i32x4_s(s), factor);
  return f32x4.add(f32x4.add(product, v128.or(v128.and(s, sign), half)), whole);
}

/** Corrects one wrong sum of each channel, where it occurs. */
// @ts-ignore: decorator
@inline
function correct(p: v128, s: v128, wrong: usize): v128 {
  return i32x4.add(p, v128.and(i32x4.eq(s, v128.load(wrong)), v128.load(wrong, 32)));
}

/** Low halves of the int32 of two vectors, concatenated. */
// @ts-ignore: decorator
@inline
export function packLow(a: v128, b: v128): v128 {
  const low = v128.load(CONSTANTS, 16);
  return i16x8.narrow_i32x4_u(v128.and(a, low), v128.and(b, low));
}

/** Low halves of the int32 of two vectors, interleaved: b's replace a's high halves. */
// @ts-ignore: decorator
@inline
function mixLow(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, i32x4.shl(b, 16), 0, 1, 18, 19, 4, 5, 22, 23, 8, 9, 26, 27, 12, 13, 30, 31);
}

/** Whether float32 is exact for all of a panel's sums. */
// @ts-ignore: decorator
@inline
export function isRight(panel: usize): bool {
  return load<i32>(panel) == 0;
}

/** Whether a panel's sums are rescaled in float32. */
// @ts-ignore: decorator
@inline
export function isFast(panel: usize): bool {
  return load<i32>(panel) <= 2;
}

// A panel's constants for `toInt8`, to be read before a loop.
// @ts-ignore: decorator
@inline
export function factors(panel: usize, second: usize): v128 {
  return v128.load(panel + (second << 4), FACTOR);
}
// @ts-ignore: decorator
@inline
export function halves(panel: usize, second: usize): v128 {
  return v128.load(panel + (second << 4), HALF);
}

/**
 * Sixteen int8 of two pixels: eight channels of one, then of the other. The panel must be exact, or fast with
 * `corrected`.
 * @param whole 1.5 * 2^23 + zero point, float32 in all lanes
 * @param mixed whether `a` has the even channels and `b` the odd; otherwise `a` has the first four
 * @param corrected whether wrong sums are corrected. A constant: kernels without corrections are a twentieth faster
 */
// @ts-ignore: decorator
@inline
export function toInt8(
  a0: v128, b0: v128, a1: v128, b1: v128,
  panel: usize, factorA: v128, factorB: v128, halfA: v128, halfB: v128, sign: v128, whole: v128,
  mixed: bool, corrected: bool,
): v128 {
  let p0 = rescale(a0, factorA, halfA, sign, whole),
    p1 = rescale(a1, factorA, halfA, sign, whole),
    q0 = rescale(b0, factorB, halfB, sign, whole),
    q1 = rescale(b1, factorB, halfB, sign, whole);
  if (corrected)
    for (let n = 0, wrong = panel + WRONG; n < load<i32>(panel); n++, wrong += 64) {
      p0 = correct(p0, a0, wrong);
      q0 = correct(q0, b0, wrong + 16);
      p1 = correct(p1, a1, wrong);
      q1 = correct(q1, b1, wrong + 16);
    }
  return mixed
    ? i8x16.narrow_i16x8_s(mixLow(p0, q0), mixLow(p1, q1))
    : i8x16.narrow_i16x8_s(packLow(p0, q0), packLow(p1, q1));
}

/** Like `toInt8`, but of one pixel, for any panel; the result is repeated. */
export function toInt8Slowly(a: v128, b: v128, panel: usize, whole: v128, mixed: bool): v128 {
  const way = load<i32>(panel);
  if (way <= 2) {
    const sign = signs();
    return toInt8(a, b, a, b, panel, factors(panel, 0), factors(panel, 1), halves(panel, 0), halves(panel, 1), sign, whole, mixed, true);
  }
  const p = rescaleSlowly(a, panel, 0, way, whole),
    q = rescaleSlowly(b, panel, 16, way, whole);
  const wide = mixed ? mixLow(p, q) : packLow(p, q);
  return i8x16.narrow_i16x8_s(wide, wide);
}

/** The results including the zero point, within int16. `at`: 0 for a panel's first vector, 16 for its second. */
function rescaleSlowly(s: v128, panel: usize, at: usize, way: i32, whole: v128): v128 {
  const q = way == 3 ? rescaleDouble(s, panel, at) : rescaleExact(s, panel + at);
  const zero = i32x4.sub(whole, f32x4.splat(WHOLE));
  return i32x4.add(i32x4.min_s(i32x4.max_s(q, i32x4.splat(-30000)), i32x4.splat(30000)), zero);
}

/** Exact if no term needs more than 53 bits: sums are first clamped to where the result saturates. */
function rescaleDouble(sums: v128, panel: usize, at: usize): v128 {
  const limit = v128.load(panel + at, LIMIT);
  const s = i32x4.min_s(i32x4.max_s(sums, i32x4.neg(limit)), limit);
  const terms = panel + (at << 1);
  const a = f64x2.convert_low_i32x4_s(s);
  const b = f64x2.convert_low_i32x4_s(i8x16.shuffle(s, s, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
  const nothing = f64x2.splat(0);
  const whole = f64x2.splat(WHOLE_DOUBLE);
  const p = f64x2.sub(
    f64x2.add(f64x2.mul(a, v128.load(terms, DOUBLES)), v128.load(terms, DOUBLES + 64)),
    v128.and(f64x2.lt(a, nothing), v128.load(terms, DOUBLES + 128)),
  );
  const q = f64x2.sub(
    f64x2.add(f64x2.mul(b, v128.load(terms, DOUBLES + 16)), v128.load(terms, DOUBLES + 80)),
    v128.and(f64x2.lt(b, nothing), v128.load(terms, DOUBLES + 144)),
  );
  return i8x16.shuffle(
    f64x2.add(p, whole),
    f64x2.add(q, whole),
    0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27,
  );
}

function rescaleExact(s: v128, panel: usize): v128 {
  v128.store(LANES, s);
  for (let lane: usize = 0; lane < 16; lane += 4) {
    const at = panel + lane;
    store<i32>(LANES + lane, rescaleOne(load<i32>(LANES + lane), load<i32>(at, MULTIPLIER), load<i32>(at, SHIFT)));
  }
  return v128.load(LANES);
}
const LANES: usize = memory.data(16, 16);

/** gemmlowp's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT. */
export function rescaleOne(sum: i32, multiplier: i32, shift: i32): i32 {
  const a = shift > 0 ? sum << shift : sum;
  // A multiplier is never -2^31, so the product does not saturate.
  const high = <i32>((<i64>a * <i64>multiplier + (1 << 30)) >> 31);
  if (shift >= 0) return high;
  const mask = shift == -31 ? i32.MAX_VALUE : (1 << -shift) - 1;
  return (high >> -shift) + i32((high & mask) > (mask >> 1) + i32(high < 0));
}

/** 2^n, n = -1022..1023 */
// @ts-ignore: decorator
@inline
export function powerOfTwo(n: i32): f64 {
  return reinterpret<f64>(<i64>(n + 1023) << 52);
}

/** int8 limits of an instruction's output. */
// @ts-ignore: decorator
@inline
export function clamp(v: v128, least: v128, most: v128): v128 {
  return i8x16.min_s(i8x16.max_s(v, least), most);
}
