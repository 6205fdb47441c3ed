/** Plans and assembles the batches of each epoch. A batch's content depends only on (seed, epoch, sample). */
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

/** A batch to be assembled. */
export interface BatchPlan {
  /** Indices of its pictures in the source. */
  readonly samples: Int32Array;
  readonly options: BatchOptions;
}

/** Supplies the batches of a training run. */
export interface BatchSource {
  /** Number of batches in every epoch, a multiple of `recipe.accumulate`. */
  readonly batchesPerEpoch: number;
  /**
   * The batches of an epoch (0-based), in order. Each batch is written to the buffer that `input()` returns, which is
   * called anew for each batch, and stays valid until the next batch is requested.
   */
  epoch(epoch: number, input: () => Float32Array): AsyncIterable<Targets>;
  dispose(): Promise<void>;
}

/**
 * A source that assembles batches on the caller's own thread, on request.
 * @param breathe awaited before each batch, so that the thread can do other work
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

/** The sample indices of each batch of an epoch. Batches left over after the last full step are dropped. */
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

/** The loss's targets for a batch. */
export function targetsOf(network: Network, { labels, classes, mixed }: Omit<Batch, "input">): Targets {
  return network.head.kind === "yolov2" ? { truths: labels } : { classes, mixed };
}
