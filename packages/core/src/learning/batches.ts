/** The batches of each epoch: order, augmentation, assembling. What they hold depends on (seed, epoch, sample) alone. */
import {
  assembleBatch,
  type Batch,
  type BatchOptions,
  cutBatches,
  epochOrder,
  type PictureSource,
} from "../data/index.js";
import type { Network } from "../networks/index.js";
import { augmentationOf, planSizes, type Recipe, type Targets } from "../training/index.js";
import { inputOptions } from "./outputs.js";

/** One batch that is to be assembled. */
export interface BatchPlan {
  /** Places of its pictures in the source. */
  readonly samples: Int32Array;
  readonly options: BatchOptions;
}

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

/**
 * Batches made on the caller's own thread, when they are asked for.
 * @param breathe awaited before each: lets in what else the thread has to do
 */
export function inlineBatches(
  source: PictureSource,
  network: Network,
  recipe: Recipe,
  breathe: () => Promise<void>,
): BatchSource {
  return {
    batchesPerEpoch: stepSamples(source.length, recipe, 0).length,
    async *epoch(epoch, input) {
      for (const { samples, options } of planEpoch(source.length, network, recipe, epoch)) {
        await breathe();
        yield targetsOf(network, assembleBatch(source, samples, epoch, options, input()));
      }
    },
    async dispose() {},
  };
}

/** Which samples each batch of an epoch holds. Batches that do not make a whole step are left out. */
export function stepSamples(count: number, { batch, seed, accumulate }: Recipe, epoch: number): Int32Array[] {
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
  const batches = stepSamples(count, recipe, epoch);
  const stepsPerEpoch = batches.length / recipe.accumulate;
  const { sizes, at } = planSizes(network, recipe, stepsPerEpoch);
  return batches.map((samples, n) => {
    const step = epoch * stepsPerEpoch + Math.floor(n / recipe.accumulate);
    return { samples, options: { ...options, ...sizes[at(step)] } };
  });
}

/** What the loss is told of a batch. */
export function targetsOf(network: Network, { labels, classes, mixed }: Omit<Batch, "input">): Targets {
  return network.head.kind === "yolov2" ? { truths: labels } : { classes, mixed };
}
