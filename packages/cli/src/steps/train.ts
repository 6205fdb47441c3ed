/** Trains a run: epochs, validation, results.csv, checkpoints. Killed anywhere, it goes on from the last epoch. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type AugmentOptions,
  assembleBatch,
  classificationAugmentation,
  cutBatches,
  detectionAugmentation,
  digitAugmentation,
  epochOrder,
  type PictureSource,
} from "@phinets/core/data";
import type { Graph } from "@phinets/core/graph";
import { createEngine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights, type Network } from "@phinets/core/networks";
import { PhinetsError, type Tensor } from "@phinets/core/tensor";
import { differentiate, Executor, type Recipe, Trainer } from "@phinets/core/training";
import { loadWeights } from "../run/load.js";
import { appendResults } from "../run/save.js";
import type { Context } from "../terminal/context.js";
import { nodeThreads } from "../threads/index.js";
import { bestPath, type Checkpoint, loadCheckpoint, saveBest, saveCheckpoint } from "./checkpoint.js";
import { keyOf, sha256 } from "./hash.js";
import { floatOutputs, headline, inputOptions, type Metrics, score } from "./validate.js";

export interface TrainRequest {
  readonly folder: string;
  readonly network: Network;
  readonly recipe: Recipe;
  readonly train: PictureSource;
  readonly val: PictureSource;
  /** Identifies the training pictures and labels: a resumed run must see the same. */
  readonly dataKey: string;
  readonly threads: number;
  /** Go on from the folder's last checkpoint, where it has one. */
  readonly resume: boolean;
}

export interface TrainResult {
  /** Epochs done. */
  readonly epochs: number;
  /** 1-based epoch whose averaged weights are the best. */
  readonly bestEpoch: number;
  readonly best: number;
  /** On the validation split, of the best weights. */
  readonly metrics: Metrics;
  /** Of weights/best.safetensors. */
  readonly weightsSha256: string;
  /** Training pictures a second, validation left out; 0 when nothing was left to train. */
  readonly imagesPerSecond: number;
}

export async function train(request: TrainRequest, context: Context): Promise<TrainResult> {
  const { folder, network, train: source, val, resume } = request;
  if (source.length === 0) throw new PhinetsError("data.empty", "the training split has no pictures");
  // A batch can hold no more than there is: batch statistics of repeated pictures would lie.
  const recipe = { ...request.recipe, batch: Math.min(request.recipe.batch, source.length) };
  const key = keyOf(network, recipe, request.dataKey);
  const checkpoint = resume ? loadCheckpoint(folder) : undefined;
  const graph = buildNetwork(network);
  if (checkpoint !== undefined) requireSame(folder, checkpoint, { key, dataKey: request.dataKey }, graph);
  const threads = nodeThreads(request.threads);
  const engine = await createEngine({ threads });
  const executor = new Executor(engine, differentiate(graph, recipe.batch));
  const stepsPerEpoch = cutBatches(epochOrder(source.length, 0, 0), recipe.batch, true).length;
  const trainer = new Trainer(executor, network, recipe, stepsPerEpoch);
  let { epoch: firstEpoch, best, bestEpoch } = checkpoint ?? { epoch: 0, best: Number.NEGATIVE_INFINITY, bestEpoch: 0 };
  if (checkpoint === undefined) executor.setParameters(initialWeights(graph, recipe.seed, network.head));
  else trainer.restore(checkpoint.state, checkpoint.step);
  const progress = context.progress({
    label: "training",
    total: recipe.epochs,
    unit: "epochs",
    lineEvery: 1 / recipe.epochs,
  });
  progress.update(firstEpoch);
  let trainedPictures = 0;
  let trainedMs = 0;
  let bestMetrics: Metrics | undefined;
  try {
    for (let epoch = firstEpoch; epoch < recipe.epochs; epoch++) {
      const batches = cutBatches(epochOrder(source.length, recipe.seed, epoch), recipe.batch, true);
      const augment = augmentationOf(network, recipe, epoch);
      const sums = new Map<string, number>();
      const epochStart = performance.now();
      let lastRate = 0;
      for (const [b, samples] of batches.entries()) {
        // Let Ctrl-C in: a step blocks the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        context.signal.throwIfAborted();
        const batch = assembleBatch(
          source,
          samples,
          epoch,
          { ...inputOptions(network), seed: recipe.seed, augment },
          trainer.input,
        );
        const result = trainer.step(
          network.head.kind === "yolov2" ? { truths: batch.labels } : { classes: batch.classes },
        );
        for (const [name, value] of Object.entries<number>({ loss: result.loss, ...result.parts }))
          sums.set(name, (sums.get(name) ?? 0) + value);
        lastRate = result.learningRate;
        const perSecond = ((b + 1) * recipe.batch * 1000) / (performance.now() - epochStart);
        if (b % 4 === 3 && b + 1 < batches.length)
          progress.update(
            Math.round(100 * (epoch + (b + 1) / batches.length)) / 100,
            `loss ${result.loss.toFixed(3)}  ${perSecond.toFixed(0)} images/s`,
          );
      }
      const ms = performance.now() - epochStart;
      trainedMs += ms;
      trainedPictures += batches.length * recipe.batch;
      const averaged = executor.emaParameters();
      const state = executor.state();
      requireFinite({ ...state, ...averaged }, trainer.steps, recipe);
      const metrics = score(network, floatOutputs(engine, network, averaged, val), val);
      const value = headline(metrics);
      // Below 0 is unknown: without a box to validate on, the last weights are the best guess.
      if (value > best || bestEpoch === 0 || value < 0) {
        best = value;
        bestEpoch = epoch + 1;
        bestMetrics = metrics;
        saveBest(folder, averaged);
      }
      const means = Object.fromEntries([...sums].map(([name, sum]) => [name, sum / batches.length]));
      appendResults(folder, {
        epoch: epoch + 1,
        ...means,
        ...columnsOf(metrics),
        learningRate: lastRate,
        imagesPerSecond: (batches.length * recipe.batch * 1000) / ms,
      });
      saveCheckpoint(folder, {
        epoch: epoch + 1,
        step: trainer.steps,
        best,
        bestEpoch,
        key,
        dataKey: request.dataKey,
        state,
      });
      const parts = Object.entries(means)
        .map(([name, mean]) => `${name} ${mean.toFixed(3)}`)
        .join(" ");
      progress.update(
        epoch + 1,
        `${parts}  ${metrics.task === "detect" ? "AP50" : "top1"} ${value.toFixed(3)}  ${((batches.length * recipe.batch * 1000) / ms).toFixed(0)} images/s`,
      );
      firstEpoch = epoch + 1;
    }
    const bytes = readFileSync(bestPath(folder));
    // Of an epoch before the run was resumed only the weights are left.
    bestMetrics ??= score(network, floatOutputs(engine, network, loadWeights(bestPath(folder), graph), val), val);
    return {
      epochs: firstEpoch,
      bestEpoch,
      best,
      metrics: bestMetrics,
      weightsSha256: sha256(bytes),
      imagesPerSecond: trainedMs > 0 ? (trainedPictures * 1000) / trainedMs : 0,
    };
  } catch (error) {
    throw error instanceof PhinetsError && error.code === "training.diverged"
      ? new PhinetsError(error.code, `${folder}: ${error.message}; ${keptOf(firstEpoch)}`, folder)
      : error;
  } finally {
    progress.stop();
    executor.dispose();
    await engine.dispose();
  }
}

