/**
 * The integer program: every number that int8 inference needs, as plain data. The interpreter and every exporter consume
 * this one structure, so they cannot drift apart. Arithmetic: TensorFlow Lite Micro's reference kernels with gemmlowp
 * double rounding (`multiplyByQuantizedMultiplier` in fixed-point.ts); all values are int8, accumulators int32.
 */
import { isDepthwise, type NodeOf, type Padding } from "../graph/index.js";
import { PhinetsError, type Shape } from "../tensor/index.js";
import { hardswishTable, relu6Table, sigmoidTable } from "./lookup-tables.js";
import {
  activationClamp,
  addRequantization,
  channelRequantization,
  meanRequantization,
  multiplyRequantization,
} from "./requantization.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";

interface IntegerNodeBase {
  /** Also the name of the node's output value. */
  readonly name: string;
  readonly inputs: readonly string[];
  /** Shapes of `inputs`, batch 1. */
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** Added after rescaling. */
  readonly outputZeroPoint: number;
}

/** Filled by the caller. */
export interface IntegerInput extends IntegerNodeBase {
  readonly op: "input";
}

/** What conv2d and dense share. Shifts have TFLite's sign: positive is a left shift. */
export interface IntegerLinear {
  readonly inputZeroPoint: number;
  /** conv2d: OHWI `[filters, kernelHeight, kernelWidth, channels / groups]`; dense: `[units, features]`. -127..127 */
  readonly weights: Int8Array;
  /** One an output channel; zeros where the layer has no bias. */
  readonly bias: Int32Array;
  /** One an output channel, Q31: 0 or 2^30..2^31-1. */
  readonly multipliers: Int32Array;
  /** One an output channel, -31..30. */
  readonly shifts: Int8Array;
  /** Clamps of the int8 result, after adding the zero point (fused ReLU6 included). */
  readonly clampMin: number;
  readonly clampMax: number;
}

/** bias - zeroPoint * sum of the filter's weights, in int32: kernels then multiply stored bytes as they are. */
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
  /** One filter a channel: groups = filters = input channels. */
  readonly depthwise: boolean;
}

export interface IntegerDense extends IntegerNodeBase, IntegerLinear {
  readonly op: "dense";
}

/**
 * TFLite's ADD: s_i = multiply(( x_i - inputZeroPoints[i]) << leftShift, inputMultipliers[i], inputShifts[i]);
 * y = clamp(multiply(s_0 + s_1, multiplier, shift) + outputZeroPoint). Every shift is 0 or negative.
 */
