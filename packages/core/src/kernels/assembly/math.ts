// exp in double precision from additions, multiplications and divisions only: the same algorithm, and the same bits, as
// tensor/math.ts.

// @ts-ignore: decorator
@inline
function powerOfTwo(k: i32): f64 {
  return reinterpret<f64>((<i64>(k + 1023)) << 52);
}

export function exp(x: f64): f64 {
  if (x != x) return x;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.2) return 0;
  const k = floor<f64>(x * 1.4426950408889634 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let p: f64 = 1;
  for (let n = 13; n >= 1; n--) p = 1 + (p * r) / <f64>n;
  const e = <i32>k;
  if (e > 1023) return p * 2 * powerOfTwo(e - 1);
  if (e < -1022) return p * powerOfTwo(e + 200) * powerOfTwo(-200);
  return p * powerOfTwo(e);
}

// Parts of exp for two doubles in -700..0, with the bits of `exp`.
// @ts-ignore: decorator
@inline
function scale(p: v128, k: v128): v128 {
  const exponent = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
  return f64x2.mul(p, i64x2.shl(i64x2.add(exponent, i64x2.splat(1023)), 52));
}

// @ts-ignore: decorator
@inline
function remainder(x: v128, k: v128): v128 {
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238)));
  return f64x2.sub(high, f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)));
}

// @ts-ignore: decorator
@inline
function exponentOf(x: v128): v128 {
  return f64x2.floor(f64x2.add(f64x2.mul(x, f64x2.splat(1.4426950408889634)), f64x2.splat(0.5)));
}

/**
 * exp of two doubles of at most 0, with the bits of `exp`. Below -700, where every result is 0 as a float, it is
 * exp(-700).
 */
export function expPair(x: v128): v128 {
  const inside = f64x2.max(x, f64x2.splat(-700));
  const exponent = exponentOf(inside);
  const r = remainder(inside, exponent);
  const one = f64x2.splat(1);
  let p = one;
  for (let n = 13; n >= 1; n--) p = f64x2.add(one, f64x2.div(f64x2.mul(p, r), f64x2.splat(<f64>n)));
  return scale(p, exponent);
}

/**
 * exp's series with products instead of divisions. Even and odd terms are summed side by side, because a single chain
 * would stall on its own latency. Not the bits of `exp`, but so close that no float's sigmoid, rounded to a float,
 * differs: all were compared.
 */
// @ts-ignore: decorator
@inline
function series(r: v128): v128 {
  const square = f64x2.mul(r, r);
  let even = f64x2.splat(1.0 / 479001600.0),
    odd = f64x2.splat(1.0 / 39916800.0);
  even = f64x2.add(f64x2.mul(even, square), f64x2.splat(1.0 / 3628800.0));
  odd = f64x2.add(f64x2.mul(odd, square), f64x2.splat(1.0 / 362880.0));
  even = f64x2.add(f64x2.mul(even, square), f64x2.splat(1.0 / 40320.0));
  odd = f64x2.add(f64x2.mul(odd, square), f64x2.splat(1.0 / 5040.0));
  even = f64x2.add(f64x2.mul(even, square), f64x2.splat(1.0 / 720.0));
  odd = f64x2.add(f64x2.mul(odd, square), f64x2.splat(1.0 / 120.0));
  even = f64x2.add(f64x2.mul(even, square), f64x2.splat(1.0 / 24.0));
  odd = f64x2.add(f64x2.mul(odd, square), f64x2.splat(1.0 / 6.0));
  even = f64x2.add(f64x2.mul(even, square), f64x2.splat(0.5));
  const rest = f64x2.mul(square, f64x2.add(even, f64x2.mul(r, odd)));
  return f64x2.add(f64x2.splat(1), f64x2.add(r, rest));
}

// Data of `quickExp`, in the memory's first kilobyte after the threads' control words (threads.ts): powers 2^(j / 64),
// and constants as two doubles each, which are faster to load than to build. Each thread writes the same values.
// @ts-ignore: decorator
@inline
const POWERS: usize = 512;
for (let j = 0; j < 64; j++) store<f64>(POWERS + (<usize>j << 3), exp(<f64>j * (0.6931471805599453 / 64)));

// @ts-ignore: decorator
@inline
const PER_LOG_2: usize = 384; // 64 / ln 2
v128.store(PER_LOG_2, f64x2.splat(92.33248261689366));
// @ts-ignore: decorator
@inline
const LOG_2: usize = 400; // ln 2 / 64
v128.store(LOG_2, f64x2.splat(0.6931471805599453 / 64));
// @ts-ignore: decorator
@inline
const ROUNDING: usize = 416; // 1.5 * 2^52: adding it rounds a double to an integer, held in its last bits
v128.store(ROUNDING, f64x2.splat(6755399441055744));
// @ts-ignore: decorator
@inline
const SIXTH: usize = 432;
v128.store(SIXTH, f64x2.splat(1.0 / 6.0));
// @ts-ignore: decorator
@inline
const HALF: usize = 448; // adjusted so that the error of the missing r^4 / 24 is as small at the ends as in between
v128.store(HALF, f64x2.splat(0.50000101221799));
// @ts-ignore: decorator
@inline
const ONE: usize = 464;
v128.store(ONE, f64x2.splat(1));
// @ts-ignore: decorator
@inline
const FROM_MIDDLE: usize = 480; // of nearMiddle
v128.store(FROM_MIDDLE, i64x2.splat(0x10020000));
// @ts-ignore: decorator
@inline
const MIDDLE: usize = 496;
v128.store(MIDDLE, i64x2.splat(0x1ffc0000));

