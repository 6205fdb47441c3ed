/** What a sweep found: the settings it trained, best first, and those it did not start. */
import type { Setting } from "./space.js";

/** As planned; without a board only the first two are known. */
export interface TrialCost {
  readonly parameters: number;
  readonly macs: number;
  readonly ramBytes?: number;
  readonly flashBytes?: number;
  readonly latencyMs?: readonly [low: number, high: number];
  readonly energyMj?: number;
}

/** A setting that is not trained, and why. */
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
  /** Trained in all. */
  readonly epochs: number;
  /** Mean over the seeds of what is ranked; absent where a training failed. */
  readonly score?: number;
  /** After the first rung, up to which all are trained alike. */
  readonly firstScore?: number;
  /** Means over the seeds, of the epoch that is best by AP50 or top-1. */
  readonly figures: Readonly<Record<string, number>>;
  readonly cost: TrialCost;
  /** Run folders, as they lie in the sweep's, by seed. */
  readonly runs: readonly string[];
  /** Of the weights that are deployed, by seed; of trials that trained all their epochs. */
  readonly weightsSha256?: readonly string[];
  readonly failed?: string;
}

export interface Leaderboard {
  /** "AP50", or "AP50 int8". */
  readonly objective: string;
  /** Best first: who was trained longest, then by score. */
  readonly rows: readonly LeaderboardRow[];
  readonly leftOut: readonly LeftOutSetting[];
}

/** Of equal ones the earlier in `rows` stays first. */
export function ranked(rows: readonly LeaderboardRow[]): LeaderboardRow[] {
  const score = ({ score }: LeaderboardRow) => score ?? Number.NEGATIVE_INFINITY;
  const better = (a: LeaderboardRow, b: LeaderboardRow): number => {
    const [first, second] = [score(a), score(b)];
    return b.epochs - a.epochs || (first === second ? 0 : second - first);
  };
  return [...rows].sort(better);
}
