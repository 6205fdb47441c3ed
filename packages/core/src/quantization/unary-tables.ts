/**
 * 256-entry tables of the functions of `unary`, in the form of lookup-tables.ts. Sources of the formulas: tflite-micro
 * activations_common.cc (RELU), leaky_relu_common.cc, integer_ops/tanh.h, elu.cc, elementwise.cc (ABS), requantize.h
 * (QUANTIZE). TensorFlow Lite Micro has no RELU_N1_TO_1; its source is TensorFlow Lite's activations.cc.
 */
import type { NodeOf, UnaryFunction } from "../graph/index.js";
import { exp, PhinetsError } from "../tensor/index.js";
import { type Multiplier, multiplyByQuantizedMultiplier, quantizeMultiplier } from "./fixed-point.js";
import { tableOf, tanhTable } from "./lookup-tables.js";
import type { QuantizationParameters } from "./types.js";

interface Ends {
  /** Name of the node, for messages: `relu "act"`. */
  readonly name: string;
  readonly input: QuantizationParameters;
  readonly output: QuantizationParameters;
}
interface Unary extends Ends {
  readonly alpha: number;
}

/**
 * A table whose entry `q + 128` is the output byte for byte q. Throws PhinetsError where TensorFlow Lite's arithmetic
 * has no result.
 */
export function unaryTable(
  { name, attributes: { function: of, alpha } }: Pick<NodeOf<"unary">, "name" | "attributes">,
  input: QuantizationParameters,
  output: QuantizationParameters,
): Int8Array {
  return tables[of]({ name: `${of} "${name}"`, input, output, alpha });
}

const tables: Readonly<Record<UnaryFunction, (unary: Unary) => Int8Array>> = {
  abs: ({ name, input, output }) => {
    const rescale = rescaling(name, input.scale / output.scale);
    return tableOf((q) => rescale(Math.abs(q - input.zeroPoint)) + output.zeroPoint);
  },
  elu: ({ input, output }) => {
    const { fround } = Math;
    const inverse = fround(1 / output.scale);
    return tableOf((q) => {
      const x = fround(input.scale * (q - input.zeroPoint));
      const y = x < 0 ? fround(fround(exp(x)) - 1) : x;
      return halfAway(fround(y * inverse)) + output.zeroPoint;
    });
  },
  identity: (ends) => clampedTable(ends),
  leakyRelu: ({ name, input, output, alpha }) => {
    // TensorFlow Lite computes these quotients in float32.
    const above = rescaling(name, Math.fround(input.scale / output.scale));
    const slope = Math.fround(alpha);
    const below = rescaling(name, Math.fround(Math.fround(input.scale * slope) / output.scale));
    return tableOf((q) => {
      const x = q - input.zeroPoint;
      return (x >= 0 ? above(x) : below(x)) + output.zeroPoint;
    });
  },
  reluN1To1: (ends) => clampedTable(ends, -1, 1),
  tanh: ({ input, output }) => tanhTable(input, output),
};

/** min(max(x, low), high) in real numbers, from one scale and zero point to another. */
export function clampedTable(
  { name, input, output }: Ends,
  low = Number.NEGATIVE_INFINITY,
  high = Number.POSITIVE_INFINITY,
): Int8Array {
  const rescale = rescaling(name, input.scale / output.scale);
  const byteOf = (real: number) => output.zeroPoint + halfAway(Math.fround(real / output.scale));
  const [least, most] = [byteOf(low), byteOf(high)];
  return tableOf((q) => Math.min(most, Math.max(least, rescale(q - input.zeroPoint) + output.zeroPoint)));
}

/** Rounds halves away from zero. */
const halfAway = (x: number): number => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

/** Multiplies a difference of two bytes by a factor. Throws PhinetsError where a left shift would overflow int32. */
function rescaling(name: string, factor: number): (difference: number) => number {
  const { multiplier, shift }: Multiplier = quantizeMultiplier(factor);
  if (shift > 22)
    throw new PhinetsError(
      "quantization.multiplier",
      `${name}: the output's scale is ${factor} times as fine as the input's; quantise the network again`,
    );
  return (difference) => multiplyByQuantizedMultiplier(difference, multiplier, shift);
}
