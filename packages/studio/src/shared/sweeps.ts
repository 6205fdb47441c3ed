/** Sweeps below the opened folder and in the folder of all runs. */
import type { Leaderboard } from "@phinets/core/sweep";
import { commandPath, joinPath, parsePlace, placeId } from "./places.js";
import type { Session } from "./session.js";

export interface SweepEntry {
  /** Name of its place. */
  readonly id: string;
  readonly running: boolean;
  /** It has come to its end at least once. */
  readonly done: boolean;
  /** Its sweep.yaml is kept beside the runs, so that `sweepWords` go on with it. */
  readonly canResume: boolean;
}

/** What a page asks for: the text of a sweep.yaml, and the name under which it and its folder are kept. */
export interface SweepForm {
  readonly name: string;
  readonly text: string;
}

/** What a page needs for the first text. */
export interface SweepDraft {
  /** The opened folder as a sweep.yaml beside the runs names it. */
  readonly folder: string;
}

/** What is wrong with a text; lines and columns are counted from 1. */
export interface SweepProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** What a command says of a file, as "runs/sweeps/first.yaml:3:7: lr is ...". Undefined where it names no place. */
export function problemAt(message: string): SweepProblem | undefined {
  const [, line, column, said] = /^[^\n]*?\.yaml:(\d+):(\d+): (.*)$/s.exec(message) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column), message: said };
}

/** Folder of the sweep.yaml files that the page wrote. */
export const sweepFiles = (project: string): string => joinPath(project, "sweeps");
/** Where a sweep of the page's is, by its name. */
export const sweepOf = (name: string): string => placeId("project", `sweep/${name}`);

/** Name of a sweep that `sweepOf` may have named; undefined for one that lies elsewhere. */
export function nameOfSweep(id: string): string | undefined {
  const { root, within = "" } = parsePlace(id) ?? {};
  return root === "project" ? /^sweep\/([^/]+)$/.exec(within)?.[1] : undefined;
}

/** The command that begins or goes on with a sweep. */
export function sweepWords(name: string, where: Pick<Session, "path" | "project">): string[] {
  const file = `${sweepFiles(where.project)}/${name}.yaml`;
  // The command's own place for it.
  const out = where.project === "runs" ? [] : ["--out", commandPath(sweepOf(name), where)];
  return ["phinets", "sweep", file, ...out];
}

/** One figure by epoch, of one run. */
export interface SweepCurve {
  /** Run folder within the sweep's. */
  readonly run: string;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

export interface SweepDocument extends SweepEntry {
  /** The leaderboard; while the first one is on its way, what is known so far. */
  readonly board: Leaderboard;
  /** The board is made of what is done so far. */
  readonly partial: boolean;
  readonly curves: readonly SweepCurve[];
  readonly hasPage: boolean;
}

/** A run beside others, as `phinets compare` sets them. */
export interface ComparedRow {
  /** Name of its place. */
  readonly id: string;
  readonly name: string;
  readonly figures: Readonly<Record<string, number>>;
  readonly epoch?: number;
  readonly board: string;
  readonly parameters: number;
  readonly macs: number;
  readonly flashBytes: number;
  readonly ramBytes: number;
  readonly latencyMs: readonly [low: number, high: number];
  readonly curve: SweepCurve;
}

export interface ComparedRuns {
  readonly rows: readonly ComparedRow[];
  /** Options of the recipes that differ, a value a run. */
  readonly differences: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** What speaks against comparing. */
  readonly warning?: string;
}
