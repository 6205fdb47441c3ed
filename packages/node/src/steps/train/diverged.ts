/** A training whose numbers ran away: said with what to change and with what is kept. */
import { PhinetsError, type Tensor } from "@phinets/core/tensor";
import { divergedError, type Recipe } from "@phinets/core/training";

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

/** The error of a run; one of diverging says what the run folder keeps. */
export function withKept(error: unknown, folder: string, epochs: number): unknown {
  if (!(error instanceof PhinetsError) || error.code !== "training.diverged") return error;
  const kept =
    epochs === 0 ? "no epoch was finished, nothing is kept" : `what epoch ${epochs} left in weights/ is kept`;
  return new PhinetsError(error.code, `${folder}: ${error.message}; ${kept}`, folder);
}
