/** Trains a run: epochs, validation, results.csv, checkpoints. Killed anywhere, it goes on from the last epoch. */

import { readFileSync } from "node:fs";
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
import { createEngine } from "@phinets/core/kernels";
import { buildNetwork, initialWeights, type Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { differentiate, Executor, type Recipe, Trainer } from "@phinets/core/training";
import { loadWeights } from "../run/load.js";
import { appendResults } from "../run/save.js";
import type { Context } from "../terminal/context.js";
import { nodeThreads } from "../threads/index.js";
import { bestPath, loadCheckpoint, saveBest, saveCheckpoint } from "./checkpoint.js";
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
  if (checkpoint !== undefined && checkpoint.key !== key) {
    throw new PhinetsError(
      "run.resume",
      `${folder}: the checkpoint was made with another network, recipe or data set; resume with the same options, or start a new --name`,
      folder,
    );
  }
  const threads = nodeThreads(request.threads);
  const engine = await createEngine({ threads });
  const graph = buildNetwork(network);
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
  let metrics: Metrics | undefined;
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
      metrics = score(network, floatOutputs(engine, network, averaged, val), val);
      const value = headline(metrics);
      if (value > best || bestEpoch === 0) {
        best = value;
        bestEpoch = epoch + 1;
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
      saveCheckpoint(folder, { epoch: epoch + 1, step: trainer.steps, best, bestEpoch, key, state: executor.state() });
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
    metrics = score(network, floatOutputs(engine, network, loadWeights(bestPath(folder), graph), val), val);
    return {
      epochs: firstEpoch,
      bestEpoch,
      best,
      metrics,
      weightsSha256: sha256(bytes),
      imagesPerSecond: trainedMs > 0 ? (trainedPictures * 1000) / trainedMs : 0,
    };
  } finally {
    progress.stop();
    executor.dispose();
    await engine.dispose();
  }
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
