/** args.yaml of a training run, read again to resume it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import { makeRecipe, type Recipe } from "@phinets/core/training";
import { parse } from "yaml";

export interface SavedArguments {
  /** Absolute paths. */
  readonly data: string[];
  readonly fraction?: number;
  readonly recipe: Recipe;
  /** Epochs from one validation to the next; 0: none. */
  readonly valEvery?: number;
  /** false: no curves, pictures and report.html are drawn. */
  readonly plots?: boolean;
  /** Pictures that cannot be decoded are left out. */
  readonly skipBad?: boolean;
  /** Quantisation-aware epochs; true for the usual number. */
  readonly qat?: number | true;
  /** Weights that the run started from. */
  readonly weights?: { readonly file: string; readonly sha256: string };
}

/** Whether args.yaml is there and is not that of imported weights, which have no recipe. */
export function wasTrained(folder: string): boolean {
  const path = join(folder, "args.yaml");
  // What is damaged is for `loadArguments` to refuse.
  return existsSync(path) && !/^import:/m.test(readFileSync(path, "utf8"));
}

/** Throws PhinetsError when the file is missing or is not a training run's. */
export function loadArguments(folder: string): SavedArguments {
  const path = join(folder, "args.yaml");
  if (!existsSync(path))
    throw new PhinetsError("run.arguments", `${path}: is missing; the run cannot be resumed, start a new one`, path);
  const fail = (problem: string): never => {
    throw new PhinetsError("run.arguments", `${path}: ${problem}; restore it or start a new run`, path);
  };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return fail(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  let parsed: Partial<SavedArguments> | null;
  try {
    parsed = parse(text);
  } catch (error) {
    return fail(`not YAML (${(error as Error).message.split("\n")[0].replace(/:$/, "")})`);
  }
  const { data, recipe, fraction = 1, valEvery = 1 } = parsed ?? {};
  if (!Array.isArray(data) || data.length === 0 || !data.every((entry) => typeof entry === "string"))
    return fail("data is not a list of paths, as a training run writes it");
  if (typeof recipe !== "object" || recipe === null) return fail("has no recipe, as a training run writes it");
  if (!(typeof fraction === "number" && fraction > 0 && fraction <= 1))
    return fail(`fraction is ${fraction}; a number above 0, at most 1, is needed`);
  if (!(Number.isInteger(valEvery) && valEvery >= 0))
    return fail(`valEvery is ${valEvery}; an integer of at least 0 is needed`);
  try {
    // The ranges are those of both tasks, but for mixup: above 1 it is an alpha, of classification.
    makeRecipe((recipe.mixup ?? 0) > 1 ? "classify" : "detect", recipe);
  } catch (error) {
    return fail((error as Error).message);
  }
  const { qat, weights } = parsed!;
  if (qat !== undefined && qat !== true && !(Number.isInteger(qat) && qat > 0))
    return fail(`qat is ${qat}; true or a number of epochs is needed`);
  if (weights !== undefined && !(typeof weights?.file === "string" && typeof weights.sha256 === "string"))
    return fail("weights is not a file with its sha256, as a training run writes it");
  return {
    data,
    recipe,
    fraction: parsed!.fraction,
    valEvery: parsed!.valEvery,
    plots: parsed!.plots !== false,
    qat,
    weights,
    skipBad: parsed!.skipBad === true,
  };
}
