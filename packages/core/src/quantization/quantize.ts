/**
 * Post-training quantisation: per-channel symmetric int8 weights, int8 activations with a zero point, int32 biases
 * (TensorFlow Lite's int8 specification). Scales are float32 values, so that every file format keeps them exactly.
 *
 * The defaults were measured on a PhiNet detector trained on the conveyor set (alpha 0.35, 96x128, 200 unseen pictures),
 * signal to noise of its output: minmax 34.7 dB, percentile 99.9 30.5 dB, 99.99 36.2 dB, mse 36.4 dB; bias correction
 * adds 0.1 dB to the last.
 */
import { consumersOf, deployWeights, type Graph, type NodeOf, withBatch } from "../graph/index.js";
import { type FloatWeights, type Tensor, tensor, type Weights } from "../tensor/index.js";
import { calibrate, type FloatRunner } from "./calibrate.js";
import { sigmoidOutput } from "./lookup-tables.js";
import { unsupported } from "./lower.js";
import type { Range, RangeMethod } from "./observers.js";
import type { QuantizationParameters, QuantizedNetwork } from "./types.js";

export interface QuantizeOptions {
  /** Runs the float network on calibration pictures: `runFloat`, or anything that computes the same. */
  readonly run: FloatRunner;
  /** How the ranges of inner values are chosen. Outputs of the network always keep all they reach. Default "mse". */
  readonly ranges?: RangeMethod;
  /** For ranges "percentile". Default 99.99 */
  readonly percentile?: number;
  /** Moves each bias by the mean error that rounding the weights causes on the calibration pictures. Default true. */
  readonly biasCorrection?: boolean;
}

/** What was decided for one value. */
export interface QuantizedValueReport {
  readonly name: string;
  readonly op: string;
  /** Seen on the calibration pictures. */
  readonly seen: Range;
  /** Covered by int8. */
  readonly covered: Range;
  readonly scale: number;
  readonly zeroPoint: number;
  /** Signal to noise of the layer's weights, dB; absent without weights. */
  readonly weightSnrDb?: number;
}

export interface QuantizationReport {
  readonly ranges: RangeMethod;
  readonly biasCorrection: boolean;
  readonly values: readonly QuantizedValueReport[];
}

/** Input quantisation: a float input is pixel / 128 - 1, so its int8 is pixel - 128. */
export const inputQuantization: QuantizationParameters = { scale: 1 / 128, zeroPoint: 0 };

/**
 * Quantises a trained network.
 *
 * @param graph the trained graph, or one already deployed
 * @param weights its float weights
 * @param batches calibration pictures as floats (pixel / 128 - 1), one or more whole pictures an array; a hundred do
 * Throws PhinetsError for an op without int8 form, a weight that is not finite or no picture.
 */
