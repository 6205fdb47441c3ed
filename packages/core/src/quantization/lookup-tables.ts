/**
 * 256-entry tables of operators with one int8 input: entry `q + 128` is the output for input q. They are computed with
 * TensorFlow Lite Micro's integer arithmetic for the operator, so that a lookup is bit-exact with its kernels. Sources
 * of the formulas: tflite-micro 90b983c2 reference/hard_swish.h, hard_swish_common.cc, integer_ops/logistic.h,
 * logistic_common.cc, activations_common.cc; gemmlowp fixedpoint.h. TensorFlow Lite's desktop kernel differs for the
 * sigmoid (it uses a table made with floating-point exp), and XNNPACK differs for both sigmoid and hardswish; they
 * agree within 1 LSB.
 */
import { PhinetsError } from "../tensor/index.js";
import { multiplyByQuantizedMultiplier, multiplyHigh, quantizeMultiplier, roundingDivide } from "./fixed-point.js";
import type { QuantizationParameters } from "./types.js";

/** The only output quantisation of the int8 sigmoid: [0, 1) in steps of 1/256. */
export const sigmoidOutput: QuantizationParameters = { scale: 1 / 256, zeroPoint: -128 };

/** The only output quantisation of the int8 tanh: [-1, 1) in steps of 1/128. */
export const tanhOutput: QuantizationParameters = { scale: 1 / 128, zeroPoint: 0 };

/** x * relu6(x + 3) / 6 in 16-bit fixed point. The output scale must exceed 1/128 of the input scale. */
export function hardswishTable(input: QuantizationParameters, output: QuantizationParameters): Int8Array {
  const highResolutionScale = Math.fround(input.scale / 128);
  const toOutput = quantizeMultiplier(Math.fround(highResolutionScale / output.scale));
  const toReluish = quantizeMultiplier(Math.fround(highResolutionScale / (3 / 32768)));
  if (toOutput.shift > 0 || toOutput.shift < -15)
    throw new PhinetsError(
      "quantization.hardswish",
      `hardswish: output scale ${output.scale} must be between 1/128 and 256 of the input scale ${input.scale}; calibrate with pictures that excite this layer`,
    );
  const outputMultiplier = to16Bits(toOutput.multiplier);
  const reluishMultiplier = to16Bits(toReluish.multiplier);
  return tableOf((q) => {
    const x = (q - input.zeroPoint) * 128;
    const product = multiplyHigh16(x, outputMultiplier);
    // x / 3 in Q15, saturated to [-1, 1): only the last left shift decides about saturation.
    let reluish = x;
    if (toReluish.shift > 0) reluish = clamp16(reluish * 2 ** (toReluish.shift - 1));
    reluish = multiplyHigh16(reluish, reluishMultiplier);
    if (toReluish.shift > 0) reluish = clamp16(reluish * 2);
    if (toReluish.shift < 0) reluish = roundingDivide(reluish, -toReluish.shift);
    reluish = (reluish + 32768) >> 1; // [-1, 1) to [0, 1)
    // Only this product is truncated towards zero, which cancels the bias of the rounded ones.
    return roundingDivide(Math.trunc((reluish * product) / 32768), -toOutput.shift) + output.zeroPoint;
  });
}

/** 1 / (1 + e^-x) by gemmlowp's fixed-point exponential and Newton division. The output must be `sigmoidOutput`. */
export function sigmoidTable(input: QuantizationParameters, output: QuantizationParameters): Int8Array {
  if (output.scale !== sigmoidOutput.scale || output.zeroPoint !== sigmoidOutput.zeroPoint)
    throw new PhinetsError(
      "quantization.sigmoid",
      `sigmoid: output has scale ${output.scale} zero point ${output.zeroPoint}; int8 sigmoid gives 1/256 and -128 only`,
    );
  const { multiplier, shift } = quantizeMultiplier(input.scale * 2 ** 27); // to Q4.27
  const radius = Math.floor((15 * 2 ** 27) / 2 ** shift); // |x| of nearly 16 and above is saturated
  return tableOf((q) => {
    const x = q - input.zeroPoint;
    if (x <= -radius) return -128;
    if (x >= radius) return 127;
    return roundingDivide(logistic(multiplyByQuantizedMultiplier(x, multiplier, shift)), 23) - 128;
  });
}

/** tanh(x) by gemmlowp's fixed-point exponential and Newton division. The output must be `tanhOutput`. */
export function tanhTable(input: QuantizationParameters, output: QuantizationParameters): Int8Array {
  if (output.scale !== tanhOutput.scale || output.zeroPoint !== tanhOutput.zeroPoint)
    throw new PhinetsError(
      "quantization.tanh",
      `tanh: output has scale ${output.scale} zero point ${output.zeroPoint}; int8 tanh gives 1/128 and 0 only`,
    );
  const { multiplier, shift } = quantizeMultiplier(input.scale * 2 ** 27); // to Q4.27
  const radius = Math.floor((15 * 2 ** 27) / 2 ** shift);
  return tableOf((q) => {
    const x = q - input.zeroPoint;
    if (x <= -radius) return -128;
    if (x >= radius) return 127;
    return roundingDivide(tanh(multiplyByQuantizedMultiplier(x, multiplier, shift)), 24);
  });
}

