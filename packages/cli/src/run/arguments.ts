/** args.yaml of a training run, read again to resume it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PhinetsError } from "@phinets/core/tensor";
import type { Recipe } from "@phinets/core/training";
import { parse } from "yaml";

export interface SavedArguments {
  /** Absolute paths. */
  readonly data: string[];
  readonly fraction?: number;
  readonly recipe: Recipe;
}

/** Throws PhinetsError when the file is missing or is not a training run's. */
export function loadArguments(folder: string): SavedArguments {
  const path = join(folder, "args.yaml");
  if (!existsSync(path))
    throw new PhinetsError("run.arguments", `${path}: is missing; the run cannot be resumed, start a new one`, path);
  let parsed: Partial<SavedArguments> | null;
  try {
    parsed = parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new PhinetsError(
      "run.arguments",
      `${path}: not YAML (${(error as Error).message.split("\n")[0]}); restore it or start a new run`,
      path,
    );
  }
  if (!Array.isArray(parsed?.data) || typeof parsed.recipe !== "object") {
    throw new PhinetsError(
      "run.arguments",
      `${path}: has no data and recipe; it is not a training run's, start a new one`,
      path,
    );
  }
  return parsed as SavedArguments;
}
