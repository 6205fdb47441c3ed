/**
 * The integer program: every number that int8 inference needs, as plain data. The interpreter and all exporters read
 * this one structure, so they cannot drift apart. Arithmetic: TensorFlow Lite Micro's reference kernels with gemmlowp
 * double rounding (`multiplyByQuantizedMultiplier` in fixed-point.ts); all values are int8, accumulators int32.
 */
import type { Padding, ResizeTap } from "../graph/index.js";
import { type Shape, sameShape } from "../tensor/index.js";

export interface IntegerNodeBase {
  /** Also the name of the node's output value. */
  readonly name: string;
  readonly inputs: readonly string[];
  /** Shapes of `inputs`, batch 1. */
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** Added after rescaling. */
  readonly outputZeroPoint: number;
}

/** An input of the network; the caller fills it. */
export interface IntegerInput extends IntegerNodeBase {
  readonly op: "input";
}

/** Fields that conv2d and dense share. Shifts have TFLite's sign: positive is a left shift. */
export interface IntegerLinear {
  readonly inputZeroPoint: number;
  /** conv2d: OHWI `[filters, kernelHeight, kernelWidth, channels / groups]`; dense: `[units, features]`. -127..127 */
  readonly weights: Int8Array;
  /** One per output channel; zeros where the layer has no bias. */
  readonly bias: Int32Array;
  /** One per output channel, Q31: 0 or 2^30..2^31-1. */
  readonly multipliers: Int32Array;
  /** One per output channel, -31..30. */
  readonly shifts: Int8Array;
  /** Clamps of the int8 result after the zero point is added (a fused ReLU6 included). */
  readonly clampMin: number;
  readonly clampMax: number;
}

/**
 * bias - inputZeroPoint * sum of the filter's weights, in int32: with it, kernels can multiply the stored bytes
 * directly.
 */
export function foldedBias({ weights, bias, inputZeroPoint }: IntegerLinear): Int32Array {
  const perFilter = weights.length / bias.length;
  return bias.map((b, f) => {
    let sum = 0;
    for (let i = f * perFilter; i < (f + 1) * perFilter; i++) sum += weights[i];
    return b - inputZeroPoint * sum;
  });
}

/**
 * acc = bias + sum weight * (x - inputZeroPoint) over the taps inside the map (padding adds nothing);
 * y = clamp(multiplyByQuantizedMultiplier(acc, multiplier, shift) + outputZeroPoint).
 */
export interface IntegerConv2d extends IntegerNodeBase, IntegerLinear {
  readonly op: "conv2d";
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [vertical: number, horizontal: number];
  readonly padding: Padding;
  readonly groups: number;
  /** Whether each filter reads one channel of its own (`isDepthwise`). */
  readonly depthwise: boolean;
}

export interface IntegerDense extends IntegerNodeBase, IntegerLinear {
  readonly op: "dense";
}

