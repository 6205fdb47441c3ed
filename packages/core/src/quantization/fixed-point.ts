/**
 * gemmlowp's fixed-point primitives, exact in JavaScript numbers. Sources of the formulas: gemmlowp fixedpoint.h;
 * TensorFlow Lite quantization_util.cc and common.cc (double rounding, TensorFlow Lite Micro's default).
 */

/** An effective scale, multiplier * 2^(shift - 31). */
export interface Multiplier {
  /** Q31: 0 or 2^30..2^31-1. */
  readonly multiplier: number;
  /** Positive is a left shift. */
  readonly shift: number;
}

const view = new DataView(new ArrayBuffer(8));

/** x = fraction * 2^exponent with fraction in [0.5, 1), for a positive finite x. */
export function frexp(x: number): { fraction: number; exponent: number } {
  let bias = -1022;
  if (x < 2.2250738585072014e-308) {
    x *= 2 ** 54; // normalises a subnormal number
    bias -= 54;
  }
  view.setFloat64(0, x);
  const high = view.getUint32(0);
  view.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  return { fraction: view.getFloat64(0), exponent: (high >>> 20) + bias };
}

/**
 * TFLite's QuantizeMultiplier: turns a scale of at least 0 into a Q31 multiplier and a shift. As in TFLite, scales
 * below 2^-32 become 0 (shift 0).
 */
export function quantizeMultiplier(scale: number): Multiplier {
  if (scale === 0) return { multiplier: 0, shift: 0 };
  let { fraction, exponent: shift } = frexp(scale);
  fraction *= 2147483648;
  let multiplier = Math.floor(fraction + 0.5); // half away from zero; exact, as fraction has at most 22 fractional bits
  if (multiplier === 2147483648) {
    multiplier = 1073741824;
    shift++;
  }
  if (shift < -31) return { multiplier: 0, shift: 0 };
  return { multiplier, shift };
}

/**
 * gemmlowp's SaturatingRoundingDoublingHighMul: round(a * b / 2^31), halves up, for int32 a and b. gemmlowp's nudge and
 * truncation equal floor((ab + 2^30) / 2^31) for both signs of ab.
 */
export function multiplyHigh(a: number, b: number): number {
  // The product, below 2^22 * 2^31, is exact in a double.
  if (a < 4194304 && a > -4194304) return Math.floor((a * b + 1073741824) / 2147483648) | 0;
  if (a === -2147483648 && b === -2147483648) return 2147483647;
  // b = high * 2^16 + low: both partial products stay below 2^48, and nested floors equal the floor of the whole.
  const low = b & 0xffff;
  const high = b >> 16;
  return Math.floor((a * high + Math.floor((a * low + 1073741824) / 65536)) / 32768) | 0;
}

/** gemmlowp's RoundingDivideByPOT: x / 2^exponent, halves away from zero; exponent 0..31. */
export function roundingDivide(x: number, exponent: number): number {
  const mask = exponent === 31 ? 0x7fffffff : (1 << exponent) - 1;
  const threshold = (mask >> 1) + (x >>> 31);
  return (x >> exponent) + ((x & mask) > threshold ? 1 : 0);
}

/** TFLite's MultiplyByQuantizedMultiplier, double rounding: x * multiplier * 2^(shift - 31) for an int32 x. */
export function multiplyByQuantizedMultiplier(x: number, multiplier: number, shift: number): number {
  return shift > 0 ? multiplyHigh(x << shift, multiplier) : roundingDivide(multiplyHigh(x, multiplier), -shift);
}

/** The last step of every integer kernel: rescales a sum, adds the output's zero point and clamps. */
export function requantize(
  sum: number,
  multiplier: number,
  shift: number,
  zeroPoint: number,
  clampMin: number,
  clampMax: number,
): number {
  return Math.min(clampMax, Math.max(clampMin, multiplyByQuantizedMultiplier(sum, multiplier, shift) + zeroPoint));
}
