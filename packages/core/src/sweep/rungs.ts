/**
 * Successive halving by rungs (Jamieson & Talwalkar 2016; Li et al., "A System for Massively Parallel Hyperparameter Tuning",
 * 2020): all settings are trained a little, the best part of them further, and so on.
 */
import { PhinetsError } from "../tensor/index.js";

export interface Rung {
  /** Epochs trained in all when it is done. */
  readonly epochs: number;
  /** Settings that take part. */
  readonly settings: number;
}

/**
 * The rungs of `settings` settings: each keeps one in `reduction` of the one before, and trains these `reduction` times as
 * long; the last trains all `epochs`.
 * @param reduction at least 2
 * @param firstEpochs fewest epochs after which a setting may be dropped
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
  // As many rungs as there are times to divide the settings: the last then has one of them at least.
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
