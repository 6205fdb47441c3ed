/** The batches of each epoch: order, augmentation, assembly. Their content depends only on (seed, epoch, sample). */
import { PackedSource, type PictureSource } from "@phinets/core/data";
import { type BatchSource, inlineBatches, planEpoch, stepSamples, targetsOf } from "@phinets/core/learning";
import type { Network } from "@phinets/core/networks";
import { planSizes, type Recipe } from "@phinets/core/training";
import { BatchLoader } from "../../threads/loader.js";

/** @param threads of the training in total; with more than one, additional threads make batches during the steps */
export function makeBatches(
  source: PictureSource,
  network: Network,
  recipe: Recipe,
  threads: number,
  onWarning: (message: string) => void,
): BatchSource {
  return threads > 1 && source instanceof PackedSource
    ? loadedBatches(source, network, recipe, loadingThreads(threads), onWarning)
    : inlineBatches(source, network, recipe, letInterruptsIn);
}

/** Steps block the event loop; this lets signals and timers run. */
const letInterruptsIn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A step takes about five times as long as making its batch, and runs on all threads. */
function loadingThreads(threads: number): number {
  return Math.ceil(threads / 4);
}

/** The same batches, made by worker threads in the background. */
function loadedBatches(
  source: PackedSource,
  network: Network,
  recipe: Recipe,
  threads: number,
  onWarning: (message: string) => void,
): BatchSource {
  const batchesPerEpoch = stepSamples(source.length, recipe, 0).length;
  const { sizes } = planSizes(network, recipe, batchesPerEpoch / recipe.accumulate);
  const { height, width } = sizes[sizes.length - 1];
  const batchValues = recipe.batch * height * width * network.input.channels;
  let loader: BatchLoader | undefined;
  let planned = -1;
  return {
    batchesPerEpoch,
    async *epoch(epoch, input) {
      loader ??= new BatchLoader(source, { threads, batchValues, onWarning });
      // Plan the next epoch too, so that its first batches are ready when this one has been validated.
      for (planned = Math.max(planned, epoch - 1); planned < Math.min(epoch + 1, recipe.epochs - 1); planned++)
        loader.plan(planned + 1, planEpoch(source.length, network, recipe, planned + 1));
      for (let n = 0; n < batchesPerEpoch; n++) yield targetsOf(network, await loader.next(input()));
    },
    async dispose() {
      await loader?.dispose();
    },
  };
}
