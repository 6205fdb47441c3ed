/**
 * One training run as a sequence of steps. It does no I/O: the caller decodes pictures, shows progress, validates and
 * saves. Every random draw is keyed by (seed, epoch, sample) or (seed, step), so a run resumed from an epoch's state
 * continues exactly as if it had never stopped.
 */
import { inputName, type Network } from "../networks/index.js";
import { hashString, type PhinetsError, Random } from "../tensor/index.js";
import type { StepDevice } from "./device.js";
import { DivergenceWatch, divergedError } from "./divergence.js";
import type { Executor } from "./executor.js";
import { type LossValue, lossOf, type Targets } from "./losses.js";
import { type InputSize, SizedExecutors } from "./multi-scale.js";
import type { Recipe } from "./recipe.js";
import { emaDecayAt, learningRateAt, type ScheduleOptions } from "./schedule.js";

export interface StepResult {
  /** Steps done so far, including this one. */
  readonly step: number;
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly learningRate: number;
  /** Global 2-norm of the gradients before clipping; undefined for a batch that does not complete a step. */
  readonly gradientNorm: number | undefined;
}

export class Trainer {
  /** The executor at the network's own size, which holds the parameters. */
  readonly executor: Executor;
  readonly #executors: SizedExecutors | undefined;
  readonly #loss: ReturnType<typeof lossOf>;
  readonly #output: string;
  readonly #schedule: ScheduleOptions;
  #watch: DivergenceWatch;
  #step = 0;
  /** Batches of the current step done so far. */
  #part = 0;
  /** Random generator of each dropout in this step. */
  readonly #drops = new Map<string, Random>();

