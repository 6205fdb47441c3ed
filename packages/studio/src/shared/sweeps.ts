/** Sweeps below the opened folder and in the folder of all runs: types and command lines. */
import type { Leaderboard } from "@phinets/core/sweep";
import { commandPath, joinPath, parsePlace, placeId } from "./places.js";
import type { Session } from "./session.js";

export interface SweepEntry {
  /** Id of its place. */
  readonly id: string;
  readonly running: boolean;
  /** Whether it was completed at least once. */
  readonly done: boolean;
  /** Whether its sweep.yaml is saved beside the runs, so that `sweepWords` can resume it. */
  readonly canResume: boolean;
}

/** A page's request: the text of a sweep.yaml, and the name for it and its folder. */
export interface SweepForm {
  readonly name: string;
  readonly text: string;
}

/** The data that a page needs to write the first text. */
export interface SweepDraft {
  /** The opened folder, as a sweep.yaml beside the runs names it. */
  readonly folder: string;
}

/** A problem in a text; lines and columns count from 1. */
export interface SweepProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * Parses a command's message about a file, as "runs/sweeps/first.yaml:3:7: lr is ...". Undefined where it names no
 * place.
 */
export function problemAt(message: string): SweepProblem | undefined {
  const [, line, column, said] = /^[^\n]*?\.yaml:(\d+):(\d+): (.*)$/s.exec(message) ?? [];
  return line === undefined ? undefined : { line: Number(line), column: Number(column), message: said };
}

/** Folder of the sweep.yaml files that the page writes. */
export const sweepFiles = (project: string): string => joinPath(project, "sweeps");
/** Id of the place of a page's sweep, by its name. */
export const sweepOf = (name: string): string => placeId("project", `sweep/${name}`);

/** Name of a sweep whose place `sweepOf` gives; undefined for one that lies elsewhere. */
export function nameOfSweep(id: string): string | undefined {
  const { root, within = "" } = parsePlace(id) ?? {};
  return root === "project" ? /^sweep\/([^/]+)$/.exec(within)?.[1] : undefined;
}

/** The command that starts or resumes a sweep. */
export function sweepWords(name: string, where: Pick<Session, "path" | "project">): string[] {
  const file = `${sweepFiles(where.project)}/${name}.yaml`;
  // The command's default folder needs no --out.
  const out = where.project === "runs" ? [] : ["--out", commandPath(sweepOf(name), where)];
  return ["phinets", "sweep", file, ...out];
}

/** One figure of one run, by epoch. */
export interface SweepCurve {
  /** Run folder relative to the sweep's. */
  readonly run: string;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
}

export interface SweepDocument extends SweepEntry {
  /** The leaderboard; while the first one is being computed, a preliminary one. */
  readonly board: Leaderboard;
  /** Whether the board is preliminary. */
  readonly partial: boolean;
  readonly curves: readonly SweepCurve[];
  readonly hasPage: boolean;
}

/** A run in a comparison, as `phinets compare` shows it. */
export interface ComparedRow {
  /** Id of its place. */
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
  /** Options in which the recipes differ, with one value per run. */
  readonly differences: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** Why the comparison may be unfair. */
  readonly warning?: string;
}
