/** A training whose numbers ran away: said with what is kept. */
import { PhinetsError } from "@phinets/core/tensor";

/** The error of a run; one of diverging says what the run folder keeps. */
export function withKept(error: unknown, folder: string, epochs: number): unknown {
  if (!(error instanceof PhinetsError) || error.code !== "training.diverged") return error;
  const kept =
    epochs === 0 ? "no epoch was finished, nothing is kept" : `what epoch ${epochs} left in weights/ is kept`;
  return new PhinetsError(error.code, `${folder}: ${error.message}; ${kept}`, folder);
}
