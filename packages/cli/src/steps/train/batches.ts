/** The batches of each epoch: order, augmentation, assembling. What they hold depends on (seed, epoch, sample) alone. */
import { assembleBatch, type Batch, cutBatches, epochOrder, type PictureSource } from "@phinets/core/data";
import type { Network } from "@phinets/core/networks";
import type { Recipe, Targets } from "@phinets/core/training";
import { inputOptions } from "../validate.js";
import { augmentationOf } from "./augmentation.js";

/** Where a training takes its batches from. */
export interface BatchSource {
  /** Batches of an epoch; the same for every epoch. */
  readonly stepsPerEpoch: number;
  /** The batches of an epoch (0-based), in order. Each is in `input` when it is given, until the next is asked for. */
  epoch(epoch: number, input: Float32Array): AsyncIterable<Targets>;
  dispose(): Promise<void>;
}

/** Batches made on the caller's own thread, when they are asked for. */
export function inlineBatches(source: PictureSource, network: Network, recipe: Recipe): BatchSource {
  return {
    stepsPerEpoch: samplesOf(source.length, recipe, 0).length,
    async *epoch(epoch, input) {
      const options = { ...inputOptions(network), seed: recipe.seed, augment: augmentationOf(network, recipe, epoch) };
      for (const samples of samplesOf(source.length, recipe, epoch)) {
        // Let Ctrl-C in: a step blocks the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        yield targetsOf(network, assembleBatch(source, samples, epoch, options, input));
      }
    },
    async dispose() {},
  };
}

/** Which samples each batch of an epoch holds. */
export function samplesOf(count: number, { batch, seed }: Recipe, epoch: number): Int32Array[] {
  return cutBatches(epochOrder(count, seed, epoch), batch, true);
}

/** What the loss is told of a batch. */
export function targetsOf(network: Network, { labels, classes }: Pick<Batch, "labels" | "classes">): Targets {
  return network.head.kind === "yolov2" ? { truths: labels } : { classes };
}
