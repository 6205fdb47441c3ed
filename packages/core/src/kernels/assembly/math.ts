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

export function sigmoid(x: f64): f64 {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

