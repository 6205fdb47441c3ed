/**
 * A sweep as Optuna's journal storage (JournalFileBackend), which optuna-dashboard opens: one line of JSON per
 * operation. It holds a study, and a trial for each setting: complete where it was trained to its end, pruned where it
 * was dropped, failed where it diverged. Settings that exceeded a limit have no trial.
 */
import { join } from "node:path";
import {
  type Dimension,
  isRange,
  type Leaderboard,
  type LeaderboardRow,
  type Setting,
  type SettingValue,
} from "@phinets/core/sweep";
import { writeFileAtomic } from "../host/atomic.js";
import { type ResultsRow, readResults } from "../run/save.js";

/** Operation codes of Optuna's journal. */
const operations = { createStudy: 0, createTrial: 4 } as const;
const maximize = 2;
const states = { complete: 1, pruned: 2, failed: 3 } as const;
const worker = "phinets";

interface Distribution {
  /** The distribution as Optuna serialises it. */
  readonly json: string;
  /** Optuna's internal number for a value. */
  of(value: SettingValue): number;
}

/** Writes optuna.log of a finished sweep into its folder; returns its path. */
export function writeOptuna(
  folder: string,
  board: Leaderboard,
  { name, space, now }: { readonly name: string; readonly space: readonly Dimension[]; readonly now: Date },
): string {
  const path = join(folder, "optuna.log");
  const { rows } = board;
  const settings = rows.map(
    ({ setting, target }): Setting => (target === undefined ? setting : { target, ...setting }),
  );
  const names = [...new Set(settings.flatMap((setting) => Object.keys(setting)))];
  const distributions = new Map(
    names.map((name) => {
      const values = settings.map((setting) => setting[name]).filter((value) => value !== undefined);
      return [
        name,
        distributionOf(
          values,
          space.find((dimension) => dimension.name === name),
        ),
      ];
    }),
  );
  const study = { op_code: operations.createStudy, worker_id: worker, study_name: name, directions: [maximize] };
  const longest = rows.reduce((most, { epochs }) => Math.max(most, epochs), 0);
  // The times of training are not recorded; every trial gets this one.
  const time = now.toISOString().replace("Z", "+00:00");
  const trials = rows.map((row, i) => {
    const entries = Object.entries(settings[i]);
    return {
      ...{
        op_code: operations.createTrial,
        worker_id: worker,
        study_id: 0,
        datetime_start: time,
        datetime_complete: time,
      },
      state: row.score === undefined ? states.failed : row.epochs < longest ? states.pruned : states.complete,
      ...{ value: null, values: row.score === undefined ? null : [row.score] },
      distributions: Object.fromEntries(entries.map(([name]) => [name, distributions.get(name)!.json])),
      params: Object.fromEntries(entries.map(([name, value]) => [name, distributions.get(name)!.of(value)])),
      user_attrs: { epochs: row.epochs, ...row.cost, runs: row.runs },
      system_attrs: {},
      intermediate_values: curveOf(row, folder, board.objective.replace(" int8", "")),
    };
  });
  writeFileAtomic(path, [study, ...trials].map((line) => `${JSON.stringify(line)}\n`).join(""));
  return path;
}

/** A range as given in the sweep's file; for a list, the values that occur. */
function distributionOf(values: readonly SettingValue[], dimension: Dimension | undefined): Distribution {
  if (dimension === undefined || !isRange(dimension)) {
    const choices = [...new Set(values)];
    return { json: json("CategoricalDistribution", { choices }), of: (value) => choices.indexOf(value) };
  }
  const { min: low, max: high } = dimension;
  const log = dimension.scale === "log";
  const whole = [low, high, ...values].every(Number.isInteger);
  return {
    json: whole
      ? json("IntDistribution", { log, step: 1, low, high })
      : json("FloatDistribution", { step: null, low, high, log }),
    of: Number,
  };
}

const json = (name: string, attributes: object): string => JSON.stringify({ name, attributes });

/** The figure by epoch, averaged over the seeds. */
function curveOf({ runs, epochs }: LeaderboardRow, folder: string, figure: string): Record<string, number> {
  const curves = runs.map((run) => new Map(readResults(join(folder, run)).map((row) => [row.epoch, row])));
  const known = [...(curves[0] ?? new Map<number, ResultsRow>()).keys()].filter(
    (epoch) => epoch <= epochs && curves.every((curve) => curve.get(epoch)?.[figure] !== undefined),
  );
  const mean = (epoch: number): number =>
    curves.reduce((sum, curve) => sum + curve.get(epoch)![figure], 0) / curves.length;
  return Object.fromEntries(known.map((epoch) => [epoch, mean(epoch)]));
}
