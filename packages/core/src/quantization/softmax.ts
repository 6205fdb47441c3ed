/**
 * The int8 softmax of TensorFlow Lite Micro's reference kernel (tflite-micro 90b983c2 reference/softmax.h,
 * softmax_common.cc; gemmlowp fixedpoint.h).
 */
import { PhinetsError } from "../tensor/index.js";
import { multiplyByQuantizedMultiplier, multiplyHigh, quantizeMultiplier, roundingDivide } from "./fixed-point.js";
import { expOfNegative, oneOverOnePlus } from "./lookup-tables.js";
import type { QuantizationParameters } from "./types.js";

/** The only output quantisation of the int8 softmax: [0, 1) in steps of 1/256. */
export const softmaxOutput: QuantizationParameters = { scale: 1 / 256, zeroPoint: -128 };

/** Differences are in Q5.26. */
const integerBits = 5;

/**
 * e^-(scale * d) in Q0.31 for differences d = 0..255 of input bytes; 0 for a difference that Q5.26 cannot hold, which
 * the kernel ignores. Throws PhinetsError `quantization.softmax` for an output that is not `softmaxOutput`.
 */
export function softmaxExponentials(input: QuantizationParameters, output: QuantizationParameters): Int32Array {
  if (output.scale !== softmaxOutput.scale || output.zeroPoint !== softmaxOutput.zeroPoint)
    throw new PhinetsError(
      "quantization.softmax",
      `softmax: output has scale ${output.scale} zero point ${output.zeroPoint}; int8 softmax gives 1/256 and -128 only`,
    );
  const scaled = Math.min(input.scale * 2 ** (31 - integerBits), 2 ** 31 - 1);
  const { multiplier, shift } = quantizeMultiplier(scaled);
  const largest = Math.floor(((2 ** integerBits - 1) * 2 ** (31 - integerBits)) / 2 ** shift);
  return Int32Array.from({ length: 256 }, (_, difference) =>
    difference > largest ? 0 : expOfNegative(multiplyByQuantizedMultiplier(-difference, multiplier, shift), 26),
  );
}

/** The sum of exponentials is in Q12.19, which has room for 2^12 of the largest. */
const sumBits = 12;
export const mostSoftmaxChannels = 2 ** sumBits - 1;

/**
 * Computes one row: `y[i] = e[largest - x[i]] / sum of e`, in steps of 1/256 and minus 128.
 *
 * @param from index of the row's first of `length` bytes in x and in y; x and y may be the same array
 */
export function softmaxRow(exponentials: Int32Array, x: Int8Array, y: Int8Array, from: number, length: number): void {
  let largest = -128;
  for (let i = from; i < from + length; i++) largest = Math.max(largest, x[i]);
  let sum = 0;
  for (let i = from; i < from + length; i++) sum = (sum + roundingDivide(exponentials[largest - x[i]], sumBits)) | 0;
  const headRoom = Math.clz32(sum);
  const reciprocal = oneOverOnePlus(((sum << headRoom) >>> 0) - 2 ** 31);
  // A shift past 31 bits leaves nothing.
  const shift = sumBits - headRoom + 31 - 8;
  for (let i = from; i < from + length; i++) {
    const e = exponentials[largest - x[i]];
    // An ignored difference has e = 0, which gives -128.
    const value = (shift > 31 ? 0 : roundingDivide(multiplyHigh(reciprocal, e), shift)) - 128;
    y[i] = Math.min(127, Math.max(-128, value));
  }
}