  /**
   * @param executors executors of `trainingGraphOf(network, recipe)` with their parameters set; several for multi-scale
   *   training
   * @param stepsPerEpoch full steps in an epoch; the learning rate schedule covers `epochs * stepsPerEpoch` steps
   */
  constructor(
    executors: Executor | SizedExecutors,
    network: Network,
    readonly recipe: Recipe,
    readonly stepsPerEpoch: number,
  ) {
    this.#executors = executors instanceof SizedExecutors ? executors : undefined;
    this.executor = executors instanceof SizedExecutors ? executors.own : executors;
    this.#loss = lossOf(network, recipe);
    this.#output = this.executor.graph.network.outputs[0];
    this.#watch = new DivergenceWatch(recipe.divergence);
    const totalSteps = recipe.epochs * stepsPerEpoch;
    this.#schedule = {
      schedule: recipe.schedule,
      learningRate: recipe.learningRate,
      warmupSteps: Math.min(recipe.warmupSteps, Math.floor(totalSteps / 10)),
      totalSteps,
      finalFraction: recipe.finalFraction,
      milestones: recipe.milestones.map((epoch) => epoch * stepsPerEpoch),
      stepFactor: recipe.stepFactor,
    };
  }

  /** The executor of the next batch. */
  get #current(): Executor {
    return this.#executors?.at(this.#executors.plan.at(this.#step)) ?? this.executor;
  }

  /** Buffer into which the caller writes the next batch, `[batch, height, width, channels]`. */
  get input(): Float32Array {
    return this.#current.input(inputName);
  }

  /** Height and width of the next batch. */
  get inputSize(): InputSize {
    const [, height, width] = this.#current.graph.network.shapes[inputName];
    return { height, width };
  }

  /** Number of steps done. */
  get steps(): number {
    return this.#step;
  }

  /** Mean loss of the run's first steps, to be passed to `restore`. */
  get startLoss(): number {
    return this.#watch.startLoss;
  }

  /**
   * Forward, loss and backward of one batch; after every `recipe.accumulate` batches also the optimiser step and the
   * weight averages. Throws `training.diverged` when the loss is not finite or the run has diverged
   * (recipe.divergence).
   */
  step(targets: Targets): StepResult {
    const executor = this.#begin();
    executor.forward();
    const value = this.#evaluate(executor, targets);
    executor.backward();
    return this.#finish(executor, value);
  }

  /** Like `step`, with forward and backward computed on a device. */
  async stepOn(device: StepDevice, targets: Targets): Promise<StepResult> {
    const executor = this.#begin();
    await device.forward(executor);
    const value = this.#evaluate(executor, targets);
    await device.backward(executor);
    return this.#finish(executor, value);
  }

  #begin(): Executor {
    const executor = this.#current;
    for (const { name, rate } of executor.graph.masks) this.#drop(executor.mask(name), name, rate);
    return executor;
  }

  #diverged(what: string): PhinetsError {
    return divergedError(this.#step + 1, learningRateAt(this.#step, this.#schedule), what);
  }

  /** Computes the loss of the executor's output and sets the cotangent. */
  #evaluate(executor: Executor, targets: Targets): LossValue {
    const { recipe } = this;
    const shape = executor.graph.network.shapes[this.#output];
    const seen = (this.#step * recipe.accumulate + this.#part) * recipe.batch;
    const value = this.#loss(executor.output(this.#output), shape, targets, seen);
    const { loss, parts } = value;
    if (!Number.isFinite(loss)) {
      const terms = Object.entries(parts).map(([name, part]) => `${name} ${part}`);
      throw this.#diverged(`the loss is ${loss} (${terms.join(", ")})`);
    }
    if (this.#watch.add(loss, this.#step >= this.#schedule.warmupSteps)) throw this.#diverged(this.#watch.describe());
    executor.setCotangent(this.#output, value.gradient);
    return value;
  }

  #finish(executor: Executor, { loss, parts }: LossValue): StepResult {
    const { recipe } = this;
    const learningRate = learningRateAt(this.#step, this.#schedule);
    executor.updateRunningStatistics(recipe.batchNormMomentum);
    executor.accumulate(++this.#part, recipe.accumulate);
    if (this.#part < recipe.accumulate) return { step: this.#step, loss, parts, learningRate, gradientNorm: undefined };
    const { gradientNorm } = executor.optimizerStep({
      kind: recipe.optimizer,
      learningRate,
      momentum: recipe.momentum,
      nesterov: recipe.nesterov,
      betas: [recipe.momentum, recipe.beta2],
      weightDecay: recipe.weightDecay,
      clipNorm: recipe.clipNorm > 0 ? recipe.clipNorm : undefined,
      trustClip: recipe.trustClip,
      step: this.#step + 1,
    });
    if (!Number.isFinite(gradientNorm)) throw this.#diverged("the gradients are not finite");
    this.#step++;
    this.#part = 0;
    this.#drops.clear();
    executor.updateEma(emaDecayAt(this.#step, recipe.emaDecay, this.#schedule.totalSteps));
    return { step: this.#step, loss, parts, learningRate, gradientNorm };
  }

  /**
   * Inverted dropout: 0 with probability `rate`, else 1 / (1 - rate). The batches of a step continue the same random
   * stream.
   */
  #drop(mask: Float32Array, name: string, rate: number): void {
    const random = this.#drops.get(name) ?? new Random(this.recipe.seed, this.#step, hashString(name));
    this.#drops.set(name, random);
    const kept = 1 / (1 - rate);
    for (let i = 0; i < mask.length; i++) mask[i] = random.uniform() < rate ? 0 : kept;
  }

  /** Resumes from a checkpoint's `executor.state()`, step count and start loss. */
  restore(state: Parameters<Executor["setState"]>[0], step: number, startLoss?: number): void {
    this.executor.setState(state);
    this.#step = step;
    // Without a start loss the watch cannot judge the run's loss.
    const { divergence, accumulate } = this.recipe;
    this.#watch = new DivergenceWatch(startLoss === undefined ? 0 : divergence, startLoss, step * accumulate);
  }

  dispose(): void {
    (this.#executors ?? this.executor).dispose();
  }
}
