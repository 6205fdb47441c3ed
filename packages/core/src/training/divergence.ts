/** Notices a training that runs away before its numbers stop being finite. */
import { PhinetsError } from "../tensor/index.js";

/** The loss is averaged over about this many steps, and must be too high for as many in a row. */
const horizon = 50;
/** The first losses, which say what a network that knows nothing has. */
const startSteps = 10;

/** Watches the loss of each step. */
export class DivergenceWatch {
  #smoothed = 0;
  #count = 0;
  #least = Number.POSITIVE_INFINITY;
  #high = 0;
  #start: number;
  #done: number;

  /**
   * @param factor how many times its least value the smoothed loss may stay above; 0: any
   * @param startLoss of a run that is gone on with, and how many losses it has had
   */
  constructor(
    readonly factor: number,
    startLoss = 0,
    done = 0,
  ) {
    this.#start = startLoss;
    this.#done = done;
  }

  /** Mean loss of the first steps. */
  get startLoss(): number {
    return this.#start;
  }

  /** Whether the training has diverged. @param warm whether the warm-up is over */
  add(loss: number, warm: boolean): boolean {
    if (this.#done++ < startSteps) this.#start += (loss - this.#start) / this.#done;
    this.#count++;
    this.#smoothed += (loss - this.#smoothed) / Math.min(this.#count, horizon);
    if (this.factor === 0 || !warm || this.#count < horizon) return false;
    this.#least = Math.min(this.#least, this.#smoothed);
    const high = this.#smoothed > this.factor * this.#least && this.#smoothed > this.#start / 2;
    this.#high = high ? this.#high + 1 : 0;
    return this.#high >= horizon;
  }

  describe(): string {
    return `the loss, ${this.#smoothed.toPrecision(3)} on average, has stayed above ${this.factor} times its least (${this.#least.toPrecision(3)}) for ${horizon} steps`;
  }
}

/** @param rate the learning rate of the step */
export function divergedError(step: number, rate: number, what: string): PhinetsError {
  const suggested = Number((rate / 3).toPrecision(1));
  return new PhinetsError(
    "training.diverged",
    `training diverged at step ${step}, learning rate ${Number(rate.toPrecision(3))}: ${what}; lower the learning rate, to ${suggested} for example`,
  );
}
