/** Reads the outcome of a trained rung from its run folder. */
import { readFileSync } from "node:fs";
import { PhinetsError } from "@phinets/core/tensor";
import { type ResultsRow, readResults } from "../run/save.js";
import { bestPath } from "../steps/checkpoint.js";
import { sha256 } from "../steps/hash.js";
import type { Outcome, TrainingJob } from "./trainer.js";

/** @throws PhinetsError `sweep.trial` where the epochs were not validated */
export function outcomeOf(run: string, { trial, epochs }: TrainingJob): Outcome {
  const figures = figuresAt(run, epochs, trial.data.index.task === "classify" ? "top1" : "AP50");
  const ended = epochs >= trial.recipe.epochs;
  return { figures, ...(ended && { weightsSha256: sha256(readFileSync(bestPath(run))) }) };
}

/**
 * The figures of the best of the first `epochs` rows of results.csv: a run that has trained further is judged as it was
 * then.
 */
function figuresAt(run: string, epochs: number, headline: "AP50" | "top1"): Record<string, number> {
  let best: ResultsRow | undefined;
  for (const row of readResults(run))
    if (row.epoch <= epochs && row[headline] !== undefined && !(best !== undefined && best[headline] >= row[headline]))
      best = row;
  if (best === undefined)
    throw new PhinetsError(
      "sweep.trial",
      `${run}: results.csv has no ${headline} of its first ${epochs} epochs; settings are compared on validation pictures: give the data set some, and leave valEvery out`,
      run,
    );
  const names = headline === "AP50" ? ["AP50", "AP"] : ["top1", "top5"];
  return Object.fromEntries(names.flatMap((name) => (best[name] === undefined ? [] : [[name, best[name]]])));
}
