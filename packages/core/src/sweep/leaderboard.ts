/** The results of a sweep: the trained settings, best first, and the settings that were left out. */
import type { Setting } from "./space.js";

/** Planned cost; without a board, only the first two fields are known. */
export interface TrialCost {
  readonly parameters: number;
  readonly macs: number;
  readonly ramBytes?: number;
  readonly flashBytes?: number;
  readonly latencyMs?: readonly [low: number, high: number];
  readonly energyMj?: number;
}

/** A setting that is not trained, and the reason. */
export interface LeftOutSetting {
  readonly setting: Setting;
  readonly target?: string;
  readonly reason: string;
}

export interface LeaderboardRow {
  readonly setting: Setting;
  /** The board's name. */
  readonly target?: string;
  readonly seeds: readonly number[];
  /** Total epochs trained. */
  readonly epochs: number;
  /** Mean over the seeds of the objective; absent if a training run failed. */
  readonly score?: number;
  /** Score after the first rung, where all settings have trained equally long. */
  readonly firstScore?: number;
  /** Means over the seeds, at the epoch with the best AP50 or top-1. */
  readonly figures: Readonly<Record<string, number>>;
  readonly cost: TrialCost;
  /** Run folders by seed, relative to the sweep's folder. */
  readonly runs: readonly string[];
  /** Hash of the deployed weights, by seed, for trials that trained all their epochs. */
  readonly weightsSha256?: readonly string[];
  readonly failed?: string;
}

export interface Leaderboard {
  /** "AP50", or "AP50 int8". */
  readonly objective: string;
  /** Best first: by epochs trained, then by score. */
  readonly rows: readonly LeaderboardRow[];
  readonly leftOut: readonly LeftOutSetting[];
}

/** Sorts rows best first. Equal rows keep their order. */
export function ranked(rows: readonly LeaderboardRow[]): LeaderboardRow[] {
  const score = ({ score }: LeaderboardRow) => score ?? Number.NEGATIVE_INFINITY;
  const better = (a: LeaderboardRow, b: LeaderboardRow): number => {
    const [first, second] = [score(a), score(b)];
    return b.epochs - a.epochs || (first === second ? 0 : second - first);
  };
  return [...rows].sort(better);
}
