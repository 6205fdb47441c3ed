/** Decides which epochs are validated and whose weights are the best so far. */
import type { Tensor } from "../tensor/index.js";
import { divergedError, type Recipe } from "../training/index.js";

/** Whether an epoch (1-based) is validated. @param valEvery epochs between validations; 0: never */
export function validatesAfter(epoch: number, { epochs }: Pick<Recipe, "epochs">, valEvery: number): boolean {
  return valEvery > 0 && (epoch % valEvery === 0 || epoch >= epochs);
}

/**
 * Whether an epoch's weights replace the best ones.
 * @param standing metric of the best epoch so far (below 0 if unknown) and its number (0 for the initial weights)
 * @param value the epoch's own metric; undefined if it was not validated
 */
export function isBestYet(
  standing: { readonly best: number; readonly bestEpoch: number },
  value: number | undefined,
  valEvery: number,
): boolean {
  // Below 0 means unknown: without a metric, the last weights are the best guess.
  const unknown = value === undefined ? valEvery === 0 || standing.best < 0 : value < 0;
  // A trained epoch replaces equally good initial weights, because the user asked for training.
  const better = value !== undefined && (standing.bestEpoch === 0 ? value >= standing.best : value > standing.best);
  return unknown || better;
}

/**
 * Throws unless all state is finite. A step's loss is computed before its update, so the loss of an epoch's last step
 * cannot show what that step did to the weights.
 */
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