/** A checkpoint is gone on from only with what it was made from, and with the best weights so far at hand. */
function requireSame(
  folder: string,
  checkpoint: Checkpoint,
  wanted: Pick<Checkpoint, "key" | "dataKey">,
  graph: Graph,
): void {
  if (checkpoint.key !== wanted.key) {
    const changed =
      checkpoint.dataKey === wanted.dataKey
        ? "the network or the recipe is not the one that the checkpoint was made with; restore network.json and args.yaml"
        : "the data set has changed since the last checkpoint (pictures count by size and time of change); restore it";
    throw new PhinetsError("run.resume", `${folder}: ${changed}, or start a new run with another --name`, folder);
  }
  if (checkpoint.bestEpoch === 0) return;
  const path = bestPath(folder);
  let problem = `${path}: is missing, though epoch ${checkpoint.bestEpoch} wrote it; restore it`;
  if (existsSync(path)) {
    try {
      loadWeights(path, graph);
      return;
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      problem = error.message;
    }
  }
  throw new PhinetsError(
    "run.weights",
    `${problem}, or remove ${join(folder, "weights")} to train from the first epoch`,
    path,
  );
}

/** A step's loss is that of the weights before it: what the epoch's last step did shows here. */
function requireFinite(state: Readonly<Record<string, Tensor>>, step: number, { learningRate }: Recipe): void {
  for (const [name, { data }] of Object.entries(state)) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw new PhinetsError(
      "training.diverged",
      `training diverged at step ${step}: ${name} is ${data[bad]}; lower the learning rate (${learningRate})`,
    );
  }
}

function keptOf(epochs: number): string {
  return epochs === 0 ? "no epoch was finished, nothing is kept" : `what epoch ${epochs} left in weights/ is kept`;
}

/** Grey pictures of classification sets are digits and the like, which a flip would turn into something else. */
function augmentationOf(network: Network, recipe: Recipe, epoch: number): AugmentOptions | undefined {
  if (!recipe.augment) return undefined;
  if (network.head.kind !== "yolov2")
    return network.input.channels === 1 ? digitAugmentation : classificationAugmentation;
  const light = epoch >= recipe.epochs - Math.min(recipe.lightEpochs, Math.floor(recipe.epochs / 10));
  return light ? { jitter: 0.05, hueDegrees: 0, saturation: 1, exposure: 1 } : detectionAugmentation;
}

function columnsOf(metrics: Metrics): Record<string, number> {
  return metrics.task === "detect"
    ? { AP50: metrics.AP50, AP: metrics.AP, precision: metrics.precision, recall: metrics.recall }
    : { top1: metrics.top1, top5: metrics.top5 };
}