/** A node whose result one multiplier rescales. */
interface IntegerRescaled extends IntegerNodeBase {
  readonly multiplier: number;
  readonly shift: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/**
 * TFLite's ADD and SUB: s_i = multiply((x_i - inputZeroPoints[i]) << leftShift, inputMultipliers[i], inputShifts[i]); y
 * = clamp(multiply(s_0 + sign * s_1, multiplier, shift) + outputZeroPoint). Every shift is 0 or negative. Inputs of
 * another shape than the output's are repeated along their dimensions of 1.
 */
export interface IntegerAdd extends IntegerRescaled {
  readonly op: "add";
  /** -1 for SUB. */
  readonly sign: 1 | -1;
  readonly leftShift: number;
  readonly inputZeroPoints: readonly [number, number];
  readonly inputMultipliers: readonly [number, number];
  readonly inputShifts: readonly [number, number];
}

/** y = clamp(multiply((a - za) * (b - zb), multiplier, shift) + outputZeroPoint). */
export interface IntegerMultiply extends IntegerRescaled {
  readonly op: "multiply";
  /**
   * Whether the second input is a factor per channel, `[1, 1, 1, channels]`. Other shapes are repeated as for
   * `IntegerAdd`.
   */
  readonly broadcast: boolean;
  readonly inputZeroPoints: readonly [number, number];
}

/** The larger or the smaller byte; inputs are repeated as for `IntegerAdd`; quantisation in = out. */
export interface IntegerExtreme extends IntegerNodeBase {
  readonly op: "extreme";
  readonly largest: boolean;
}

/**
 * Indices of an element-wise node's inputs that are repeated to its output's shape before its kernel runs. A factor per
 * channel (`broadcast`) is not repeated.
 */
export function repeatedInputs(node: IntegerAdd | IntegerMultiply | IntegerExtreme): number[] {
  const isFactor = (input: number): boolean => node.op === "multiply" && node.broadcast && input === 1;
  return [0, 1].filter((i) => !sameShape(node.inputShapes[i], node.outputShape) && !isFactor(i));
}

/** A constant: the same bytes for every input. */
export interface IntegerConstant extends IntegerNodeBase {
  readonly op: "constant";
  readonly data: Int8Array;
}

/**
 * TFLite's MEAN over height and width: sum = sum of x - count * inputZeroPoint (int32);
 * y = clamp(multiply(sum, multiplier, shift) + outputZeroPoint). 1 / count is in the multiplier, so it can be below 2^30.
 */
export interface IntegerGlobalAveragePool extends IntegerRescaled {
  readonly op: "globalAveragePool";
  /** height * width of the input. */
  readonly count: number;
  readonly inputZeroPoint: number;
}

/** y = table[x + 128]. */
export interface IntegerLookup extends IntegerNodeBase {
  readonly op: "lookup";
  /** Name of the function, for people: "sigmoid", "leakyRelu". */
  readonly function: string;
  /** 256 entries. */
  readonly table: Int8Array;
}

/**
 * Mean of the bytes of each window that lie on the map, to the nearest, halves away from zero; quantisation in = out.
 * (TFLite's AVERAGE_POOL_2D.)
 */
export interface IntegerAveragePool extends IntegerNodeBase {
  readonly op: "averagePool";
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [vertical: number, horizontal: number];
  readonly padding: Padding;
}

/**
 * TFLite's SOFTMAX over the last axis, in steps of 1/256 with zero point -128. It sums e = exponentials[largest - x]
 * (Q0.31) in Q12.19 and multiplies by the sum's reciprocal (`softmaxRow`).
 */
export interface IntegerSoftmax extends IntegerNodeBase {
  readonly op: "softmax";
  /** 256 entries, Q0.31: e^-(scale * difference); 0 where the difference is too large to count. */
  readonly exponentials: Int32Array;
}

/** Largest of the bytes of each window that lie on the map; quantisation in = out. (TFLite's MAX_POOL_2D.) */
export interface IntegerMaxWindow extends IntegerNodeBase {
  readonly op: "maxWindow";
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [vertical: number, horizontal: number];
  readonly padding: Padding;
}

/** Largest of each `size` x `size` window; quantisation in = out. */
export interface IntegerMaxPool extends IntegerNodeBase {
  readonly op: "maxPool";
  readonly size: number;
  readonly stride: number;
}

/** Surrounds the map with bytes of `outputZeroPoint`; quantisation in = out. */
export interface IntegerPad extends IntegerNodeBase {
  readonly op: "pad";
  readonly padding: Padding;
}

/**
 * Computes each pixel from up to four input pixels by the taps of its row and column: their sum with weights of 20
 * fractional bits, to the nearest, halves away from zero; quantisation in = out. (TFLite's RESIZE_NEAREST_NEIGHBOR and
 * RESIZE_BILINEAR.)
 */
export interface IntegerResize extends IntegerNodeBase {
  readonly op: "resize";
  readonly rows: readonly ResizeTap[];
  readonly columns: readonly ResizeTap[];
}

/** Copies a part of its input; quantisation in = out. (TFLite's STRIDED_SLICE.) */
export interface IntegerSlice extends IntegerNodeBase {
  readonly op: "slice";
  readonly begin: readonly [row: number, column: number, channel: number];
  readonly step: readonly [vertical: number, horizontal: number];
}

/** Joins its inputs one behind the other along an axis; quantisation in = out. (TFLite's CONCATENATION.) */
export interface IntegerConcat extends IntegerNodeBase {
  readonly op: "concat";
  readonly axis: number;
}

/** The same bytes as a vector. */
export interface IntegerFlatten extends IntegerNodeBase {
  readonly op: "flatten";
}

/** The same bytes in any shape. */
export interface IntegerReshape extends IntegerNodeBase {
  readonly op: "reshape";
}

/** A node; `node.op` narrows its fields. */
export type IntegerNode =
  | IntegerInput
  | IntegerConv2d
  | IntegerDense
  | IntegerAdd
  | IntegerMultiply
  | IntegerExtreme
  | IntegerConstant
  | IntegerGlobalAveragePool
  | IntegerLookup
  | IntegerAveragePool
  | IntegerSoftmax
  | IntegerMaxWindow
  | IntegerMaxPool
  | IntegerPad
  | IntegerResize
  | IntegerSlice
  | IntegerConcat
  | IntegerFlatten
  | IntegerReshape;
export type IntegerNodeOf<O extends IntegerNode["op"]> = Extract<IntegerNode, { readonly op: O }>;
