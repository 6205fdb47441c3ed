/** Compares runs: the figures of each, its recipe, and its network's cost on a board. */

import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { inspectNetwork } from "@phinets/core/cost";
import { figuresOf } from "@phinets/core/learning";
import { classNames, networkTitle } from "@phinets/core/networks";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { readJson } from "../host/document.js";
import type { ComparedRun, Comparison } from "../report/compare.js";
import { loadArguments, wasTrained } from "../run/arguments.js";
import { findRunFolder } from "../run/folder.js";
import { loadNetwork } from "../run/load.js";
import { type ResultsRow, readResults } from "../run/save.js";
import { targetOf } from "../target/target.js";
import { readLock } from "./run-lock.js";

/**
 * Reads the run folders. `target`: the board for all costs; default: each run's own. Throws PhinetsError `compare.run`
 * for a folder that is not a run, `compare.task` where detectors and classifiers are mixed.
 */
export function compareRuns(paths: readonly string[], target?: string): Comparison {
  const folders = paths.map(folderOf);
  const runs = folders.map((folder, i) => readRun(folder, targetOf(folder, target), shortNames(folders)[i]));
  const [first] = runs;
  const other = runs.find(({ task }) => task !== first.task);
  if (other !== undefined)
    throw new PhinetsError(
      "compare.task",
      `${first.folder} is to ${first.task}, ${other.folder} to ${other.task}: their figures do not compare; name runs of one kind`,
      other.folder,
    );
  const data = new Set(runs.map((run) => run.dataSha256));
  return { runs, sameData: data.has(undefined) ? undefined : data.size === 1 };
}

function folderOf(path: string): string {
  try {
    return findRunFolder(path);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    throw new PhinetsError(
      "compare.run",
      `${path}: no run is here; name run folders, runs/detect/train for example`,
      path,
    );
  }
}

/** The shortest last part of each path that distinguishes the runs. */
function shortNames(folders: readonly string[]): string[] {
  const whole = folders.map((folder) => resolve(folder));
  const last = whole.map((folder) => basename(folder));
  if (new Set(last).size === last.length) return last;
  return whole.map((folder) => join(basename(dirname(folder)), basename(folder)));
}

function readRun(folder: string, board: Board, name: string): ComparedRun {
  const network = loadNetwork(join(folder, "network.json"));
  const { parameters, macs, target } = inspectNetwork(network, { board });
  const { flashBytes, ramBytes, latencyMs, energyMj } = target!;
  const task = network.head.kind === "classifier" ? "classify" : "detect";
  const rows = readResults(folder);
  const lock = existsSync(join(folder, "run.lock")) ? readLock(join(folder, "run.lock")) : undefined;
  return {
    ...{ folder, name, task, rows },
    classes: classNames(network.head),
    dataSha256: lock?.data.sha256,
    recipe: lock?.recipe ?? (wasTrained(folder) ? loadArguments(folder).recipe : undefined),
    best: bestOf(rows, task === "detect" ? "AP50" : "top1"),
    shipped: shippedOf(folder),
    network: { name: networkTitle(network), input: network.input },
    costs: { board: board.name, boardTitle: board.title, parameters, macs, flashBytes, ramBytes, latencyMs, energyMj },
  };
}

/** The first row with the best figure; undefined where nothing was validated. */
function bestOf(rows: readonly ResultsRow[], figure: string): ResultsRow | undefined {
  let best: ResultsRow | undefined;
  for (const row of rows) if (row[figure] >= 0 && !(best !== undefined && best[figure] >= row[figure])) best = row;
  return best;
}

/** Test figures of a shipped run; undefined where it was not shipped. */
function shippedOf(folder: string): ComparedRun["shipped"] {
  const file = join(folder, "ship.json");
  if (!existsSync(file)) return undefined;
  const fail = (problem: string) => new PhinetsError("compare.ship", `${file}: ${problem}; ship the run again`, file);
  const { evaluation } = readJson(file, { code: "compare.ship", remedy: "ship the run again" }) as {
    evaluation?: { split?: string } & Partial<Record<"float" | "int8", Parameters<typeof figuresOf>[0]>>;
  };
  if (evaluation?.float === undefined || evaluation.int8 === undefined || typeof evaluation.split !== "string")
    throw fail("holds no figures, as phinets ship writes them");
  const { split, float, int8 } = evaluation;
  return { split, images: float.images, float: figuresOf(float), int8: figuresOf(int8) };
}