export function quantize(
  graph: Graph,
  weights: FloatWeights,
  batches: Iterable<Float32Array>,
  options: QuantizeOptions,
): { network: QuantizedNetwork; report: QuantizationReport } {
  const { ranges = "mse", biasCorrection = true } = options;
  const deployed = deployWeights(withBatch(graph, 1), weights);
  for (const node of deployed.graph.nodes)
    if (["softmax", "batchNorm", "dropout"].includes(node.op)) throw unsupported(node.op, node.name);
  const observers = calibrate(deployed.graph, deployed.weights, batches, options.run);
  const values: Record<string, QuantizationParameters> = {};
  const weightScales: Record<string, number[]> = {};
  const integerWeights: Weights = {};
  const report: QuantizedValueReport[] = [];
  const bounds = relevantRanges(deployed.graph);

  for (const node of deployed.graph.nodes) {
    const observer = observers.get(node.name)!;
    const inputs = node.inputs.map((input) => values[input]);
    const method = deployed.graph.outputs.includes(node.name) ? "minmax" : ranges;
    const range = observer.range(method, bounds.get(node.name), options.percentile);
    let weightSnrDb: number | undefined;
    switch (node.op) {
      case "input":
        values[node.name] = inputQuantization;
        break;
      case "sigmoid":
        values[node.name] = sigmoidOutput;
        break;
      case "maxPool":
      case "flatten":
      case "pad":
      case "relu6":
        values[node.name] = inputs[0];
        break;
      case "conv2d":
      case "dense": {
        const layer = floatLayer(node, deployed.graph, deployed.weights);
        const leastScales = leastWeightScales(layer, inputs[0].scale);
        // Below this the output would resolve less than one step of the accumulator; it also keeps every multiplier
        // below 1/2, so that requantisation only ever shifts right.
        const leastOutputScale = 2.0001 * inputs[0].scale * Math.max(...leastScales);
        const output = parametersFor(range, leastOutputScale);
        // Far finer weights than the output can show would need multipliers that 31 bits of shift cannot give.
        const scales = leastScales.map((scale) =>
          Math.fround(Math.max(scale, (output.scale * 2 ** -24) / inputs[0].scale)),
        );
        const means = biasCorrection ? observers.get(node.inputs[0])!.means() : undefined;
        const integer = quantizeLayer(layer, scales, inputs[0].scale, means);
        values[node.name] = output;
        weightScales[node.parameters.weight] = scales;
        integerWeights[node.parameters.weight] = tensor("int8", layer.weight.shape, integer.weights);
        if (node.attributes.bias) integerWeights[node.parameters.bias] = tensor("int32", [scales.length], integer.bias);
        weightSnrDb = integer.snrDb;
        break;
      }
      default:
        values[node.name] = parametersFor(range, leastScale(node.op, inputs));
    }
    const { scale, zeroPoint } = values[node.name];
    report.push({
      name: node.name,
      op: node.op,
      seen: { low: observer.low, high: observer.high },
      covered: { low: scale * (-128 - zeroPoint), high: scale * (127 - zeroPoint) },
      scale,
      zeroPoint,
      ...(weightSnrDb === undefined ? {} : { weightSnrDb }),
    });
  }
  return {
    network: { graph: deployed.graph, values, weightScales, weights: integerWeights },
    report: { ranges, biasCorrection, values: report },
  };
}

/**
 * Ranges outside which the only reader of a value is constant (hardswish below -3, relu6 outside 0..6) or within 1/1000
 * of it (sigmoid): int8 need not cover more, and what is clipped there costs nothing.
 */
export function relevantRanges(graph: Graph): Map<string, Range> {
  const bounds = new Map<string, Range>();
  for (const [value, readers] of consumersOf(graph)) {
    if (readers.length === 0 || graph.outputs.includes(value)) continue;
    const ops = new Set(readers.map((reader) => reader.op));
    if (ops.size !== 1) continue;
    if (ops.has("hardswish")) bounds.set(value, { low: -3, high: Number.POSITIVE_INFINITY });
    if (ops.has("relu6")) bounds.set(value, { low: 0, high: 6 });
    if (ops.has("sigmoid")) bounds.set(value, { low: -7, high: 7 });
  }
  return bounds;
}

/** Scale and zero point that cover a range, zero exactly representable. A range of nothing becomes 0..1. */
function parametersFor({ low, high }: Range, leastScale: number): QuantizationParameters {
  const span = high - low > 0 ? high - low : 1;
  const scale = Math.fround(Math.max(span / 255, leastScale));
  return { scale, zeroPoint: Math.max(-128, Math.min(127, Math.round(-128 - low / scale))) };
}

/** Least output scale that the op's integer arithmetic accepts; only a nearly constant value comes near it. */
function leastScale(op: string, inputs: readonly QuantizationParameters[]): number {
  const largest = Math.max(...inputs.map(({ scale }) => scale));
  if (op === "hardswish") return largest / 127;
  if (op === "multiply") return (inputs[0].scale * inputs[1].scale) / 64;
  return largest * 2 ** -8;
}

interface FloatLayer {
  readonly node: NodeOf<"conv2d"> | NodeOf<"dense">;
  readonly weight: Tensor<"float32">;
  readonly bias: Float32Array;
  /** Weights of one filter. */
  readonly perFilter: number;
  /** Input channel of weight i of filter f. */
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

/** Per filter: as fine as the largest weight allows, as coarse as an accumulator below 2^30 in magnitude needs. */
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
  return Math.min(200, 10 * Math.log10(signal / noise));
}
