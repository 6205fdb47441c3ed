/**
 * Trains the rungs of trials one after another, each as `train --resume RUN --stop-after N` would, and keeps what the
 * next one can reuse: the opened data, decoded pictures, and the kernels with their threads.
 */
import { join } from "node:path";
import type { SplitName } from "@phinets/core/data";
import { createEngine, type Engine } from "@phinets/core/kernels";
import type { Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe, withClassWeights } from "@phinets/core/training";
import type { CachedPictures } from "../dataset/index.js";
import { loadArguments, type SavedArguments } from "../run/arguments.js";
import { loadNetwork, loadRun } from "../run/load.js";
import { withRunLock } from "../run/lock.js";
import { listen, type StepContext } from "../steps/context.js";
import { loadSplit, type OpenedData, openData, validationSplit } from "../steps/data.js";
import { makeInt8, recipeOfRun } from "../steps/int8.js";
import { recordedWeights, startingRecipe } from "../steps/pretrained.js";
import { hasLock, writeRunLock } from "../steps/run-lock.js";
import { requireTrainable, type TrainObserver, train } from "../steps/train/index.js";
import { nodeThreads } from "../threads/pool.js";
import { KeptPictures } from "./kept-pictures.js";
import type { SlotWork } from "./slot-messages.js";

type Work = Omit<SlotWork, "kind" | "epochs">;

interface Hear {
  readonly signal: AbortSignal;
  /** Called after each epoch with the total number of epochs done. */
  readonly onEpoch: (done: number) => void;
}

/** Data sets to keep open: each holds its labels in memory. */
const mostOpened = 4;

export class RungRunner {
  /** Ordered by last use, oldest first. */
  readonly #opened = new Map<string, OpenedData>();
  readonly #pictures = new KeptPictures();
  #engine: { readonly fast: boolean; readonly threads: number; readonly engine: Engine } | undefined;

  /**
   * Trains a run folder until `epochs` epochs are done in total.
   * @returns undefined, or the reason where the training failed because of its setting: it diverged
   * @throws PhinetsError `sweep.data` where the pictures or labels are not those of the trial
   */
  async train(work: Work & { readonly epochs: number }, { signal, onEpoch }: Hear): Promise<string | undefined> {
    const { run, epochs, threads } = work;
    const context = listen({ signal });
    const saved = loadArguments(run);
    const { data: paths, fraction, valEvery } = saved;
    const network = loadNetwork(join(run, "network.json"));
    const data = await this.#open(saved, work, context);
    if (data.key !== work.dataKey)
      throw new PhinetsError(
        "sweep.data",
        `${paths.join(", ")}: pictures or labels have changed since the sweep began`,
        paths[0],
      );
    const { task, splits, classes } = data.index;
    const asked = withClassWeights(makeRecipe(task, saved.recipe), splits.train, classes.length);
    const pretrained = saved.weights && recordedWeights(saved.weights, network);
    const recipe = startingRecipe(asked, saved.recipe, pretrained);
    requireTrainable(network, recipe);
    const observer: TrainObserver = {
      started: ({ epoch }) => onEpoch(epoch),
      epochEnd({ epoch }) {
        onEpoch(epoch);
        return undefined;
      },
    };
    try {
      await withRunLock(run, "training", async (lock) => {
        const [pictures, val] = await this.#load(data, network, work, context);
        // Only trainings that reach their last epoch can be reproduced, so only they get a lock.
        if (epochs >= recipe.epochs && !hasLock(run))
          await writeRunLock(run, { data, paths, fraction, network, recipe, valEvery, start: saved.weights }, context);
        const shared = { folder: run, lock, network, recipe, val, valEvery, dataKey: data.key, leftOut: data.leftOut };
        const engine = await this.#engineFor(recipe, threads);
        const how = { threads, engine, pretrained, resume: true, stopAfter: epochs, observers: [observer] };
        await train({ ...shared, ...how, train: pictures }, context);
      });
      return undefined;
    } catch (error) {
      if (error instanceof PhinetsError && error.code === "training.diverged") return error.message;
      // A failed engine is unusable: end it after any error; a new one starts quickly.
      if (!signal.aborted) await this.#endEngine().catch(() => {});
      throw error;
    }
  }

  /** Makes the int8 network of a fully trained run, as `quantize` does; returns its figures. */
  async quantize(work: Work, { signal }: Pick<Hear, "signal">): Promise<Record<string, number>> {
    const { run, threads, project } = work;
    const context = listen({ signal });
    // Calibration draws from all training pictures, whatever fraction was trained on.
    const saved = { ...loadArguments(run), fraction: undefined };
    const { folder, network, weights } = loadRun(run);
    const data = await this.#open(saved, work, context);
    return withRunLock(folder, "quantising", async () => {
      const source = await loadSplit(data, "train", "evaluation", network, project, context);
      const val = await loadSplit(data, validationSplit(data), "evaluation", network, project, context);
      const training = () => loadSplit(data, "train", "training", network, project, context);
      const recipe = recipeOfRun(folder, network);
      const request = { folder, network, weights, source, val, recipe, training, dataKey: data.key };
      const { report } = await makeInt8({ ...request, threads, seed: saved.recipe.seed }, context);
      return { [report.metric]: report.after };
    });
  }

  async #open(
    { data: paths, fraction, recipe: { seed }, dataFormat, only, skipBad, pixelRange }: SavedArguments,
    { project }: Work,
    { signal }: StepContext,
  ): Promise<OpenedData> {
    const loading = { dataFormat, only, skipBad, pixelRange };
    const name = JSON.stringify([paths, fraction, seed, loading, project]);
    const data = this.#opened.get(name) ?? (await openData(paths, { seed, fraction, project, loading, signal }));
    this.#opened.delete(name);
    this.#opened.set(name, data);
    for (const oldest of this.#opened.keys()) if (this.#opened.size > mostOpened) this.#opened.delete(oldest);
    return data;
  }

  /** The training and validation pictures. */
  #load(
    data: OpenedData,
    network: Network,
    { project }: Work,
    context: StepContext,
  ): Promise<readonly CachedPictures[]> {
    const { height, width, channels } = network.input;
    const splits: Readonly<Record<string, readonly [SplitName, "training" | "evaluation"]>> = Object.fromEntries(
      (
        [
          ["train", "training"],
          [validationSplit(data), "evaluation"],
        ] as const
      ).map((each) => [JSON.stringify([data.key, project, ...each, height, width, channels]), each]),
    );
    return this.#pictures.get(Object.keys(splits), (name) =>
      loadSplit(data, ...splits[name], network, project, context),
    );
  }

  async #engineFor({ fast = false }: Recipe, threads: number): Promise<Engine> {
    if (this.#engine?.fast !== fast || this.#engine.threads !== threads) {
      await this.#endEngine();
      this.#engine = { fast, threads, engine: await createEngine({ threads: nodeThreads(threads), fast }) };
    }
    return this.#engine.engine;
  }

  async #endEngine(): Promise<void> {
    const ended = this.#engine?.engine;
    this.#engine = undefined;
    await ended?.dispose();
  }
}