export interface IntegerAdd extends IntegerNodeBase {
  readonly op: "add";
  readonly leftShift: number;
  readonly inputZeroPoints: readonly [number, number];
  readonly inputMultipliers: readonly [number, number];
  readonly inputShifts: readonly [number, number];
  readonly multiplier: number;
  readonly shift: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/** y = clamp(multiply((a - za) * (b - zb), multiplier, shift) + outputZeroPoint). */
export interface IntegerMultiply extends IntegerNodeBase {
  readonly op: "multiply";
  /** The second input is `[1, 1, 1, channels]` and is repeated over the first's map. */
  readonly broadcast: boolean;
  readonly inputZeroPoints: readonly [number, number];
  readonly multiplier: number;
  readonly shift: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/**
 * TFLite's MEAN over height and width: sum = sum of x - count * inputZeroPoint (int32);
 * y = clamp(multiply(sum, multiplier, shift) + outputZeroPoint). 1 / count is in the multiplier, so it can be below 2^30.
 */
export interface IntegerGlobalAveragePool extends IntegerNodeBase {
  readonly op: "globalAveragePool";
  /** height * width of the input. */
  readonly count: number;
  readonly inputZeroPoint: number;
  readonly multiplier: number;
  readonly shift: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/** y = table[x + 128]. */
export interface IntegerLookup extends IntegerNodeBase {
  readonly op: "lookup";
  readonly function: "hardswish" | "sigmoid" | "relu6";
  /** 256 entries. */
  readonly table: Int8Array;
}

/** Largest of each `size` x `size` window; quantisation in = out. */
export interface IntegerMaxPool extends IntegerNodeBase {
  readonly op: "maxPool";
  readonly size: number;
  readonly stride: number;
}

/** Surrounds the map with `outputZeroPoint`; quantisation in = out. */
export interface IntegerPad extends IntegerNodeBase {
  readonly op: "pad";
  readonly padding: Padding;
}

/** The same bytes under another shape. */
export interface IntegerFlatten extends IntegerNodeBase {
  readonly op: "flatten";
}

/** `node.op` narrows. */
export type IntegerNode =
  | IntegerInput
  | IntegerConv2d
  | IntegerDense
  | IntegerAdd
  | IntegerMultiply
  | IntegerGlobalAveragePool
  | IntegerLookup
  | IntegerMaxPool
  | IntegerPad
  | IntegerFlatten;

/**
 * Integer parameters of every node, in execution order.
 * Throws PhinetsError for an op without int8 arithmetic (softmax, batchNorm, dropout) and for batch != 1.
 */
export function lowerToInteger(q: QuantizedNetwork): IntegerNode[] {
  const { graph } = q;
  return graph.nodes.map((node): IntegerNode => {
    const output = parametersOf(q, node.name);
    const inputs = node.inputs.map((input) => parametersOf(q, input));
    const inputShapes = node.inputs.map((input) => graph.shapes[input]);
    const outputShape = graph.shapes[node.name];
    const base: IntegerNodeBase = {
      name: node.name,
      inputs: node.inputs,
      inputShapes,
      outputShape,
      outputZeroPoint: output.zeroPoint,
    };
    if (outputShape[0] !== 1)
      throw new PhinetsError(
        "quantization.batch",
        `${node.op} "${node.name}": batch is ${outputShape[0]}; an integer network has batch 1`,
      );
    const [clampMin, clampMax] = [-128, 127];
    switch (node.op) {
      case "input":
        return { ...base, op: "input" };
      case "conv2d": {
        const { kernel, stride, padding, groups } = node.attributes;
        const depthwise = isDepthwise(node, inputShapes[0]);
        return { ...base, op: "conv2d", kernel, stride, padding, groups, depthwise, ...linear(q, node) };
      }
      case "dense":
        return { ...base, op: "dense", ...linear(q, node) };
      case "add": {
        const requantization = addRequantization(inputs[0], inputs[1], output);
        const inputZeroPoints = [inputs[0].zeroPoint, inputs[1].zeroPoint] as const;
        return { ...base, op: "add", inputZeroPoints, ...requantization, clampMin, clampMax };
      }
      case "multiply": {
        const requantization = multiplyRequantization(inputs[0], inputs[1], output);
        const inputZeroPoints = [inputs[0].zeroPoint, inputs[1].zeroPoint] as const;
        // [1,1,1,C] times [1,1,1,C] needs no repetition.
        const broadcast = inputShapes[0].some((d, i) => d !== inputShapes[1][i]);
        return { ...base, op: "multiply", broadcast, inputZeroPoints, ...requantization, clampMin, clampMax };
      }
      case "globalAveragePool": {
        const count = inputShapes[0][1] * inputShapes[0][2];
        const requantization = meanRequantization(inputs[0], output, count);
        const inputZeroPoint = inputs[0].zeroPoint;
        return { ...base, op: "globalAveragePool", count, inputZeroPoint, ...requantization, clampMin, clampMax };
      }
      case "hardswish":
        return { ...base, op: "lookup", function: "hardswish", table: hardswishTable(inputs[0], output) };
      case "sigmoid":
        return { ...base, op: "lookup", function: "sigmoid", table: sigmoidTable(inputs[0], output) };
      case "relu6":
        requireSame(node.op, node.name, inputs[0], output);
        return { ...base, op: "lookup", function: "relu6", table: relu6Table(inputs[0]) };
      case "maxPool":
        requireSame(node.op, node.name, inputs[0], output);
        return { ...base, op: "maxPool", size: node.attributes.size, stride: node.attributes.stride };
      case "pad":
        requireSame(node.op, node.name, inputs[0], output);
        return { ...base, op: "pad", padding: node.attributes.padding };
      case "flatten":
        requireSame(node.op, node.name, inputs[0], output);
        return { ...base, op: "flatten" };
      default:
        throw unsupported(node.op, node.name);
    }
  });
}

/** The error for an op that has no int8 form. */
export function unsupported(op: string, name: string): PhinetsError {
  const remedy = op === "softmax" ? "end the network at its logits" : "deploy the graph first (deployGraph)";
  return new PhinetsError("quantization.op", `${op} "${name}": has no int8 arithmetic; ${remedy}`);
}

function linear(q: QuantizedNetwork, node: NodeOf<"conv2d"> | NodeOf<"dense">): IntegerLinear {
  const input = parametersOf(q, node.inputs[0]);
  const output = parametersOf(q, node.name);
  const { weight, bias } = node.parameters;
  const scales = q.weightScales[weight];
  const outputs = q.graph.shapes[node.name].at(-1)!;
  const weights = q.weights[weight]?.data;
  const biases = node.attributes.bias ? q.weights[bias]?.data : new Int32Array(outputs);
  if (!(weights instanceof Int8Array)) throw missing(node.name, weight, "int8");
  if (!(biases instanceof Int32Array)) throw missing(node.name, bias, "int32");
  if (scales?.length !== outputs)
    throw new PhinetsError(
      "quantization.scales",
      `${node.op} "${node.name}": ${scales?.length ?? 0} weight scales for ${outputs} output channels; one each is needed`,
    );
  const [clampMin, clampMax] = activationClamp(node.attributes.activation, output);
  return {
    inputZeroPoint: input.zeroPoint,
    weights,
    bias: biases,
    ...channelRequantization(input, scales, output, node.op === "dense"),
    clampMin,
    clampMax,
  };
}

function parametersOf(q: QuantizedNetwork, value: string): QuantizationParameters {
  const parameters = q.values[value];
  if (parameters === undefined)
    throw new PhinetsError("quantization.value", `quantised network: value "${value}" has no scale; quantise it again`);
  return parameters;
}

function missing(layer: string, parameter: string, dtype: string): PhinetsError {
  return new PhinetsError(
    "quantization.weight",
    `layer "${layer}": ${dtype} parameter "${parameter}" is missing from the quantised weights; quantise it again`,
  );
}

function requireSame(op: string, name: string, a: QuantizationParameters, b: QuantizationParameters): void {
  if (a.scale !== b.scale || a.zeroPoint !== b.zeroPoint)
    throw new PhinetsError(
      "quantization.value",
      `${op} "${name}": input has scale ${a.scale} zero point ${a.zeroPoint}, output ${b.scale} and ${b.zeroPoint}; they must be equal`,
    );
}