/** A table whose entry `q + 128` is f(q), clamped to int8. */
export function tableOf(f: (q: number) => number): Int8Array {
  const table = new Int8Array(256);
  for (let q = -128; q < 128; q++) table[q + 128] = Math.min(127, Math.max(-128, f(q)));
  return table;
}

function clamp16(x: number): number {
  return Math.min(32767, Math.max(-32768, x));
}

/** Rounds Q31 to Q15. */
function to16Bits(multiplier: number): number {
  return Math.min(32767, Math.floor((multiplier + 32768) / 65536));
}

/** multiplyHigh of int16: round(a * b / 2^15). b is below 2^15 here, so nothing saturates. */
function multiplyHigh16(a: number, b: number): number {
  return (a * b + 16384) >> 15;
}

/** gemmlowp logistic: Q4.27 in, Q0.31 out. */
function logistic(x: number): number {
  if (x === 0) return 2 ** 30;
  const positive = oneOverOnePlus(expOfNegative(-Math.abs(x)));
  return x > 0 ? positive : (one - positive) | 0;
}

/** gemmlowp tanh: Q4.27 in, Q0.31 out. The bits of x in Q4.27 are those of 2x in Q5.26. */
function tanh(x: number): number {
  if (x === 0) return 0;
  const positive = oneMinusOverOnePlus(expOfNegative(-Math.abs(x), 26));
  return x > 0 ? positive : -positive;
}

const one = 2147483647; // the largest value of Q0.31

/** e^-1/4, e^-1/2, e^-1, e^-2, e^-4, e^-8, e^-16 in Q0.31. */
const expOfPowers = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242];

/**
 * e^x for x <= 0 in Q0.31, by gemmlowp's exp_on_negative_values: a Taylor series for the remainder below 1/4, and a
 * product of constants for the bits of the multiple of 1/4.
 * @param fractionBits of x: 27 for Q4.27; 26 for Q5.26, whose multiples of 1/4 have one bit more
 */
export function expOfNegative(x: number, fractionBits: 26 | 27 = 27): number {
  if (x === 0) return one;
  const quarter = 1 << (fractionBits - 2);
  const last = (x & (quarter - 1)) - quarter; // -1/4 <= last < 0, x - last is a multiple of 1/4
  let result = expOfLastQuarter(last << (31 - fractionBits));
  const remainder = last - x;
  const powers = expOfPowers.length - (fractionBits - 26);
  for (let i = 0; i < powers; i++)
    if ((remainder & (quarter << i)) !== 0) result = multiplyHigh(result, expOfPowers[i]);
  return result;
}

/** e^x for -1/4 <= x < 0 in Q0.31, by a series around -1/8. */
function expOfLastQuarter(a: number): number {
  const expOfEighth = 1895147668; // e^-1/8
  const third = 715827883;
  const x = a + (1 << 28);
  const x2 = multiplyHigh(x, x);
  const x3 = multiplyHigh(x2, x);
  const x4 = multiplyHigh(x2, x2);
  // x^2/2 + x^3/6 + x^4/24
  const tail = roundingDivide(multiplyHigh(roundingDivide(x4, 2) + x3, third) + x2, 1);
  return expOfEighth + multiplyHigh(expOfEighth, x + tail);
}

/** 1 / (1 + x) for x in (0, 1), Q0.31. */
export function oneOverOnePlus(a: number): number {
  return saturatingShift(twiceOverOnePlus(a), 1); // Q2.29 read as Q1.30 is half of it; then Q1.30 to Q0.31
}

/** (1 - x) / (1 + x) for x in (0, 1), Q0.31. */
function oneMinusOverOnePlus(a: number): number {
  return saturatingShift(twiceOverOnePlus(a) - 2 ** 29, 2);
}

/** 2 / (1 + x) for x in (0, 1), Q0.31, as Q2.29: three Newton steps on (1 + x) / 2. */
function twiceOverOnePlus(a: number): number {
  const half = Math.floor((a + one + 1) / 2);
  let x = 1515870810 + multiplyHigh(half, -1010580540); // 48/17 - 32/17 d, Q2.29
  for (let i = 0; i < 3; i++) {
    const error = (1 << 29) - multiplyHigh(half, x);
    x = (x + saturatingShift(multiplyHigh(x, error), 2)) | 0;
  }
  return x;
}

/**
 * x * 2^bits, saturated to int32. gemmlowp's bound for negatives is one short of symmetric; it is never reached here.
 */
function saturatingShift(x: number, bits: number): number {
  const threshold = 2 ** (31 - bits) - 1;
  if (x > threshold) return 2147483647;
  if (x < -threshold) return -2147483648;
  return x << bits;
}
