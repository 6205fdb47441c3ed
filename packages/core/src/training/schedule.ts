/** The learning rate over a run (linear warm-up, then decay), and the decay of the averaged weights. */
import { cos, PhinetsError } from "../tensor/index.js";

export const scheduleNames = ["cosine", "linear", "step", "constant", "onecycle"] as const;
/**
 * - "cosine": half a cosine down to a fraction of the peak (Loshchilov & Hutter, "SGDR", ICLR 2017, without restarts).
 * - "linear": a straight line down to that fraction.
 * - "step": the rate is multiplied by a factor at each milestone.
 * - "constant": the peak until the end.
 * - "onecycle": no warm-up; half a cosine from 1/25 up to the peak in 30 % of the run, then half a cosine down (Smith &
 *   Topin, "Super-convergence", 2017; the shares are PyTorch's).
 */
export type ScheduleName = (typeof scheduleNames)[number];

export interface ScheduleOptions {
  /** Peak learning rate. */
  readonly learningRate: number;
  /** Steps of linear warm-up from 0. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
  /** Final learning rate as a fraction of the peak, 0..1. */
  readonly finalFraction: number;
  /** Default "cosine". */
  readonly schedule?: ScheduleName;
  /** For "step": steps at which the rate falls, ascending. Default: two thirds and eight ninths of the run. */
  readonly milestones?: readonly number[];
  /** For "step". Default 0.1. */
  readonly stepFactor?: number;
}

/** Onecycle's start as a fraction of the peak, and the share of the run in which the rate rises. */
const [cycleStart, cycleRise] = [1 / 25, 0.3];

/** Learning rate of a step, 0..totalSteps-1. */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { learningRate, warmupSteps, totalSteps, finalFraction, schedule = "cosine" } = options;
  if (!(learningRate > 0))
    throw new PhinetsError("training.schedule", `learning rate is ${learningRate}; it must be positive`);
  const last = totalSteps - 1;
  const between = (from: number, to: number): number => Math.min(1, (step - from) / Math.max(1, to - from));
  const fall = (progress: number): number =>
    learningRate * (finalFraction + (1 - finalFraction) * 0.5 * (1 + cos(Math.PI * progress)));
  if (schedule === "onecycle") {
    const top = Math.floor(cycleRise * last);
    if (step >= top) return fall(between(top, last));
    return learningRate * (1 - (1 - cycleStart) * 0.5 * (1 + cos(Math.PI * between(0, top))));
  }
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  switch (schedule) {
    case "cosine":
      return fall(between(warmupSteps, last));
    case "linear":
      return learningRate * (1 - (1 - finalFraction) * between(warmupSteps, last));
    case "constant":
      return learningRate;
    case "step": {
      const given = options.milestones ?? [];
      const milestones = given.length > 0 ? given : [2 / 3, 8 / 9].map((share) => Math.round(share * totalSteps));
      let rate = learningRate;
      for (const milestone of milestones) if (step >= milestone) rate *= options.stepFactor ?? 0.1;
      return rate;
    }
  }
}

/**
 * EMA decay of a step (1 = the first): the smallest of `decay`, the decay whose horizon is a twelfth of the run, and (1
 * + n) / (10 + n), which starts low so that the average is useful from the first epochs on.
 */
export function emaDecayAt(step: number, decay: number, totalSteps: number): number {
  return Math.min(decay, 1 - Math.min(1, 12 / totalSteps), (1 + step) / (10 + step));
}
