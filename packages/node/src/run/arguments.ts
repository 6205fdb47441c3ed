/** args.yaml of a training run: written, and read again to resume it. (option-file.ts reads it for --cfg.) */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Network } from "@phinets/core/networks";
import type { FitOptions } from "@phinets/core/scaling";
import type { Board, ProgramRequest } from "@phinets/core/target";
import { PhinetsError, requireShallow } from "@phinets/core/tensor";
import { parseRecipe, type Recipe } from "@phinets/core/training";
import { parse } from "yaml";
import { z } from "zod";
import { describeReadError, problemOf } from "../host/document.js";
import { namesBoard, saveTarget } from "../target/target.js";
import { saveArguments, saveNetwork } from "./save.js";

const isPaths = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every((path) => typeof path === "string" && path !== "");

/** Fields that a training run's documents share. */
export const trainingFields = {
  paths: z.custom<string[]>(isPaths, "is not a list of paths, as a training run writes it"),
  fraction: z.number("a number above 0, at most 1,").gt(0, "a number above 0, at most 1,").lte(1),
  valEvery: z.int("an integer of at least 0").nonnegative(),
  weights: z.object(
    { file: z.string(), sha256: z.string() },
    "is not a file with its sha256, as a training run writes it",
  ),
} as const;

const { paths, fraction, valEvery, weights } = trainingFields;

const savedArguments = z.object({
  /** What the data set is for. Earlier versions did not write it. */
  task: z.enum(["detect", "classify"], "detect or classify").optional(),
  /** Absolute paths. */
  data: paths,
  fraction: fraction.optional(),
  /** Checked by `parseRecipe`. */
  recipe: z.custom<object>((value) => typeof value === "object" && value !== null, "is no recipe"),
  /** Epochs from one validation to the next; 0: none. */
  valEvery: valEvery.optional(),
  /** false: no curves, pictures and report.html are drawn. */
  plots: z.boolean().default(true),
  /** What the data set was opened as, where it was named. */
  dataFormat: z.string("the name of a data format").optional(),
  /** Classes that count, where not all do. */
  only: z.array(z.string()).min(1).optional(),
  /** Rows and pictures that are bad are left out. */
  skipBad: z.boolean().default(false),
  /** Lowest and highest value of 16-bit and float pictures, where they were given. */
  pixelRange: z.object({ low: z.number(), high: z.number() }, "low and high, two numbers,").optional(),
  /** Quantisation-aware epochs; true for the usual number. */
  qat: z.union([z.literal(true), z.int().positive()], "true or a number of epochs").optional(),
  /** Weights that the run started from. */
  weights: weights.optional(),
});

export type SavedArguments = Omit<z.infer<typeof savedArguments>, "recipe"> & { readonly recipe: Recipe };

/** Whether args.yaml is there and is not that of imported weights, which have no recipe. */
export function wasTrained(folder: string): boolean {
  const path = join(folder, "args.yaml");
  // What is damaged is for `loadArguments` to refuse.
  if (!existsSync(path)) return false;
  return !statSync(path).isFile() || !/^import:/m.test(readFileSync(path, "utf8"));
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
    return fail(describeReadError(error));
  }
  let parsed: unknown;
  try {
    parsed = parse(text, { logLevel: "error" });
    requireShallow(parsed);
  } catch (error) {
    return fail(`not YAML (${(error as Error).message.split("\n")[0].replace(/:$/, "")})`);
  }
  if (typeof parsed !== "object" || parsed === null) parsed = {};
  // Before the schema, which would say that they are missing.
  const { data, recipe } = parsed as { data?: unknown; recipe?: unknown };
  if (!isPaths(data)) return fail("data is not a list of paths, as a training run writes it");
  if (typeof recipe !== "object" || recipe === null) return fail("has no recipe, as a training run writes it");
  const problem = problemOf(savedArguments, parsed);
  if (problem !== undefined) return fail(problem);
  const saved = savedArguments.parse(parsed);
  try {
    return { ...saved, recipe: parseRecipe(saved.task ?? taskOf(recipe), recipe) };
  } catch (error) {
    return fail((error as Error).message);
  }
}

/** Of a file of an earlier version: the ranges are those of both tasks, but for mixup, which above 1 is an alpha. */
function taskOf({ mixup }: { readonly mixup?: unknown }): "detect" | "classify" {
  return typeof mixup === "number" && mixup > 1 ? "classify" : "detect";
}

export interface RunArguments extends Pick<SavedArguments, "fraction" | "valEvery" | "plots" | "qat" | "weights"> {
  readonly task: "detect" | "classify";
  readonly data: readonly string[];
  readonly recipe: Recipe;
  /** The user named a network: a run of this file takes the one of the run's folder. */
  readonly namedNetwork: boolean;
  /** The board that the network is solved for, or compared with. */
  readonly board?: Board;
  /** What the network may use of it. */
  readonly limits?: Omit<FitOptions, "board" | "task" | "classes" | keyof ProgramRequest>;
  readonly programRequest?: ProgramRequest;
  readonly loading?: Pick<SavedArguments, "dataFormat" | "pixelRange"> & {
    readonly only?: readonly string[];
  } & { readonly skipBad?: boolean };
  /** Options of the verb alone, by their names. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Writes what a new run goes on with: network.json, its board's target.json, and last args.yaml, by which it can be resumed. */
export function beginRun(folder: string, network: Network, options: RunArguments): void {
  saveNetwork(folder, network);
  if (options.board !== undefined) saveTarget(folder, options.board);
  saveRunArguments(folder, options);
}

/** Writes args.yaml: options by their names as --cfg takes them, paths absolute or beside the file. */
export function saveRunArguments(folder: string, options: RunArguments): void {
  const { task, data, fraction, recipe, valEvery, plots, qat, weights, namedNetwork, board, limits = {} } = options;
  const { dataFormat, only, skipBad, pixelRange } = options.loading ?? {};
  const { imgsz, noTimeLimit, maxRamBytes, maxFlashBytes, maxEnergyMj, ...others } = limits;
  saveArguments(folder, {
    task,
    data: data.map((path) => resolve(path)),
    fraction,
    ...(namedNetwork && { network: "network.json" }),
    ...(board && { target: namesBoard(board) ? board.name : "target.json" }),
    ...(imgsz && { imgsz: `${imgsz.height}x${imgsz.width}` }),
    ...others,
    ...(noTimeLimit && { timeLimit: false }),
    ...{ maxRam: maxRamBytes, maxFlash: maxFlashBytes, maxEnergy: maxEnergyMj },
    ...(board && options.programRequest),
    weights,
    recipe,
    valEvery,
    ...(plots === false && { plots }),
    ...(qat && { qat }),
    ...{ dataFormat, only, skipBad, pixelRange },
    ...options.more,
  });
}
