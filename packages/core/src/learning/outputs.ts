/**
 * A network's outputs on pictures, in any of its forms (float, simulated, integer), and their metrics. Only the
 * computation of the output map differs; decoding, suppression and scoring are shared, so the metrics of the forms are
 * comparable.
 */
import { assembleBatch, type PictureSource, prepareSample, writeInputInt8 } from "../data/index.js";
import { type Detection, detectByHead, type OutputMap } from "../detection/index.js";
import {
  analyseDetection,
  cocoOf,
  evaluateCalibration,
  evaluateClassification,
  evaluateDetection,
  softmaxRows,
} from "../evaluation/index.js";
import type { Graph } from "../graph/index.js";
import { IntegerEngine } from "../inference/index.js";
import type { Engine } from "../kernels/index.js";
import {
  buildNetwork,
  classCount,
  classNames,
  findsBoxes,
  inputName,
  type Network,
  outputsRead,
} from "../networks/index.js";
import { dequantizeOutput, type QuantizedNetwork, SimulatedNetwork } from "../quantization/index.js";
import { type FloatWeights, joined } from "../tensor/index.js";
import { Executor, forwardOnly } from "../training/index.js";
import type { Metrics } from "./metrics.js";

/**
 * Raw output of each picture as real values: `[gridHeight, gridWidth, channels]` (several maps are concatenated) or
 * `[classes]`.
 */
export type Outputs = readonly OutputMap[];

/** Called after each picture or batch with the number of pictures done. */
export type OnProgress = (done: number) => void;

/** Pictures per batch of the float network. Split pictures between workers only at multiples of it. */
export const floatBatch = 32;

/** Outputs of the float network (running statistics, no dropout), in batches on all threads. */
export function floatOutputs(
  engine: Engine,
  network: Network,
  weights: FloatWeights,
  source: PictureSource,
  onProgress?: OnProgress,
): Outputs {
  const graph = buildNetwork(network);
  const batch = Math.min(floatBatch, Math.max(1, source.length));
  const executor = new Executor(engine, forwardOnly(graph, batch));
  try {
    executor.setParameters(weights);
    return outputsOf(executor, network, source, onProgress);
  } finally {
    executor.dispose();
  }
}

/**
 * Outputs of an integer network as the training kernels simulate it: fast, and within about one step of the
 * interpreter's.
 */
export function simulatedOutputs(
  engine: Engine,
  quantized: QuantizedNetwork,
  network: Network,
  source: PictureSource,
): Outputs {
  const executor = new SimulatedNetwork(engine, quantized, Math.min(floatBatch, Math.max(1, source.length)));
  try {
    executor.load(quantized);
    return outputsOf(executor, network, source);
  } finally {
    executor.dispose();
  }
}

function outputsOf(executor: Executor, network: Network, source: PictureSource, onProgress?: OnProgress): Outputs {
  const { batch } = executor.graph;
  const outputs: Float32Array[] = [];
  for (let first = 0; first < source.length; first += batch) {
    const count = Math.min(batch, source.length - first);
    assembleBatch(
      source,
      Int32Array.from({ length: count }, (_, i) => first + i),
      0,
      inputOptions(network),
      executor.input(inputName),
    );
    executor.forward();
    const read = outputsRead(network.head, executor.graph.network.outputs).map((name) => executor.output(name));
    const ofPicture = (output: Float32Array, i: number): Float32Array =>
      output.subarray((i * output.length) / batch, ((i + 1) * output.length) / batch);
    for (let i = 0; i < count; i++) outputs.push(joined(read.map((output) => ofPicture(output, i))));
    onProgress?.(first + count);
  }
  return outputs;
}

/** One picture as the network's input pixels, `[height, width, channels]`, 0..255. */
export function inputPixels(network: Network, source: PictureSource, sample: number): Uint8Array {
  return prepareSample(source, sample, 0, inputOptions(network)).picture.data;
}

/** One picture as int8 network input, `[height, width, channels]`, pixel - 128. */
export function int8Input(network: Network, source: PictureSource, sample: number): Int8Array {
  const pixels = inputPixels(network, source, sample);
  const input = new Int8Array(pixels.length);
  writeInputInt8(pixels, input);
  return input;
}

