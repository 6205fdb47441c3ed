/** args.yaml of a training run: written when it begins, read to resume it. (option-file.ts reads it for --cfg.) */
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

/** Fields that several documents of a training run share. */
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
  /** Task of the data set. Earlier versions did not write it. */
  task: z.enum(["detect", "classify"], "detect or classify").optional(),
  /** Absolute paths. */
  data: paths,
  fraction: fraction.optional(),
  /** Checked by `parseRecipe`. */
  recipe: z.custom<object>((value) => typeof value === "object" && value !== null, "is no recipe"),
  /** Number of epochs between validations; 0: none. */
  valEvery: valEvery.optional(),
  /** false: curves, pictures and report.html are not drawn. */
  plots: z.boolean().default(true),
  /** Format of the data set, where it was given. */
  dataFormat: z.string("the name of a data format").optional(),
  /** Classes to use, where not all are. */
  only: z.array(z.string()).min(1).optional(),
  /** Whether bad rows and pictures are left out. */
  skipBad: z.boolean().default(false),
  /** Lowest and highest value of 16-bit and float pictures, where given. */
  pixelRange: z.object({ low: z.number(), high: z.number() }, "low and high, two numbers,").optional(),
  /** Number of quantisation-aware epochs; true for the default number. */
  qat: z.union([z.literal(true), z.int().positive()], "true or a number of epochs").optional(),
  /** Weights that the run started from. */
  weights: weights.optional(),
});

export type SavedArguments = Omit<z.infer<typeof savedArguments>, "recipe"> & { readonly recipe: Recipe };

/** Whether args.yaml exists and describes a training; imported weights have no recipe. */
export function wasTrained(folder: string): boolean {
  const path = join(folder, "args.yaml");
  // A damaged file counts as trained: `loadArguments` reports it.
  if (!existsSync(path)) return false;
  return !statSync(path).isFile() || !/^import:/m.test(readFileSync(path, "utf8"));
}

/** Throws PhinetsError when the file is missing or does not belong to a training run. */
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
  // Checked before the schema, whose message would be that they are missing.
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

/**
 * The task of an earlier version's file, which does not state it: option ranges are the same for both tasks, except
 * that mixup above 1 is an alpha, which only one task has.
 */
function taskOf({ mixup }: { readonly mixup?: unknown }): "detect" | "classify" {
  return typeof mixup === "number" && mixup > 1 ? "classify" : "detect";
}

export interface RunArguments extends Pick<SavedArguments, "fraction" | "valEvery" | "plots" | "qat" | "weights"> {
  readonly task: "detect" | "classify";
  readonly data: readonly string[];
  readonly recipe: Recipe;
  /** The user gave a network: a run of this file uses the one in the run's folder. */
  readonly namedNetwork: boolean;
  /** The board that the network is solved for or compared with. */
  readonly board?: Board;
  /** Resources of the board that the network may use. */
  readonly limits?: Omit<FitOptions, "board" | "task" | "classes" | keyof ProgramRequest>;
  readonly programRequest?: ProgramRequest;
  readonly loading?: Pick<SavedArguments, "dataFormat" | "pixelRange"> & {
    readonly only?: readonly string[];
  } & { readonly skipBad?: boolean };
  /** Options of one command only, by name. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/**
 * Writes the files that a new run needs: network.json, its board's target.json, and args.yaml last, because it marks
 * the run as resumable.
 */
export function beginRun(folder: string, network: Network, options: RunArguments): void {
  saveNetwork(folder, network);
  if (options.board !== undefined) saveTarget(folder, options.board);
  saveRunArguments(folder, options);
}

/** Writes args.yaml: options by the names that --cfg accepts, with paths absolute or relative to the file. */
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
