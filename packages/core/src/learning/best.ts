/** Which epoch's weights are the best so far, and when that is asked. */
import type { Tensor } from "../tensor/index.js";
import { divergedError, type Recipe } from "../training/index.js";

/** Whether an epoch (1-based) is validated. @param valEvery epochs from one validation to the next; 0: never */
export function validatesAfter(epoch: number, { epochs }: Pick<Recipe, "epochs">, valEvery: number): boolean {
  return valEvery > 0 && (epoch % valEvery === 0 || epoch >= epochs);
}

/**
 * Whether an epoch's weights take the place of the best ones.
 * @param standing value of the best epoch so far, below 0 where it is unknown, and its number, 0 for the start
 * @param value the epoch's own; undefined where it was not validated
 */
export function isBestYet(
  standing: { readonly best: number; readonly bestEpoch: number },
  value: number | undefined,
  valEvery: number,
): boolean {
  // Below 0 is unknown: without a figure to go by, the last weights are the best guess.
  const unknown = value === undefined ? valEvery === 0 || standing.best < 0 : value < 0;
  // Of what is as good as the start, training is what was asked for.
  const better = value !== undefined && (standing.bestEpoch === 0 ? value >= standing.best : value > standing.best);
  return unknown || better;
}

/** A step's loss is that of the weights before it: what the epoch's last step did shows here. */
export function requireFinite(
  state: Readonly<Record<string, Tensor>>,
  step: number,
  { learningRate }: Pick<Recipe, "learningRate">,
): void {
  for (const [name, { data }] of Object.entries(state)) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    throw divergedError(step, learningRate, `${name} is ${data[bad]}`);
  }
}
