/** Learning rate over a run: linear warm-up, then half a cosine down to a fraction of the peak. */
import { cos, PhinetsError } from "../tensor/index.js";

export interface ScheduleOptions {
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Last learning rate as a fraction of the peak, 0..1. */
  readonly finalFraction: number;
}

/** Learning rate of step 0..totalSteps-1. */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { learningRate, warmupSteps, totalSteps, finalFraction } = options;
  if (!(learningRate > 0))
    throw new PhinetsError("training.schedule", `learning rate is ${learningRate}; it must be positive`);
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - 1 - warmupSteps));
  return learningRate * (finalFraction + (1 - finalFraction) * 0.5 * (1 + cos(Math.PI * progress)));
}

/**
 * EMA decay of a step (1 = the first): at most `decay`, at most what keeps the average's horizon within a twelfth of the
 * run, and low at first, so that the average is of use from the first epochs: (1 + n) / (10 + n).
 */
export function emaDecayAt(step: number, decay: number, totalSteps: number): number {
  return Math.min(decay, 1 - Math.min(1, 12 / totalSteps), (1 + step) / (10 + step));
}