/** Outputs of the integer network, bit-identical to the firmware's. */
export function integerOutputs(
  quantized: QuantizedNetwork,
  network: Network,
  source: PictureSource,
  onProgress?: OnProgress,
): Outputs {
  const engine = new IntegerEngine(quantized);
  const outputs: OutputMap[] = [];
  for (let i = 0; i < source.length; i++) {
    const read = outputsRead(network.head, engine.run(int8Input(network, source, i)));
    outputs.push(joined(read.map((output, n) => dequantizeOutput(quantized, output, n))));
    onProgress?.(i + 1);
  }
  return outputs;
}

export function inputOptions({ input: { height, width, channels } }: Network): {
  height: number;
  width: number;
  channels: number;
} {
  return { height, width, channels };
}

export interface DetectOptions {
  /** Minimum score, 0..1. */
  readonly conf: number;
  /** Boxes of a class that overlap a better one by more than this IoU are dropped, 0..1. Default 0.45. */
  readonly iou?: number;
  /** Maximum number of boxes per picture. Default 100. */
  readonly maxDet?: number;
  /** The deployed graph of an imported int8 network, which has no other. Default: `buildNetwork`. */
  readonly graph?: Graph;
}

/** The boxes in one picture's output, best first, in fractions of the picture. */
export function boxesOf(
  network: Network,
  output: OutputMap,
  { conf, iou = 0.45, maxDet = 100, graph = graphOf(network) }: DetectOptions,
): Detection[] {
  const { head, input } = network;
  if (!findsBoxes(head)) throw new Error("boxesOf: the network is not a detector");
  const shapes = outputsRead(head, graph.outputs).map((name) => graph.shapes[name]);
  return detectByHead(head, { output, shapes, input }, { threshold: conf, iouThreshold: iou, maxDetections: maxDet });
}

const graphs = new WeakMap<Network, Graph>();

function graphOf(network: Network): Graph {
  const graph = graphs.get(network) ?? buildNetwork(network);
  graphs.set(network, graph);
  return graph;
}

/** Minimum confidence of boxes that count for average precision, low enough to cover the whole curve. */
const evaluationConfidence = 0.005;

/** The boxes in each picture's output above `score`'s minimum confidence, best first, in fractions of the picture. */
export function evaluatedBoxes(network: Network, outputs: Outputs, graph?: Graph): Detection[][] {
  return outputs.map((output) => boxesOf(network, output, { conf: evaluationConfidence, graph }));
}

export interface ScoreOptions {
  /** Also compute the analysis for reports. Default false. */
  readonly detailed?: boolean;
  /** Whether a classifier's outputs are probabilities instead of logits. Default false. */
  readonly probabilities?: boolean;
  /** See `DetectOptions`. */
  readonly graph?: Graph;
}

/** Metrics of outputs against the pictures' labels. */
export function score(
  network: Network,
  outputs: Outputs,
  source: PictureSource,
  { detailed = false, probabilities: given = false, graph }: ScoreOptions = {},
): Metrics {
  if (findsBoxes(network.head)) {
    const pictures = evaluatedBoxes(network, outputs, graph).map((detections, i) => ({
      truths: source.at(i).labels ?? [],
      detections,
    }));
    const names = classNames(network.head);
    const metrics = evaluateDetection(pictures, names);
    if (!detailed) return { task: "detect", ...metrics };
    const { truth, found } = cocoOf(pictures, names);
    return { task: "detect", ...metrics, analysis: analyseDetection(truth, found) };
  }
  const classes = classCount(network.head);
  const scores = new Float32Array(outputs.length * classes);
  for (const [i, output] of outputs.entries()) scores.set(output, i * classes);
  const labels = outputs.map((_, i) => source.at(i).class ?? -1);
  const { confusion, ...figures } = evaluateClassification(scores, labels, classes);
  const probabilities = given ? scores : softmaxRows(scores, classes);
  const calibration = probabilities.every(Number.isFinite)
    ? evaluateCalibration(probabilities, labels, classes)
    : undefined;
  return {
    task: "classify",
    ...figures,
    confusion: Array.from(confusion),
    calibrationError: calibration?.ECE ?? Number.NaN,
    ...(detailed && { calibration }),
  };
}
