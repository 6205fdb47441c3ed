/** Sweeps below the opened folder and in the folder of all runs. */
import type { Leaderboard } from "@phinets/core/sweep";

export interface SweepEntry {
  /** Name of its place. */
  readonly id: string;
  readonly running: boolean;
  /** It has come to its end at least once. */
  readonly done: boolean;
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
