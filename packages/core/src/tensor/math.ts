/**
 * exp and log from IEEE-754 additions, multiplications and divisions only. The host's Math.exp and Math.log may differ
 * in the last bit between engines; these give the same bits everywhere. Error below 2 ulp (checked against Math.*).
 * Math.sqrt is correctly rounded in every engine and is used as it is.
 */
const LN2_HIGH = 0.6931471803691238; // low 32 bits zero: k * LN2_HIGH is exact for |k| < 2048
const LN2_LOW = 1.9082149292705877e-10;
const INV_LN2 = Math.LOG2E;

const bits = new DataView(new ArrayBuffer(8));

/** 2^k for k in -1022..1023, exactly. */
function powerOfTwo(k: number): number {
  bits.setUint32(0, (k + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** e^x. 0 below -745.2, Infinity above 709.8, NaN for NaN. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  const k = Math.round(x * INV_LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW; // |r| <= ln2/2
  // Taylor to r^13 in Horner form: remainder below 2^-58 of the result on |r| <= 0.35.
  let p = 1;
  for (let n = 13; n >= 1; n--) p = 1 + (p * r) / n;
  if (k > 1023) return p * 2 * powerOfTwo(k - 1);
  if (k < -1022) return p * powerOfTwo(k + 200) * powerOfTwo(-200);
  return p * powerOfTwo(k);
}

/** Natural logarithm. -Infinity at 0, NaN below 0. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let k = 0;
  if (x < 2.2250738585072014e-308) {
    x *= 18014398509481984; // 2^54: out of the subnormals
    k = -54;
  }
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  k += (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0); // 1 <= m < 2
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  // log(m) = 2 atanh(s), s = (m-1)/(m+1), |s| <= 0.1716
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let p = 0;
  for (let n = 23; n >= 3; n -= 2) p = (p + 1 / n) * z;
  return k * LN2_HIGH + (2 * s + (2 * s * p + k * LN2_LOW));
}

/** Logarithms to base 2 and 10, with a relative error below 1e-15; like `log` at 0 and below. */
export function log2(x: number): number {
  return log(x) * Math.LOG2E;
}
export function log10(x: number): number {
  return log(x) * Math.LOG10E;
}

/** 1 / (1 + e^-x), without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** Cosine of x radians for |x| <= 4, error below 1e-14. */
export function cos(x: number): number {
  // cos(x) = 1 - 2 sin^2(x/2): the series of sin on |x| <= 2 needs few terms and loses no digits near 0.
  const h = x / 2;
  const z = h * h;
  let s = 1;
  for (let n = 29; n >= 3; n -= 2) s = 1 - (s * z) / (n * (n - 1));
  s *= h;
  return 1 - 2 * s * s;
}
