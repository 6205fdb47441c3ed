/**
 * One training run: batches in, steps out. Pure: who decodes pictures, shows progress, validates and saves is the
 * caller. Every draw is keyed by (seed, epoch, sample) or (seed, step), so a run resumed from an epoch's state goes on
 * exactly as if it had never stopped.
 */
import { inputName, type Network } from "../networks/index.js";
import { hashString, PhinetsError, Random } from "../tensor/index.js";
import type { Executor } from "./executor.js";
import { type LossValue, lossOf, type Targets } from "./losses.js";
import type { Recipe } from "./recipe.js";
import { emaDecayAt, learningRateAt } from "./schedule.js";

export interface StepResult {
  /** Steps done so far, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Global 2-norm of the gradients before clipping. */
  readonly gradientNorm: number;
}

export class Trainer {
  readonly #loss: ReturnType<typeof lossOf>;
  readonly #output: string;
  #step = 0;

  /**
   * @param executor of `differentiate(buildNetwork(network), recipe.batch)`, its parameters set
   * @param stepsPerEpoch full batches in an epoch; the learning rate follows `epochs * stepsPerEpoch`
   */
  constructor(
    readonly executor: Executor,
    network: Network,
    readonly recipe: Recipe,
    readonly stepsPerEpoch: number,
  ) {
    this.#loss = lossOf(network, recipe);
    this.#output = executor.graph.network.outputs[0];
  }

  /** Where the caller writes the next batch, `[batch, height, width, channels]`. */
  get input(): Float32Array {
    return this.executor.input(inputName);
  }

  /** Steps done. */
  get steps(): number {
    return this.#step;
  }

  /** Forward, loss, backward, optimiser, averages. Throws `training.diverged` when the loss is not finite. */
  step(targets: Targets): StepResult {
    const { executor, recipe } = this;
    for (const { name, rate } of executor.graph.masks) this.#drop(executor.mask(name), name, rate);
    executor.forward();
    const shape = executor.graph.network.shapes[this.#output];
    const value = this.#loss(executor.output(this.#output), shape, targets, this.#step * recipe.batch);
    if (!Number.isFinite(value.loss)) throw diverged(this.#step, value, recipe);
    executor.setCotangent(this.#output, value.gradient);
    executor.backward();
    const totalSteps = recipe.epochs * this.stepsPerEpoch;
    const learningRate = learningRateAt(this.#step, {
      learningRate: recipe.learningRate,
      warmupSteps: Math.min(recipe.warmupSteps, Math.floor(totalSteps / 10)),
      totalSteps,
      finalFraction: recipe.finalFraction,
    });
    this.#step++;
    const { gradientNorm } = executor.optimizerStep({
      kind: recipe.optimizer,
      learningRate,
      momentum: recipe.momentum,
      betas: [recipe.momentum, recipe.beta2],
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm > 0 ? recipe.clipNorm : undefined,
      step: this.#step,
    });
    if (!Number.isFinite(gradientNorm)) throw diverged(this.#step, { ...value, loss: Number.NaN }, recipe);
    executor.updateRunningStatistics(recipe.batchNormMomentum);
    executor.updateEma(emaDecayAt(this.#step, recipe.emaDecay, totalSteps));
    return { step: this.#step, loss: value.loss, parts: value.parts, learningRate, gradientNorm };
  }

  /** Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate). */
  #drop(mask: Float32Array, name: string, rate: number): void {
    const random = new Random(this.recipe.seed, this.#step, hashString(name));
    const kept = 1 / (1 - rate);
    for (let i = 0; i < mask.length; i++) mask[i] = random.uniform() < rate ? 0 : kept;
  }

  /** Goes on from a checkpoint's `executor.state()` and step count. */
  restore(state: Parameters<Executor["setState"]>[0], step: number): void {
    this.executor.setState(state);
    this.#step = step;
  }
}

function diverged(step: number, value: LossValue, recipe: Recipe): PhinetsError {
  const parts = Object.entries(value.parts).map(([name, part]) => `${name} ${part}`);
  return new PhinetsError(
    "training.diverged",
    `training diverged at step ${step + 1}: loss is ${value.loss} (${parts.join(", ")}); lower the learning rate (${recipe.learningRate})`,
  );
}
