/**
 * A whole training run in memory, for callers without a run folder. The weights have the same bits as those of
 * `phinets train`.
 */
import type { PictureSource } from "../data/index.js";
import type { Engine } from "../kernels/index.js";
import { buildNetwork, initialWeights, type Network } from "../networks/index.js";
import { type FloatWeights, PhinetsError } from "../tensor/index.js";
import type { Recipe } from "../training/index.js";
import { inlineBatches } from "./batches.js";
import { isBestYet, requireFinite, validatesAfter } from "./best.js";
import { type Abortable, type EpochSteps, trainEpoch } from "./epoch.js";
import { headline, type Metrics } from "./metrics.js";
import { floatOutputs, score } from "./outputs.js";
import { makeTrainer } from "./trainer.js";

export interface LearnOptions {
  readonly network: Network;
  /** The recipe after `fittedBatch`. */
  readonly recipe: Recipe;
  /** Training pictures; see `shrinkForUse`. */
  readonly train: PictureSource;
  /** Validation pictures; without any, the last epoch's weights are returned. */
  readonly val: PictureSource;
  readonly engine: Engine;
  /** When aborted, the next step throws. */
  readonly signal: Abortable;
  /** The host's clock, in milliseconds. */
  readonly now: () => number;
  /** Awaited before each step, so that the thread can do other work. */
  readonly breathe: () => Promise<void>;
  /** Called after each step with the number of steps done in this epoch, the steps of an epoch, and the loss. */
  readonly onStep?: (done: number, steps: number, loss: number) => void;
  /** Called after each epoch and awaited before the next. */
  readonly onEpoch?: (epoch: LearntEpoch) => void | Promise<void>;
}

/** A finished and validated epoch. */
export interface LearntEpoch extends Pick<EpochSteps, "losses" | "learningRate"> {
  /** 1-based. */
  readonly epoch: number;
  readonly imagesPerSecond: number;
  /** Metrics of the averaged weights on the validation pictures. */
  readonly metrics?: Metrics;
}

export interface Learnt {
  /** Averaged weights of the best epoch. */
  readonly weights: FloatWeights;
  /** 1-based. */
  readonly bestEpoch: number;
  /** Its AP50 or top-1; -1 if unknown. */
  readonly best: number;
}

/** Limits the batch to the number of pictures: repeated pictures would distort batch statistics. */
export function fittedBatch(recipe: Recipe, pictures: number): Recipe {
  const batch = Math.min(recipe.batch, pictures);
  return { ...recipe, batch, accumulate: Math.min(recipe.accumulate, Math.floor(pictures / batch)) };
}

/** Throws PhinetsError `data.empty` when there are no training pictures, and `training.diverged`. */
export async function learn(options: LearnOptions): Promise<Learnt> {
  const { network, recipe, train, val, engine, signal, now, breathe, onStep = () => {}, onEpoch = () => {} } = options;
  if (train.length === 0) throw new PhinetsError("data.empty", "the training split has no pictures");
  const valEvery = val.length === 0 ? 0 : 1;
  const batches = inlineBatches(train, network, recipe, breathe);
  const trainer = makeTrainer(engine, network, recipe, batches.batchesPerEpoch / recipe.accumulate);
  try {
    const { executor } = trainer;
    executor.setParameters(initialWeights(buildNetwork(network), recipe.seed, network.head));
    let standing: Learnt = { weights: {}, bestEpoch: 0, best: -1 };
    for (let epoch = 1; epoch <= recipe.epochs; epoch++) {
      const onBatch = (done: number, loss: number) => onStep(done, batches.batchesPerEpoch, loss);
      const steps = await trainEpoch(trainer, batches, epoch - 1, { signal, now, onBatch });
      const weights = executor.emaParameters();
      requireFinite({ ...executor.state(), ...weights }, trainer.steps, recipe);
      const metrics = validatesAfter(epoch, recipe, valEvery)
        ? score(network, floatOutputs(engine, network, weights, val), val)
        : undefined;
      const value = metrics && headline(metrics);
      if (isBestYet(standing, value, valEvery) || standing.bestEpoch === 0)
        standing = { weights, bestEpoch: epoch, best: value ?? -1 };
      const { losses, learningRate, pictures, ms } = steps;
      await onEpoch({ epoch, losses, learningRate, metrics, imagesPerSecond: (pictures * 1000) / ms });
      const isImpatient = recipe.patience > 0 && epoch - standing.bestEpoch >= recipe.patience;
      if (isImpatient) break;
    }
    return standing;
  } finally {
    trainer.dispose();
  }
}
