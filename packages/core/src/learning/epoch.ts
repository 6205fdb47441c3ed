/** Runs the steps of one epoch. */
import type { StepDevice, Trainer } from "../training/index.js";
import type { BatchSource } from "./batches.js";

/** The part of AbortSignal that is used. */
export interface Abortable {
  throwIfAborted(): void;
}

export interface EpochSteps {
  /** Means of the loss and its parts over the batches. */
  readonly losses: Readonly<Record<string, number>>;
  /** Learning rate of the last step. */
  readonly learningRate: number;
  readonly pictures: number;
  readonly ms: number;
}

export interface EpochOptions {
  /** When aborted, the next batch throws. */
  readonly signal: Abortable;
  /** The host's clock, in milliseconds. */
  readonly now: () => number;
  /**
   * Called after each batch with the batches of this epoch so far, the batch's loss, and the pictures per second since
   * the epoch began.
   */
  readonly onBatch: (batches: number, loss: number, imagesPerSecond: number) => void;
  /** Computes the steps instead of our kernels. */
  readonly device?: StepDevice;
}

/** @param epoch 0-based */
export async function trainEpoch(
  trainer: Trainer,
  batches: BatchSource,
  epoch: number,
  { signal, now, onBatch, device }: EpochOptions,
): Promise<EpochSteps> {
  const sums = new Map<string, number>();
  const start = now();
  let steps = 0;
  let learningRate = 0;
  for await (const targets of batches.epoch(epoch, () => trainer.input)) {
    signal.throwIfAborted();
    const result = device === undefined ? trainer.step(targets) : await trainer.stepOn(device, targets);
    for (const [name, value] of Object.entries<number>({ loss: result.loss, ...result.parts }))
      sums.set(name, (sums.get(name) ?? 0) + value);
    learningRate = result.learningRate;
    steps++;
    onBatch(steps, result.loss, (steps * trainer.recipe.batch * 1000) / (now() - start));
  }
  return {
    losses: Object.fromEntries([...sums].map(([name, sum]) => [name, sum / steps])),
    learningRate,
    pictures: steps * trainer.recipe.batch,
    ms: now() - start,
  };
}
