// exp, in double precision, from additions, multiplications and divisions only: the algorithm (and the bits) of
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

// Pieces of exp for two doubles in -700..0, with the bits of `exp`.
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

/** exp of two doubles of at most 0, with the bits of `exp`; below -700, where no float is not 0, that of -700. */
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
 * exp's series with products in place of the divisions, its even and its odd terms side by side, as a chain alone waits for itself. Not
 * the bits of `exp`, but near enough that for no float the sigmoid, rounded to a float, is another: all were compared.
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

/**
 * The sigmoid of four floats: the bits of tensor/math.ts, rounded to floats. Beyond 700 the result is 0 or 1 as a float anyway.
 */
export function sigmoid4(x: v128): v128 {
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
