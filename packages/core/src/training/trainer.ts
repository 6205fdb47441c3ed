/**
 * One training run: batches in, steps out. Pure: who decodes pictures, shows progress, validates and saves is the
 * caller. Every draw is keyed by (seed, epoch, sample) or (seed, step), so a run resumed from an epoch's state goes on
 * exactly as if it had never stopped.
 */
import type { Batch } from "../data/index.js";
import type { Network } from "../networks/index.js";
import { hashString, PhinetsError, Random, type Weights } from "../tensor/index.js";
import type { DropoutMask, Executor } from "./executor.js";
import { type LossValue, lossOf } from "./losses.js";
import type { Recipe } from "./recipe.js";
import { emaDecayAt, learningRateAt } from "./schedule.js";

export interface StepResult {
  /** Steps done so far, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly learningRate: number;
}

/** Where a run stands. With the executor's tensors it is all that a resumed run needs. */
export interface TrainerState {
  readonly step: number;
  readonly tensors: Weights;
}

export class Trainer {
  readonly #loss: ReturnType<typeof lossOf>;
  #step = 0;

  /** @param stepsPerEpoch full batches in an epoch; the learning rate follows `epochs * stepsPerEpoch` */
  constructor(
    readonly executor: Executor,
    readonly network: Network,
    readonly recipe: Recipe,
    readonly stepsPerEpoch: number,
  ) {
    this.#loss = lossOf(network, recipe);
  }

  get totalSteps(): number {
    return this.recipe.epochs * this.stepsPerEpoch;
  }

  /** Forward, loss, backward, optimiser, averages. Throws `training.diverged` when the loss is not finite. */
  step(batch: Batch): StepResult {
    const { executor, recipe } = this;
    const [input] = executor.inputs;
    const [output] = executor.outputs;
    executor.setInput(input, batch.input);
    for (const mask of executor.dropoutMasks) executor.setInput(mask.name, this.#dropoutMask(mask));
    executor.forward();
    const value = this.#loss(executor.output(output), executor.shapeOf(output), targetsOf(batch), this.#step * recipe.batch);
    if (!Number.isFinite(value.loss)) throw diverged(this.#step, value, recipe);
    executor.setCotangent(output, value.gradient);
    executor.backward();
    const learningRate = learningRateAt(this.#step, {
      learningRate: recipe.learningRate,
      warmupSteps: Math.min(recipe.warmupSteps, Math.floor(this.totalSteps / 10)),
      totalSteps: this.totalSteps,
      finalFraction: recipe.finalFraction,
    });
    this.#step++;
    executor.optimizerStep({
      kind: recipe.optimizer,
      learningRate,
      momentum: recipe.momentum,
      beta2: recipe.beta2,
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm,
      step: this.#step,
    });
    executor.updateRunningStatistics(recipe.batchNormMomentum);
    executor.updateAverage(emaDecayAt(this.#step, recipe.emaDecay));
    return { step: this.#step, loss: value.loss, parts: value.parts, learningRate };
  }

  /** Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate). */
  #dropoutMask({ name, size, rate }: DropoutMask): Float32Array {
    const random = new Random(this.recipe.seed, this.#step, hashString(name));
    const kept = 1 / (1 - rate);
    return Float32Array.from({ length: size }, () => (random.uniform() < rate ? 0 : kept));
  }

  state(): TrainerState {
    return { step: this.#step, tensors: this.executor.state() };
  }

  restore(state: TrainerState): void {
    this.executor.restore(state.tensors);
    this.#step = state.step;
  }
}

function targetsOf(batch: Batch): Parameters<ReturnType<typeof lossOf>>[2] {
  return batch.classes.length > 0 && batch.classes[0] >= 0 ? { classes: batch.classes } : { truths: batch.labels };
}

function diverged(step: number, value: LossValue, recipe: Recipe): PhinetsError {
  const parts = Object.entries(value.parts).map(([name, part]) => `${name} ${part}`);
  return new PhinetsError(
    "training.diverged",
    `training diverged at step ${step + 1}: loss is ${value.loss} (${parts.join(", ")}); the last good checkpoint is kept; lower the learning rate (${recipe.learningRate})`,
  );
}
