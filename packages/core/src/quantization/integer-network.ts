/** Makes the integer network of a deployed float network whose values have known ranges. */
import {
  consumersOf,
  type Graph,
  type Int8Op,
  isJoin,
  isLinear,
  type LinearNode,
  type Node,
  type NodeOf,
  requireInt8,
  type TableOp,
} from "../graph/index.js";
import { type FloatWeights, log10, type Tensor, tensor, type Weights } from "../tensor/index.js";
import { sigmoidOutput, tanhOutput } from "./lookup-tables.js";
import type { Range } from "./observers.js";
import { softmaxOutput } from "./softmax.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";

/** Input quantisation: a float input is pixel / 128 - 1, so its int8 value is pixel - 128. */
export const inputQuantization: QuantizationParameters = { scale: 1 / 128, zeroPoint: 0 };

/**
 * Quantises weights and chooses the scale of every value.
 * @param graph deployment graph, batch 1
 * @param weights of `graph`
 * @param ranges real range that int8 covers, by value; ignored where an op fixes its output's range (input, sigmoid,
 * softmax, tanh) or keeps its input's (averagePool, flatten, maxPool, maxWindow, pad, relu, relu6, reshape, resize,
 * slice). All inputs of a join (`rescaleJoins`) cover the range of its output
 * @param means mean of each channel by value; with them, each layer's bias is corrected by the mean error that rounding
 * its weights causes
 * @returns the network, and the signal-to-noise ratio of each layer's weights in dB
 */
export function integerNetwork(
  graph: Graph,
  weights: FloatWeights,
  ranges: ReadonlyMap<string, Range>,
  means?: ReadonlyMap<string, Float64Array>,
): { network: QuantizedNetwork; weightSnrDb: ReadonlyMap<string, number> } {
  const values: Record<string, QuantizationParameters> = {};
  const weightScales: Record<string, number[]> = {};
  const integerWeights: Weights = {};
  const weightSnrDb = new Map<string, number>();
  const quantizeConstant = ({ name, parameters: { value } }: NodeOf<"constant">, to: QuantizationParameters): void => {
    values[name] = to;
    const { shape, data } = weights[value];
    const byteOf = (x: number) => Math.max(-128, Math.min(127, Math.round(x / to.scale) + to.zeroPoint));
    integerWeights[value] = tensor("int8", shape, Int8Array.from(data, byteOf));
  };
  const joins = joinsOf(graph);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((input) => values[input]);
    requireInt8(node, "quantization.op");
    const range = ranges.get(node.name)!;
    const join = joins.get(node.name);
    if (join !== undefined) {
      const sources = join.rescaled.map(({ inputs: [source] }) => values[source].scale);
      values[node.name] = parametersFor(ranges.get(join.name)!, Math.max(...sources) * 2 ** -8);
      for (const constant of join.constants) quantizeConstant(constant, values[node.name]);
      continue;
    }
    if (!isLinear(node)) {
      const isTanh = node.op === "unary" && node.attributes.function === "tanh";
      const parameters = isTanh ? tanhOutput : quantizations[node.op](range, ...inputs);
      if (node.op === "constant") quantizeConstant(node, parameters);
      else values[node.name] = parameters;
      continue;
    }
    const layer = floatLayer(node, graph, weights);
    const leastScales = leastWeightScales(layer, inputs[0].scale);
    // A smaller output scale would resolve less than one step of the accumulator. This bound also keeps every
    // multiplier below 1/2, so that requantisation only ever shifts right.
    const leastOutputScale = 2.0001 * inputs[0].scale * Math.max(...leastScales);
    const output = parametersFor(range, leastOutputScale);
    // Weight scales far below the output's resolution would need multipliers that 31 bits of shift cannot express.
    const scales = leastScales.map((scale) =>
      Math.fround(Math.max(scale, (output.scale * 2 ** -24) / inputs[0].scale)),
    );
    const integer = quantizeLayer(layer, scales, inputs[0].scale, means?.get(node.inputs[0]));
    values[node.name] = output;
    weightScales[node.parameters.weight] = scales;
    integerWeights[node.parameters.weight] = tensor("int8", layer.weight.shape, integer.weights);
    if (node.attributes.bias) integerWeights[node.parameters.bias] = tensor("int32", [scales.length], integer.bias);
    weightSnrDb.set(node.name, integer.snrDb);
  }
  return { network: { graph, values, weightScales, weights: integerWeights }, weightSnrDb };
}

interface Join {
  readonly name: string;
  /** Its inputs that are rescaled by an identity. */
  readonly rescaled: readonly Node[];
  /** Its inputs that are constants, which use the join's scale. */
  readonly constants: readonly NodeOf<"constant">[];
}

/** The join that each identity of `rescaleJoins` leads to, by the identity's name. */
function joinsOf({ nodes }: Graph): ReadonlyMap<string, Join> {
  const makers = new Map(nodes.map((node) => [node.name, node]));
  const joins = new Map<string, Join>();
  for (const node of nodes) {
    if (!isJoin(node)) continue;
    const inputs = node.inputs.map((input) => makers.get(input) as Node);
    const rescaled = inputs.filter((each) => each.op === "unary" && each.attributes.function === "identity");
    const constants = inputs.filter((each) => each.op === "constant");
    for (const { name } of rescaled) joins.set(name, { name: node.name, rescaled, constants });
  }
  return joins;
}

/**
 * Ranges outside which all readers of a value are constant (hardswish below -3, relu below 0, relu6 outside 0..6) or
 * within 1/1000 of it (sigmoid), for values read by one kind of operator. int8 need not cover more: clipping there
 * costs nothing.
 */
