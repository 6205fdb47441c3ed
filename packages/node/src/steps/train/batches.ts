/** The batches of each epoch: order, augmentation, assembling. What they hold depends on (seed, epoch, sample) alone. */
import {
  assembleBatch,
  type Batch,
  type BatchOptions,
  cutBatches,
  epochOrder,
  PackedSource,
  type PictureSource,
} from "@phinets/core/data";
import type { Network } from "@phinets/core/networks";
import { augmentationOf, planSizes, type Recipe, type Targets } from "@phinets/core/training";
import { BatchLoader, type BatchPlan } from "../../threads/loader.js";
import { inputOptions } from "../validate.js";

/** Where a training takes its batches from. */
export interface BatchSource {
  /** The same for every epoch, a multiple of `recipe.accumulate`. */
  readonly batchesPerEpoch: number;
  /**
   * The batches of an epoch (0-based), in order. Each is in `input()`, which is called anew for each, when it is given,
   * until the next is asked for.
   */
  epoch(epoch: number, input: () => Float32Array): AsyncIterable<Targets>;
  dispose(): Promise<void>;
}

/** @param threads of the training in all; with more than one, some more make batches while it steps */
export function makeBatches(
  source: PictureSource,
  network: Network,
  recipe: Recipe,
  threads: number,
  onWarning: (message: string) => void,
): BatchSource {
  return threads > 1 && source instanceof PackedSource
    ? loadedBatches(source, network, recipe, loadingThreads(threads), onWarning)
    : inlineBatches(source, network, recipe);
}

/** A step costs some five times what its pictures cost to make, and runs on all threads. */
function loadingThreads(threads: number): number {
  return Math.ceil(threads / 4);
}

/** Batches made on the caller's own thread, when they are asked for. */
export function inlineBatches(source: PictureSource, network: Network, recipe: Recipe): BatchSource {
  return {
    batchesPerEpoch: samplesOf(source.length, recipe, 0).length,
    async *epoch(epoch, input) {
      for (const { samples, options } of planEpoch(source.length, network, recipe, epoch)) {
        // Let Ctrl-C in: a step blocks the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        yield targetsOf(network, assembleBatch(source, samples, epoch, options, input()));
      }
    },
    async dispose() {},
  };
}

/** The same batches, made by threads of their own while the caller does something else. */
function loadedBatches(
  source: PackedSource,
  network: Network,
  recipe: Recipe,
  threads: number,
  onWarning: (message: string) => void,
): BatchSource {
  const batchesPerEpoch = samplesOf(source.length, recipe, 0).length;
  const { sizes } = planSizes(network, recipe, batchesPerEpoch / recipe.accumulate);
  const { height, width } = sizes[sizes.length - 1];
  const batchValues = recipe.batch * height * width * network.input.channels;
  let loader: BatchLoader | undefined;
  let planned = -1;
  return {
    batchesPerEpoch,
    async *epoch(epoch, input) {
      loader ??= new BatchLoader(source, { threads, batchValues, onWarning });
      // The next epoch too, so that its first batches are there when this one is validated.
      for (planned = Math.max(planned, epoch - 1); planned < Math.min(epoch + 1, recipe.epochs - 1); planned++)
        loader.plan(planned + 1, planEpoch(source.length, network, recipe, planned + 1));
      for (let n = 0; n < batchesPerEpoch; n++) yield targetsOf(network, await loader.next(input()));
    },
    async dispose() {
      await loader?.dispose();
    },
  };
}

/** Which samples each batch of an epoch holds. Batches that do not make a whole step are left out. */
function samplesOf(count: number, { batch, seed, accumulate }: Recipe, epoch: number): Int32Array[] {
  const batches = cutBatches(epochOrder(count, seed, epoch), batch, true);
  return batches.slice(0, batches.length - (batches.length % accumulate));
}

/** The batches of an epoch, in order. */
export function planEpoch(count: number, network: Network, recipe: Recipe, epoch: number): BatchPlan[] {
  const options: BatchOptions = {
    ...inputOptions(network),
    seed: recipe.seed,
    augment: augmentationOf(network, recipe, epoch),
  };
  const batches = samplesOf(count, recipe, epoch);
  const stepsPerEpoch = batches.length / recipe.accumulate;
  const { sizes, at } = planSizes(network, recipe, stepsPerEpoch);
  return batches.map((samples, n) => {
    const step = epoch * stepsPerEpoch + Math.floor(n / recipe.accumulate);
    return { samples, options: { ...options, ...sizes[at(step)] } };
  });
}

/** What the loss is told of a batch. */
function targetsOf(network: Network, { labels, classes, mixed }: Omit<Batch, "input">): Targets {
  return network.head.kind === "yolov2" ? { truths: labels } : { classes, mixed };
}
