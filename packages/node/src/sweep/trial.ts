/** One training of a sweep, and the run folder it is done in. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { kernelsSha256 } from "@phinets/core/kernels";
import type { Network } from "@phinets/core/networks";
import type { Setting } from "@phinets/core/sweep";
import type { Board } from "@phinets/core/target";
import { type Recipe, recipeIdentity } from "@phinets/core/training";
import type { RunArguments } from "../run/arguments.js";
import { saveRunArguments } from "../run/arguments.js";
import { createRunFolder } from "../run/folder.js";
import { saveNetwork } from "../run/save.js";
import type { StepContext } from "../steps/context.js";
import type { OpenedData } from "../steps/data.js";
import { keyOf } from "../steps/hash.js";
import { hasLock, writeRunLock } from "../steps/run-lock.js";
import { ownVersion } from "../steps/version.js";
import { saveTarget } from "../target/target.js";

export interface TrialRequest {
  readonly data: OpenedData;
  /** As in `train`. */
  readonly paths: readonly string[];
  readonly fraction?: number;
  readonly network: Network;
  readonly recipe: Recipe;
  readonly valEvery?: number;
  readonly start?: { readonly file: string; readonly sha256: string };
  readonly board?: Board;
  /** More of args.yaml. */
  readonly more: Pick<RunArguments, "limits" | "programRequest" | "loading" | "namedNetwork">;
}

export interface Trial extends TrialRequest {
  /** Of all that its weights depend on: equal trainings, equal names, whatever setting asked for them. */
  readonly hash: string;
  readonly seed: number;
}

/** A combination of options: a trial for each seed. */
export interface SweepSetting {
  readonly setting: Setting;
  /** The board's name. */
  readonly target?: string;
  readonly trials: readonly Trial[];
  readonly cost: TrialCost;
}

/** As planned; without a board only the first two are known. */
export interface TrialCost {
  readonly parameters: number;
  readonly macs: number;
  readonly ramBytes?: number;
  readonly flashBytes?: number;
  readonly latencyMs?: readonly [low: number, high: number];
  readonly energyMj?: number;
}

/** A setting that is not trained, and why. */
export interface LeftOutSetting {
  readonly setting: Setting;
  readonly target?: string;
  readonly reason: string;
}

export function makeTrial(request: TrialRequest): Trial {
  const { network, recipe, data, start, valEvery = 1 } = request;
  const key = keyOf(
    ownVersion(),
    kernelsSha256,
    network,
    recipeIdentity(recipe),
    data.key,
    start?.sha256 ?? "",
    valEvery,
  );
  return { ...request, seed: recipe.seed, hash: key.slice(0, 16) };
}

export const trialFolder = (folder: string, { data, hash }: Trial): string => join(folder, data.index.task, hash);

/** Makes the run folder as `train` does before its first epoch, unless it is there; a killed one is finished. */
export async function prepareTrial(folder: string, trial: Trial, context: StepContext): Promise<string> {
  const { data, paths, fraction, network, recipe, valEvery, start, board, more } = trial;
  const { task } = data.index;
  const run = createRunFolder({ project: folder, task, name: trial.hash, existOk: true });
  if (!existsSync(join(run, "network.json"))) saveNetwork(run, network);
  if (board !== undefined && !existsSync(join(run, "target.json"))) saveTarget(run, board);
  if (!hasLock(run)) await writeRunLock(run, { data, paths, fraction, network, recipe, valEvery, start }, context);
  // The last: with it the run can be gone on with.
  if (!existsSync(join(run, "args.yaml")))
    saveRunArguments(run, {
      ...{ task, data: paths, fraction, recipe, valEvery, weights: start, plots: false, board, ...more },
    });
  return run;
}
