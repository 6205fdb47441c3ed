/**
 * Makes a run's integer network: post-training quantisation, then quantisation-aware training where it is requested or
 * where the loss of accuracy is too large. Writes the network and quant_report.json.
 */
import { join } from "node:path";
import type { PictureSource } from "@phinets/core/data";
import { deployGraph } from "@phinets/core/graph";
import { createEngine } from "@phinets/core/kernels";
import { floatOutputs, integerOutputs, score } from "@phinets/core/learning";
import { buildNetwork, findsBoxes, type Network } from "@phinets/core/networks";
import type { LayerNoise, QuantizationReport, QuantizedNetwork } from "@phinets/core/quantization";
import { PhinetsError } from "@phinets/core/tensor";
import { differentiate, makeRecipe, type Recipe, requireLoss } from "@phinets/core/training";
import { writeFileAtomic } from "../host/atomic.js";
import { loadArguments, wasTrained } from "../run/arguments.js";
import { fidelity, headline, type Metrics } from "../text/metrics.js";
import { nodeThreads } from "../threads/pool.js";
import type { StepContext } from "./context.js";
import { type AwareResult, trainAware } from "./qat.js";
import { noiseOf, type QuantizeRequest, quantizeRun, saveQuantized } from "./quantize.js";

/** Drop of the headline metric (AP50, top-1), as a fraction. */
export const defaultMaxDrop = 0.01;

export interface Int8Request extends QuantizeRequest {
  /** Uncropped pictures to calibrate on. */
  readonly source: PictureSource;
  readonly val: PictureSource;
  /** Loads the pictures to train on; called only when they are needed. */
  training(): Promise<PictureSource>;
  readonly recipe: Recipe;
  readonly dataKey: string;
  readonly threads: number;
  /**
   * Number of quantisation-aware epochs; true for the default number. Default: none unless the drop exceeds `maxDrop`.
   */
  readonly qat?: number | true;
  /** Largest drop of the validated metric that post-training quantisation may cause, 0..1. Default `defaultMaxDrop`. */
  readonly maxDrop?: number;
}

export interface Int8Report extends QuantizationReport {
  /** "none": the network has no head, so its quality cannot be measured. */
  readonly metric: "AP50" | "top1" | "none";
  /**
   * Metric on the validation pictures, of the float network and of the integer network that was kept; negative where
   * unknown.
   */
  readonly before: number;
  readonly after: number;
  readonly layers: readonly LayerNoise[];
  /** Signal-to-noise ratio of each output under int8, in dB. */
  readonly outputs: readonly { readonly name: string; readonly snrDb: number }[];
  /** Result of post-training quantisation alone, where quantisation-aware training replaced it. */
  readonly postTraining?: { readonly after: number; readonly layers: readonly LayerNoise[] };
  /** Quantisation-aware training; `kept` is false where post-training quantisation was better (AP, top-1). */
  readonly aware?: {
    readonly epochs: number;
    readonly bestEpoch: number;
    readonly after: number;
    readonly kept: boolean;
  };
}

