/** Errors of a training that diverged. */
import { PhinetsError } from "@phinets/core/tensor";

/** Adds to an error of divergence what the run folder keeps; other errors are returned unchanged. */
export function withKept(error: unknown, folder: string, epochs: number): unknown {
  if (!(error instanceof PhinetsError) || error.code !== "training.diverged") return error;
  const kept =
    epochs === 0 ? "no epoch was finished, nothing is kept" : `what epoch ${epochs} left in weights/ is kept`;
  return new PhinetsError(error.code, `${folder}: ${error.message}; ${kept}`, folder);
}