export function relevantRanges(graph: Graph): Map<string, Range> {
  const bounds = new Map<string, Range>();
  for (const [value, readers] of consumersOf(graph)) {
    if (readers.length === 0 || graph.outputs.includes(value)) continue;
    const [op, ...others] = new Set(readers.map((reader) => reader.op));
    if (others.length === 0 && op in relevant) bounds.set(value, relevant[op as TableOp]);
  }
  return bounds;
}

const relevant: Readonly<Record<TableOp, Range>> = {
  hardswish: { low: -3, high: Number.POSITIVE_INFINITY },
  relu: { low: 0, high: Number.POSITIVE_INFINITY },
  relu6: { low: 0, high: 6 },
  sigmoid: { low: -7, high: 7 },
  unary: { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
};

/** Scale and zero point that cover a range, with zero exactly representable. An empty range becomes 0..1. */
function parametersFor({ low, high }: Range, leastScale: number): QuantizationParameters {
  const span = high - low > 0 ? high - low : 1;
  const scale = Math.fround(Math.max(span / 255, leastScale));
  return { scale, zeroPoint: Math.max(-128, Math.min(127, Math.round(-128 - low / scale))) };
}

type Quantization = (range: Range, ...inputs: readonly QuantizationParameters[]) => QuantizationParameters;

const asInput: Quantization = (_, input) => input;

/**
 * Quantisation of each operator's output. The smallest scale is the limit of the integer arithmetic; only nearly
 * constant values come near it.
 */
const quantizations: Readonly<Record<Exclude<Int8Op, LinearNode["op"]>, Quantization>> = {
  input: () => inputQuantization,
  sigmoid: () => sigmoidOutput,
  softmax: () => softmaxOutput,
  relu: asInput,
  relu6: asInput,
  averagePool: asInput,
  maxWindow: asInput,
  maxPool: asInput,
  pad: asInput,
  resize: asInput,
  slice: asInput,
  concat: asInput,
  flatten: asInput,
  reshape: asInput,
  unary: (range, x) => parametersFor(range, x.scale * 2 ** -8),
  hardswish: (range, x) => parametersFor(range, x.scale / 127),
  multiply: (range, a, b) => parametersFor(range, (a.scale * b.scale) / 64),
  subtract: (range, a, b) => parametersFor(range, Math.max(a.scale, b.scale) * 2 ** -8),
  maximum: asInput,
  minimum: asInput,
  constant: (range) => parametersFor(range, 0),
  add: (range, a, b) => parametersFor(range, Math.max(a.scale, b.scale) * 2 ** -8),
  globalAveragePool: (range, x) => parametersFor(range, x.scale * 2 ** -8),
};

interface FloatLayer {
  readonly node: LinearNode;
  readonly weight: Tensor<"float32">;
  readonly bias: Float32Array;
  /** Number of weights of one filter. */
  readonly perFilter: number;
  /** Input channel that weight i of filter f multiplies. */
  channelOf(f: number, i: number): number;
}

function floatLayer(node: FloatLayer["node"], graph: Graph, weights: FloatWeights): FloatLayer {
  const weight = weights[node.parameters.weight];
  const filters = weight.shape[0];
  const bias = node.attributes.bias ? weights[node.parameters.bias].data : new Float32Array(filters);
  const perFilter = weight.data.length / filters;
  if (node.op === "dense") return { node, weight, bias, perFilter, channelOf: (_, i) => i };
  const groupChannels = graph.shapes[node.inputs[0]][3] / node.attributes.groups;
  const groupFilters = filters / node.attributes.groups;
  const channelOf = (f: number, i: number) => Math.floor(f / groupFilters) * groupChannels + (i % groupChannels);
  return { node, weight, bias, perFilter, channelOf };
}

/**
 * Smallest scale of each filter: fine enough for its largest weight, coarse enough to keep accumulators below 2^30 in
 * magnitude.
 */
function leastWeightScales({ weight: { data }, bias, perFilter }: FloatLayer, inputScale: number): number[] {
  return Array.from(bias, (b, f) => {
    let largest = 0;
    let sum = 0;
    for (let i = f * perFilter; i < (f + 1) * perFilter; i++) {
      const magnitude = Math.abs(data[i]);
      largest = Math.max(largest, magnitude);
      sum += magnitude;
    }
    return Math.max(largest / 127, (Math.abs(b) / inputScale + 255 * sum) / 2 ** 29);
  });
}

function quantizeLayer(
  { weight: { data }, bias, perFilter, channelOf }: FloatLayer,
  scales: readonly number[],
  inputScale: number,
  means: Float64Array | undefined,
): { weights: Int8Array; bias: Int32Array; snrDb: number } {
  const weights = new Int8Array(data.length);
  const integerBias = new Int32Array(bias.length);
  let signal = 0;
  let noise = 0;
  for (let f = 0; f < bias.length; f++) {
    let shift = 0;
    for (let i = 0; i < perFilter; i++) {
      const w = data[f * perFilter + i];
      const q = Math.max(-127, Math.min(127, Math.round(w / scales[f])));
      const error = w - q * scales[f];
      weights[f * perFilter + i] = q;
      signal += w * w;
      noise += error * error;
      if (means !== undefined) shift += error * means[channelOf(f, i)];
    }
    integerBias[f] = Math.round((bias[f] + shift) / (inputScale * scales[f]));
  }
  return { weights, bias: integerBias, snrDb: decibels(signal, noise) };
}

/** 10 log10(signal / noise), at most 200; for reports only. */
export function decibels(signal: number, noise: number): number {
  if (noise === 0) return 200;
  if (signal === 0) return 0;
  return Math.min(200, 10 * log10(signal / noise));
}
