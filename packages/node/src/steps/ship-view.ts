/** A read-only view of a shipped run: its steps, the process that works in it, and the results. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { drawMemory } from "@phinets/core/cost";
import type { ProgramRequest } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { z } from "zod";
import { problemOf, readJson } from "../host/document.js";
import { loadNetwork } from "../run/load.js";
import { runHolder } from "../run/lock.js";
import { readOptionFile } from "../run/option-file.js";
import { targetOf } from "../target/target.js";
import { readShipState, type SavedShipState, type StepState, stateName } from "./ship-state.js";
import { hasStepLog, logName, readStepSeconds } from "./step-log.js";

const figures = z.object({
  task: z.enum(["detect", "classify"]),
  images: z.number(),
  ...Object.fromEntries(
    ["AP50", "AP", "precision", "recall", "f1", "top1", "top5"].map((name) => [name, z.number().nullish()]),
  ),
});

const leftOut = z.object({ leftOut: z.string() });

/** The fields of ship.json that are shown. */
const shipped = z.object({
  target: z.string(),
  data: z.string(),
  network: z.object({
    parameters: z.number(),
    macs: z.number(),
    latencyMs: z.tuple([z.number(), z.number()]),
  }),
  evaluation: z.object({ split: z.string(), float: figures, int8: figures, firmware: figures.optional() }),
  emulate: z.union([
    leftOut,
    z.object({
      machine: z.string(),
      images: z.number(),
      matchesInterpreter: z.boolean(),
      differingBytes: z.number(),
      instructions: z.number(),
      flashBytes: z.number(),
      arenaBytes: z.number(),
      target: z.object({ name: z.string(), fits: z.boolean() }),
    }),
  ]),
  track: z
    .object({
      frames: z.number(),
      tracks: z.number(),
      clip: z.string(),
      firmware: z.union([leftOut, z.object({ frames: z.number(), tracksMatch: z.boolean() })]).optional(),
    })
    .optional(),
  artefacts: z.array(z.object({ file: z.string(), bytes: z.number(), sha256: z.string() })),
});

export type ShippedFigures = z.infer<typeof shipped>;

export interface ShipStepView {
  readonly name: string;
  /** "kept": taken from an earlier run. */
  readonly state: StepState | "waiting" | "stopped";
  /** Duration when it was last done. */
  readonly seconds?: number;
}

export interface ShipView {
  readonly steps: readonly ShipStepView[];
  /** The process that works in the folder. */
  readonly holder?: { readonly pid: number; readonly work: string };
  /** Progress of the running step. */
  readonly progress?: NonNullable<SavedShipState["progress"]>;
  /** Result of the last complete chain, which may have had other options than the running one. */
  readonly result?: ShippedFigures;
}

/** Whether a folder is a shipped run, complete or not. */
export const isShipped = hasStepLog;

/** The files that a view is read from: when one changes, the view has changed. */
export const shipViewFiles: readonly string[] = [stateName, logName, "ship.json"];

const allSteps = ["fit", "train", "quantize", "export", "evaluate", "firmware", "track", "report"];

/**
 * @throws PhinetsError `ship.json` for an invalid ship.json, `ship.folder` for a folder in which no chain was started
 */
export function readShipView(folder: string): ShipView {
  if (!isShipped(folder))
    throw new PhinetsError("ship.folder", `${folder}: is no shipped run; phinets ship makes one`, folder);
  const holder = runHolder(folder);
  const state = readShipState(folder);
  const seconds = readStepSeconds(folder);
  const result = readShipped(folder);
  const plan = state?.plan ?? allSteps.filter((name) => name in seconds || (name === "report" && result !== undefined));
  const stateOf = (name: string): ShipStepView["state"] => {
    if (state === undefined) return "done";
    const own = state.steps[name] ?? "waiting";
    return own === "running" && holder === undefined ? "stopped" : own;
  };
  return {
    steps: plan.map((name) => ({ name, state: stateOf(name), seconds: seconds[name] })),
    ...(holder && { holder }),
    ...(holder && state?.progress && { progress: state.progress }),
    ...(result && { result }),
  };
}

function readShipped(folder: string): ShippedFigures | undefined {
  const file = join(folder, "ship.json");
  if (!existsSync(file)) return undefined;
  const options = { code: "ship.json", remedy: "ship the run again" };
  const document = readJson(file, options);
  const problem = problemOf(shipped, document);
  if (problem !== undefined) throw new PhinetsError(options.code, `${file}: ${problem}; ${options.remedy}`, file);
  return shipped.parse(document);
}

/**
 * The memory map (arena over time) of a run's network on its board, as SVG; undefined where no network is chosen yet.
 */
export async function shippedMemory(folder: string): Promise<string | undefined> {
  const file = join(folder, "network.json");
  if (!existsSync(file)) return undefined;
  return drawMemory(loadNetwork(file), targetOf(folder, undefined), undefined, await programRequestOf(folder));
}

const programRequest = z.object({
  optimize: z.enum(["speed", "ram", "least-ram", "flash"]).optional(),
  input: z.enum(["whole", "rows"]).optional(),
});

/** The firmware program's options in a run's args.yaml. */
export async function programRequestOf(folder: string): Promise<ProgramRequest> {
  const file = join(folder, "args.yaml");
  if (!existsSync(file)) return {};
  const entries = await readOptionFile(file);
  const given = Object.fromEntries(
    entries
      .filter(({ key, inRecipe }) => !inRecipe && key in programRequest.shape)
      .map(({ key, value }) => [key, value]),
  );
  const problem = problemOf(programRequest, given);
  if (problem !== undefined) throw new PhinetsError("run.arguments", `${file}: ${problem}; restore it`, file);
  return programRequest.parse(given);
}

/** Minimum score of a box in a run's firmware, read from its header; undefined before there is firmware. */
export function firmwareScoreThreshold(folder: string): number | undefined {
  const header = join(folder, "firmware/model/phinets_model.h");
  if (!existsSync(header)) return undefined;
  const found = /^#define PHINETS_SCORE_THRESHOLD (\S+)$/m.exec(readFileSync(header, "utf8"))?.[1];
  const threshold = Number(found);
  return found !== undefined && threshold >= 0 && threshold <= 1 ? threshold : undefined;
}
