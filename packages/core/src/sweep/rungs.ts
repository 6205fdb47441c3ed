/**
 * Successive halving by rungs (Jamieson & Talwalkar 2016; Li et al., "A System for Massively Parallel Hyperparameter
 * Tuning", 2020): all settings are trained briefly, the best ones longer, and so on.
 */
import { PhinetsError } from "../tensor/index.js";

export interface Rung {
  /** Total epochs trained at the end of the rung. */
  readonly epochs: number;
  /** Number of settings that take part. */
  readonly settings: number;
}

/**
 * The rungs for `settings` settings: each rung keeps one in `reduction` settings of the previous rung and trains them
 * `reduction` times as long; the last rung trains all `epochs`.
 * @param reduction at least 2
 * @param firstEpochs minimum epochs before a setting may be dropped
 * @throws PhinetsError `sweep.reduction`
 */
export function rungsOf(options: {
  readonly settings: number;
  readonly epochs: number;
  readonly reduction: number;
  readonly firstEpochs?: number;
}): Rung[] {
  const { settings, epochs, reduction, firstEpochs = 1 } = options;
  if (!Number.isInteger(reduction) || reduction < 2)
    throw new PhinetsError("sweep.reduction", `reduction is ${reduction}; an integer of at least 2 is needed`);
  const lengths = [epochs];
  // One rung for each division by `reduction` that leaves at least one setting.
  for (let left = settings; left >= reduction; left = Math.ceil(left / reduction)) {
    const shorter = Math.ceil(lengths[0] / reduction);
    if (shorter < firstEpochs || shorter === lengths[0]) break;
    lengths.unshift(shorter);
  }
  let left = settings;
  return lengths.map((epochs, rung) => {
    if (rung > 0) left = Math.ceil(left / reduction);
    return { epochs, settings: left };
  });
}
