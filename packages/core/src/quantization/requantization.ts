/**
 * Integer rescaling parameters per op, computed from scales as TensorFlow Lite Micro's Prepare functions compute them
 * (kernel_util.cc, add_common.cc, mul_common.cc, reduce.h at tflite-micro 90b983c2). Scales are float32 values.
 */
import type { FusedActivation } from "../graph/index.js";
import { PhinetsError } from "../tensor/index.js";
import { type Multiplier, quantizeMultiplier } from "./fixed-point.js";
import type { QuantizationParameters } from "./types.js";

/** One multiplier and shift per output channel, for conv2d and dense. */
export function channelRequantization(
  input: QuantizationParameters,
  weightScales: readonly number[],
  output: QuantizationParameters,
  dense: boolean,
): { multipliers: Int32Array; shifts: Int8Array } {
  const multipliers = new Int32Array(weightScales.length);
  const shifts = new Int8Array(weightScales.length);
  weightScales.forEach((weightScale, channel) => {
    let product = input.scale * weightScale;
    // A dense layer with a single scale takes TFLite's per-tensor path, which rounds this product to float32.
    if (dense && weightScales.length === 1) product = Math.fround(product);
    const { multiplier, shift } = quantizeMultiplier(product / output.scale);
    if (shift > 30)
      throw new PhinetsError(
        "quantization.multiplier",
        `output scale ${output.scale} is too small for input scale ${input.scale} and weight scale ${weightScale}; calibrate with pictures that excite this layer`,
      );
    multipliers[channel] = multiplier;
    shifts[channel] = shift;
  });
  return { multipliers, shifts };
}

/** int8 clamps of a fused activation. The quotient is a float32, as in TFLite. */
export function activationClamp(activation: FusedActivation, output: QuantizationParameters): [number, number] {
  if (activation === "none") return [-128, 127];
  const six = output.zeroPoint + Math.round(Math.fround(6 / output.scale));
  return [Math.max(-128, output.zeroPoint), Math.min(127, six)];
}

/** TFLite's 8-bit ADD: both inputs are rescaled to twice the larger input scale, with 20 spare bits. */
export function addRequantization(
  a: QuantizationParameters,
  b: QuantizationParameters,
  output: QuantizationParameters,
): {
  leftShift: number;
  inputMultipliers: [number, number];
  inputShifts: [number, number];
  multiplier: number;
  shift: number;
} {
  const leftShift = 20;
  const twiceLargest = 2 * Math.max(a.scale, b.scale);
  const first = quantizeMultiplier(a.scale / twiceLargest);
  const second = quantizeMultiplier(b.scale / twiceLargest);
  const real = twiceLargest / (2 ** leftShift * output.scale);
  if (!(real < 1))
    throw new PhinetsError(
      "quantization.multiplier",
      `add: output scale ${output.scale} is below 2^-20 of the inputs' ${a.scale} and ${b.scale}; calibrate with pictures that excite this layer`,
    );
  return {
    leftShift,
    inputMultipliers: [first.multiplier, second.multiplier],
    inputShifts: [first.shift, second.shift],
    ...quantizeMultiplier(real),
  };
}

/** TFLite's 8-bit MUL. */
export function multiplyRequantization(
  a: QuantizationParameters,
  b: QuantizationParameters,
  output: QuantizationParameters,
): Multiplier {
  return quantizeMultiplier((a.scale * b.scale) / output.scale);
}

/**
 * TFLite's 8-bit MEAN over `count` elements: 1 / count is multiplied into the multiplier with as many extra bits as
 * count has, rounded towards zero. This is the form of TFLite and TFLite Micro since 2022; before, TFLite divided the
 * sum in floating point or with another rounding.
 */
export function meanRequantization(
  input: QuantizationParameters,
  output: QuantizationParameters,
  count: number,
): Multiplier {
  const { multiplier, shift } = quantizeMultiplier(input.scale / output.scale);
  const bits = Math.min(31 - Math.clz32(count), 31 + shift);
  // multiplier * 2^bits is below 2^62, which only BigInt holds exactly.
  return { multiplier: Number((BigInt(multiplier) << BigInt(bits)) / BigInt(count)), shift: shift - bits };
}
