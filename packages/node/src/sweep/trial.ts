/** A trial: one training of a sweep, in its own run folder. */
import { join } from "node:path";
import { kernelsSha256 } from "@phinets/core/kernels";
import type { Network } from "@phinets/core/networks";
import type { Setting, TrialCost } from "@phinets/core/sweep";
import type { Board } from "@phinets/core/target";
import { type Recipe, recipeIdentity } from "@phinets/core/training";
import { beginRun, type RunArguments, wasTrained } from "../run/arguments.js";
import { createRunFolder } from "../run/folder.js";
import type { OpenedData } from "../steps/data.js";
import { keyOf } from "../steps/hash.js";
import { ownVersion } from "../steps/version.js";

export interface TrialRequest {
  readonly data: OpenedData;
  /** Paths as given to `train`. */
  readonly paths: readonly string[];
  readonly fraction?: number;
  readonly network: Network;
  readonly recipe: Recipe;
  readonly valEvery?: number;
  readonly start?: { readonly file: string; readonly sha256: string };
  readonly board?: Board;
  /** Further fields of args.yaml. */
  readonly more: Pick<RunArguments, "limits" | "programRequest" | "loading" | "namedNetwork">;
}

export interface Trial extends TrialRequest {
  /**
   * Hash of everything that the weights depend on: equal trainings have equal hashes, whichever settings they belong
   * to.
   */
  readonly hash: string;
  readonly seed: number;
}

/** A combination of options, with one trial per seed. */
export interface SweepSetting {
  readonly setting: Setting;
  /** The board's name. */
  readonly target?: string;
  readonly trials: readonly Trial[];
  readonly cost: TrialCost;
}

export function makeTrial(request: TrialRequest): Trial {
  return { ...request, seed: request.recipe.seed, hash: trialHash({ ...request, dataKey: request.data.key }) };
}

/** @param dataKey `OpenedData.key` */
export function trialHash({
  network,
  recipe,
  dataKey,
  start,
  valEvery = 1,
}: Pick<TrialRequest, "network" | "recipe" | "valEvery"> & {
  readonly dataKey: string;
  readonly start?: { readonly sha256: string };
}): string {
  const kernels = [ownVersion(), kernelsSha256];
  return keyOf(...kernels, network, recipeIdentity(recipe), dataKey, start?.sha256 ?? "", valEvery).slice(0, 16);
}

export const trialFolder = (folder: string, { data, hash }: Trial): string => join(folder, data.index.task, hash);

/** Makes the run folder that `train --resume` continues from, unless it exists. */
export function prepareTrial(folder: string, trial: Trial): string {
  const { data, paths, fraction, network, recipe, valEvery, start, board, more } = trial;
  const { task } = data.index;
  const run = createRunFolder({ project: folder, task, name: trial.hash, existOk: true });
  if (!wasTrained(run))
    beginRun(run, network, {
      ...{ task, data: paths, fraction, recipe, valEvery, weights: start, plots: false, board, ...more },
    });
  return run;
}
