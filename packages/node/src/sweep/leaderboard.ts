/** The result of a sweep as a table: a function of its file and data alone, whatever machine, slots or interruptions. */
import type { Setting } from "@phinets/core/sweep";
import { csvLine } from "../text/csv.js";
import type { LeftOutSetting, TrialCost } from "./trial.js";

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

/** leaderboard.csv. */
export function leaderboardCsv({ rows, leftOut }: Leaderboard): string {
  const options = [...new Set([...rows, ...leftOut].flatMap(({ setting }) => Object.keys(setting)))];
  const figures = [...new Set(rows.flatMap(({ figures }) => Object.keys(figures)))];
  const head = [
    ...["rank", "target", ...options, "seeds", "epochs", "score", ...figures],
    ...["parameters", "macs", "ramBytes", "flashBytes", "latencyMsLow", "latencyMsHigh", "energyMj"],
    ...["runs", "weightsSha256", "note"],
  ];
  const lines = rows.map(
    ({ setting, target, seeds, epochs, score, figures: found, cost, runs, weightsSha256, failed }, i) => {
      const { parameters, macs, ramBytes, flashBytes, latencyMs, energyMj } = cost;
      return csvLine([
        ...[i + 1, target, ...options.map((name) => setting[name]), seeds.join(" "), epochs, shown(score)],
        ...figures.map((name) => shown(found[name])),
        ...[parameters, macs, ramBytes, flashBytes, shown(latencyMs?.[0]), shown(latencyMs?.[1]), shown(energyMj)],
        ...[runs.join(" "), weightsSha256?.join(" "), failed],
      ]);
    },
  );
  const empty = head.length - options.length - 3;
  const out = leftOut.map(({ setting, target, reason }) =>
    csvLine([
      "",
      target,
      ...options.map((name) => setting[name]),
      ...Array<string>(empty).fill(""),
      `left out: ${reason}`,
    ]),
  );
  return `${[csvLine(head), ...lines, ...out].join("\n")}\n`;
}

/** Seven digits, as results.csv has. */
const shown = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Number(value.toPrecision(7));