export async function makeInt8(
  request: Int8Request,
  context: StepContext,
): Promise<{ quantized: QuantizedNetwork; report: Int8Report }> {
  const { folder, network, weights, val, threads, qat, maxDrop = defaultMaxDrop } = request;
  // Refuse networks without gradients before calibration.
  if (qat !== undefined) {
    requireLoss(network);
    differentiate(deployGraph(buildNetwork(network)), 1);
  }
  const { quantized: start, report, layers, shown } = await quantizeRun(request, context);
  const outputs = (noise: readonly LayerNoise[]) =>
    start.graph.outputs.map((name) => ({ name, snrDb: noise.find((layer) => layer.name === name)!.snrDb }));
  if (network.head.kind === "none") {
    const result: Int8Report = {
      ...{ metric: "none", before: -1, after: -1, layers, outputs: outputs(layers) },
      ...report,
    };
    saveReport(folder, result);
    return { quantized: start, report: result };
  }
  const before = await floatHeadline(network, weights, val, threads);
  const validate = (quantized: QuantizedNetwork): Metrics =>
    score(
      network,
      integerOutputs(quantized, network, val, () => context.signal.throwIfAborted()),
      val,
    );
  const calibrated = validate(start);
  const first = headline(calibrated);
  const metric = findsBoxes(network.head) ? "AP50" : "top1";
  let quantized = start;
  let result: Int8Report = { metric, before, after: first, layers, outputs: outputs(layers), ...report };
  // A negative value is unknown: no box is labelled.
  if (qat !== undefined || (before >= 0 && before - first > maxDrop)) {
    if (qat === undefined)
      context.note(
        `int8 lowers ${metric} by ${(before - first).toFixed(4)}, more than --max-drop ${maxDrop}: quantisation-aware training starts`,
      );
    const aware = await trainWhereAble(request, start, context);
    if (aware !== undefined) {
      const metrics = validate(aware.quantized);
      const after = headline(metrics);
      const kept = after < 0 || fidelity(metrics) >= fidelity(calibrated);
      const trained = { epochs: aware.epochs, bestEpoch: aware.bestEpoch, after, kept };
      result = { ...result, aware: trained };
      if (kept) {
        quantized = aware.quantized;
        saveQuantized(folder, quantized);
        const noise = await noiseOf(quantized, aware.weights, shown);
        result = {
          ...{ metric, before, after, layers: noise, outputs: outputs(noise) },
          ...{ postTraining: { after: first, layers }, aware: trained },
          ...reportOf(quantized, report),
        };
      }
    }
  }
  saveReport(folder, result);
  return { quantized, report: result };
}

function saveReport(folder: string, report: Int8Report): void {
  writeFileAtomic(join(folder, "quant_report.json"), `${JSON.stringify(report, undefined, 1)}\n`);
}

/** Quantisation-aware training; undefined where it was not requested and there are too few pictures or no gradients. */
async function trainWhereAble(
  request: Int8Request,
  start: QuantizedNetwork,
  context: StepContext,
): Promise<AwareResult | undefined> {
  const { qat } = request;
  const epochs = typeof qat === "number" ? qat : undefined;
  try {
    return await trainAware({ ...request, start, epochs, train: await request.training() }, context);
  } catch (error) {
    const isLeftOut =
      error instanceof PhinetsError && ["qat.pictures", "training.head", "training.op"].includes(error.code);
    if (qat !== undefined || !isLeftOut) throw error;
    context.note(`left out: ${error.message}`);
    return undefined;
  }
}

/** The recipe that a run was trained with; for an imported run, the default recipe. */
export function recipeOfRun(folder: string, { head }: Network): Recipe {
  const saved = wasTrained(folder) ? loadArguments(folder).recipe : undefined;
  if (!findsBoxes(head)) return makeRecipe("classify", saved);
  if (head.kind !== "yolov2") return makeRecipe("detect", saved);
  return makeRecipe("detect", saved ?? { loss: head.decoder === "yolov2" ? "yolov2" : "ciou" });
}

async function floatHeadline(
  network: Network,
  weights: Int8Request["weights"],
  val: PictureSource,
  threads: number,
): Promise<number> {
  const engine = await createEngine({ threads: nodeThreads(threads) });
  try {
    return headline(score(network, floatOutputs(engine, network, weights, val), val));
  } finally {
    await engine.dispose();
  }
}

/** The calibration report with the scales that training has changed. */
function reportOf({ values }: QuantizedNetwork, report: QuantizationReport): QuantizationReport {
  return {
    ...report,
    biasCorrection: false,
    values: report.values.map(({ weightSnrDb, ...value }) => {
      const { scale, zeroPoint } = values[value.name];
      return {
        ...value,
        ...{ scale, zeroPoint },
        covered: { low: scale * (-128 - zeroPoint), high: scale * (127 - zeroPoint) },
      };
    }),
  };
}