/**
 * exp of two doubles in -87..0 with a relative error of 2^-36.9: 2^(k / 64) exp(r), |r| <= ln 2 / 128, from a
 * polynomial of degree 3.
 */
// @ts-ignore: decorator
@inline
function quickExp(x: v128): v128 {
  const rounded = f64x2.add(f64x2.mul(x, v128.load(PER_LOG_2)), v128.load(ROUNDING));
  const k = f64x2.sub(rounded, v128.load(ROUNDING));
  const r = f64x2.sub(x, f64x2.mul(k, v128.load(LOG_2)));
  const j = <usize>(i64x2.extract_lane(rounded, 0) & 63) << 3, other = <usize>(i64x2.extract_lane(rounded, 1) & 63) << 3;
  const fraction = v128.load64_lane(POWERS + other, v128.load64_zero(POWERS + j), 1);
  const exponent = i64x2.shl(i64x2.shr_u(rounded, 6), 52);
  const power = i64x2.add(fraction, exponent);
  const square = f64x2.add(v128.load(HALF), f64x2.mul(r, v128.load(SIXTH)));
  const p = f64x2.add(r, f64x2.mul(f64x2.mul(r, r), square));
  return f64x2.add(power, f64x2.mul(power, p));
}

/**
 * Non-zero for doubles so close to the middle between two floats (2^17 of the doubles' own steps) that their rounding
 * is uncertain.
 */
// @ts-ignore: decorator
@inline
function nearMiddle(y: v128): v128 {
  const moved = i64x2.add(y, v128.load(FROM_MIDDLE));
  return i64x2.eq(v128.and(moved, v128.load(MIDDLE)), i64x2.splat(0));
}

/**
 * The sigmoid of four floats, with the bits of tensor/math.ts rounded to floats. A quick version suffices unless a
 * float's rounding is uncertain (one vector in five hundred), the result is not a normal float, or the input is NaN.
 */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const size = f32x4.abs(x), minus = f32x4.neg(size);
  const one = v128.load(ONE);
  const a = quickExp(f64x2.promote_low_f32x4(minus));
  const b = quickExp(f64x2.promote_low_f32x4(v128.shuffle<f32>(minus, minus, 2, 3, 2, 3)));
  const sign = i32x4.shr_s(x, 31);
  const y = f64x2.div(v128.bitselect(a, one, v128.shuffle<i32>(sign, sign, 0, 0, 1, 1)), f64x2.add(one, a));
  const z = f64x2.div(v128.bitselect(b, one, v128.shuffle<i32>(sign, sign, 2, 2, 3, 3)), f64x2.add(one, b));
  const outside = v128.not(f32x4.le(size, f32x4.splat(87)));
  let result = v128.shuffle<f32>(f32x4.demote_f64x2_zero(y), f32x4.demote_f64x2_zero(z), 0, 1, 4, 5);
  if (v128.any_true(v128.or(outside, v128.or(nearMiddle(y), nearMiddle(z))))) result = slowSigmoid4(x);
  return result;
}

/** Beyond 700 the result is 0 or 1 as a float anyway. */
function slowSigmoid4(x: v128): v128 {
  const size = f32x4.neg(f32x4.min(f32x4.abs(x), f32x4.splat(700)));
  const one = f64x2.splat(1);
  const low = f64x2.promote_low_f32x4(size);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(size, size, 2, 3, 2, 3));
  const lowExponent = exponentOf(low);
  const highExponent = exponentOf(high);
  const a = scale(series(remainder(low, lowExponent)), lowExponent);
  const b = scale(series(remainder(high, highExponent)), highExponent);
  const positive = f32x4.ge(x, f32x4.splat(0));
  const lowPositive = v128.shuffle<i32>(positive, positive, 0, 0, 1, 1);
  const highPositive = v128.shuffle<i32>(positive, positive, 2, 2, 3, 3);
  const y = f64x2.div(v128.bitselect(one, a, lowPositive), f64x2.add(one, a));
  const z = f64x2.div(v128.bitselect(one, b, highPositive), f64x2.add(one, b));
  return v128.shuffle<f32>(f32x4.demote_f64x2_zero(y), f32x4.demote_f64x2_zero(z), 0, 1, 4, 5);
}
