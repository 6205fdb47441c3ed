/** Detects a diverging training run before its numbers stop being finite. */
import { PhinetsError } from "../tensor/index.js";

/**
 * The loss is averaged over about this many steps, and a run has diverged after as many steps in a row with too high a
 * loss.
 */
const horizon = 50;
/** Number of first steps whose mean loss serves as the loss of an untrained network. */
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
   * @param factor the smoothed loss may not stay above this many times its minimum; 0: no limit
   * @param startLoss start loss of a resumed run
   * @param done number of losses a resumed run has already had
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

  /**
   * Adds a step's loss and returns whether the training has diverged.
   * @param warm whether the warm-up is over
   */
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

/** @param rate learning rate of the step */
export function divergedError(step: number, rate: number, what: string): PhinetsError {
  const suggested = Number((rate / 3).toPrecision(1));
  return new PhinetsError(
    "training.diverged",
    `training diverged at step ${step}, learning rate ${Number(rate.toPrecision(3))}: ${what}; lower the learning rate, to ${suggested} for example`,
  );
}
