/** Post-training quantisation of a run: calibrates on training pictures, writes the integer network and its report. */
import { join } from "node:path";
import { assembleBatch, epochOrder, type PictureSource } from "@phinets/core/data";
import { detectionRoundingError } from "@phinets/core/detection";
import { deployWeights } from "@phinets/core/graph";
import { FloatValues, IntegerInterpreter } from "@phinets/core/inference";
import { createEngine } from "@phinets/core/kernels";
import { inputOptions } from "@phinets/core/learning";
import { buildNetwork, classCount, type Network } from "@phinets/core/networks";
import {
  encodeQuantized,
  type FloatRunner,
  type LayerNoise,
  layerNoise,
  type QuantizationReport,
  type QuantizedNetwork,
  quantize,
} from "@phinets/core/quantization";
import type { FloatWeights } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import type { StepContext } from "./context.js";

/** Default number of pictures to calibrate on. */
export const defaultPictures = 100;

export interface QuantizeRequest {
  readonly folder: string;
  readonly network: Network;
  readonly weights: FloatWeights;
  /** Training pictures, some of which are drawn. */
  readonly source: PictureSource;
  /** Pictures to calibrate on. Default 100. */
  readonly pictures?: number;
  readonly seed: number;
}

export interface QuantizeResult {
  readonly quantized: QuantizedNetwork;
  readonly report: QuantizationReport;
  readonly layers: readonly LayerNoise[];
  /** The pictures on which the noise was measured. */
  readonly shown: readonly Float32Array[];
}

/** Number of the calibration pictures on which every layer's noise is measured. */
const noisePictures = 8;

/** Indices of the pictures to calibrate on, out of `length`. */
export function drawCalibration(length: number, seed: number, pictures: number = defaultPictures): Int32Array {
  return epochOrder(length, seed, 0x63616c).subarray(0, Math.min(pictures, length));
}

export async function quantizeRun(request: QuantizeRequest, context: StepContext): Promise<QuantizeResult> {
  const { folder, network, weights, source, seed } = request;
  const samples = drawCalibration(source.length, seed, request.pictures);
  const count = samples.length;
  const graph = buildNetwork(network);
  const pictures = Array.from(
    samples,
    (_, i) => assembleBatch(source, samples.subarray(i, i + 1), 0, inputOptions(network)).input,
  );
  const progress = context.progress({ label: "calibrating", total: count, unit: "pictures", lineEvery: 1 });
  let done = 0;
  const { head } = network;
  const { network: quantized, report } = await withFloatValues((run) =>
    quantize(graph, weights, pictures, {
      // Boxes and scores share one scale, and a box's size needs finer steps than a score that is nearly 0 or 1.
      outputError: head.kind === "yolov2" ? detectionRoundingError({ ...head, classes: classCount(head) }) : undefined,
      run: (...parameters) => {
        context.signal.throwIfAborted();
        const values = run(...parameters);
        progress.update(Math.min(++done, count));
        return values;
      },
    }),
  ).finally(() => progress.stop());
  const shown = pictures.slice(0, noisePictures);
  const layers = await noiseOf(quantized, deployWeights(graph, weights).weights, shown);
  saveQuantized(folder, quantized);
  return { quantized, report, layers, shown };
}

async function withFloatValues<T>(work: (run: FloatRunner) => T): Promise<T> {
  const engine = await createEngine();
  const values = new FloatValues(engine);
  try {
    return work(values.run);
  } finally {
    values.dispose();
    await engine.dispose();
  }
}

/** @param weights float weights of the deployed graph */
export async function noiseOf(
  quantized: QuantizedNetwork,
  weights: FloatWeights,
  pictures: Iterable<Float32Array>,
): Promise<LayerNoise[]> {
  const interpreter = new IntegerInterpreter(quantized);
  return withFloatValues((run) =>
    layerNoise(quantized, weights, pictures, run, (input, tap) => interpreter.run(input, tap)),
  );
}

export function saveQuantized(folder: string, quantized: QuantizedNetwork): void {
  const files = encodeQuantized(quantized);
  // The JSON is written last: a run that has it has both files.
  writeFileAtomic(join(folder, "quantized.safetensors"), files.safetensors);
  writeFileAtomic(join(folder, "quantized.json"), files.json);
}
