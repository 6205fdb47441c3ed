/** Computes a sweep's leaderboard from the journal, once nothing is left to train. */
import { relative } from "node:path";
import { type Leaderboard, type LeaderboardRow, ranked } from "@phinets/core/sweep";
import type { Journal } from "./journal.js";
import { lengthOf } from "./plan.js";
import type { Schedule } from "./schedule.js";
import type { SweepRequest } from "./sweep.js";
import { type Trial, trialFolder } from "./trial.js";

/** Trials of the settings that reached the last rung. */
export function trialsOfLast(schedules: readonly Schedule[]): Trial[] {
  const last = schedules.flatMap((schedule) => {
    const { settings, rungs } = schedule.bracket;
    return settings.flatMap(({ trials }, place) => (schedule.lastRung(place) === rungs.length - 1 ? trials : []));
  });
  return [...new Map(last.map((trial) => [trial.hash, trial])).values()];
}

export function leaderboardOf(
  { leftOut, objective, on, folder }: Pick<SweepRequest, "leftOut" | "objective" | "on" | "folder">,
  schedules: readonly Schedule[],
  journal: Journal,
): Leaderboard {
  const rowOf = (schedule: Schedule, place: number): LeaderboardRow => {
    const { settings, rungs } = schedule.bracket;
    const { setting, target, trials, cost } = settings[place];
    const rung = Math.max(0, schedule.lastRung(place));
    const epochs = lengthOf(trials[0], rungs[rung].epochs);
    const done = trials.map((trial) => journal.find({ trial: trial.hash, epochs })!);
    const int8 = trials.map((trial) => journal.find({ trial: trial.hash, epochs, int8: true }));
    const figures = meansOf(done.map((each) => each.figures));
    const rounded = Object.entries(meansOf(int8.map((each) => each?.figures))).map(([name, value]) => [
      `${name} int8`,
      value,
    ]);
    const hashes = done.map(({ weightsSha256 }) => weightsSha256);
    const all = { ...figures, ...Object.fromEntries(rounded) };
    return {
      ...{ setting, target, cost, epochs },
      seeds: trials.map(({ seed }) => seed),
      score: on === "int8" && rung === rungs.length - 1 ? all[`${objective} int8`] : all[objective],
      figures: all,
      runs: trials.map((trial) => relative(folder, trialFolder(folder, trial)).replaceAll("\\", "/")),
      ...(hashes.every((hash) => hash !== undefined) && { weightsSha256: hashes }),
      firstScore: schedule.score(place, 0),
      failed: done.find((each) => each.failed !== undefined)?.failed,
    };
  };
  const rows = schedules.flatMap((schedule) => schedule.bracket.settings.map((_, place) => rowOf(schedule, place)));
  return { objective: on === "int8" ? `${objective} int8` : objective, rows: ranked(rows), leftOut };
}

/** Means of the figures that all entries have; none where a training failed. */
function meansOf(all: readonly (Readonly<Record<string, number>> | undefined)[]): Record<string, number> {
  if (all.some((each) => each === undefined)) return {};
  const names = Object.keys(all[0]!).filter((name) => all.every((each) => each![name] !== undefined));
  return Object.fromEntries(names.map((name) => [name, all.reduce((sum, each) => sum + each![name], 0) / all.length]));
}
