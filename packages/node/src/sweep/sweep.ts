/** Runs a sweep: as many trials side by side as its trainer takes, and what is known after each is kept. */
import { join } from "node:path";
import type { Leaderboard, LeftOutSetting } from "@phinets/core/sweep";
import { writeFileAtomic } from "../host/atomic.js";
import { drawnCurves, renderSweep } from "../report/sweep.js";
import { withRunLock } from "../run/lock.js";
import { readResults } from "../run/save.js";
import type { StepContext } from "../steps/context.js";
import type { Objective } from "./file.js";
import { Journal } from "./journal.js";
import { leaderboardCsv } from "./leaderboard.js";
import type { SweepObserver } from "./observer.js";
import { lengthOf } from "./plan.js";
import { pool } from "./pool.js";
import { EpochProgress } from "./progress.js";
import { leaderboardOf, trialsOfLast } from "./results.js";
import { type Bracket, type Job, Schedule } from "./schedule.js";
import type { Trainer } from "./trainer.js";
import type { Trial } from "./trial.js";
import { sweepDocument } from "./winner.js";

export interface SweepRequest {
  /** The sweep's folder: journal, runs, leaderboard.csv, sweep.html. It exists. */
  readonly folder: string;
  /** For titles. */
  readonly name: string;
  readonly brackets: readonly Bracket[];
  readonly leftOut: readonly LeftOutSetting[];
  readonly objective: Objective;
  readonly on: "float" | "int8";
  /** The caller closes it. */
  readonly trainer: Trainer;
  readonly observer?: SweepObserver;
}

export interface SweepResult extends Leaderboard {
  readonly folder: string;
  readonly leaderboard: string;
  readonly report: string;
  /** Epochs that this call trained: those of rungs that the journal has are not trained again. */
  readonly trainedEpochs: number;
}

/** @throws PhinetsError `sweep.trial` where what trains a trial fails; run again, the sweep goes on */
export function runSweep(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  return withRunLock(request.folder, "sweeping", () => sweepLocked(request, context));
}

async function sweepLocked(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  const { folder, objective, trainer, brackets } = request;
  const { slots } = trainer;
  const { signal } = context;
  const journal = new Journal(folder);
  const schedules = schedulesOf(request, journal);
  const takeOne = (): { schedule: Schedule; job: Job } | undefined => {
    for (const schedule of schedules) {
      const job = schedule.take();
      if (job !== undefined) return { schedule, job };
    }
    return undefined;
  };
  const progress = new EpochProgress(brackets, journal, context);
  try {
    await pool({
      ...{ slots, signal, next: takeOne },
      act: async ({ schedule, job }, how) => {
        try {
          await trainJob(job, schedule.bracket, { ...how, request, journal, progress });
        } finally {
          // A training may be of several brackets.
          for (const each of schedules) each.end(job);
        }
      },
    });
    if (request.on === "int8") {
      const finalists = trialsOfLast(schedules).filter(
        (trial) => journal.find({ trial: trial.hash, epochs: trial.recipe.epochs, int8: true }) === undefined,
      );
      await pool({
        ...{ slots, signal, next: () => finalists.pop() },
        act: (trial, how) => quantizeTrial(trial, { ...how, request, journal }),
      });
    }
  } finally {
    progress.stop();
  }
  const board = leaderboardOf(request, schedules, journal);
  const [leaderboard, report] = [join(folder, "leaderboard.csv"), join(folder, "sweep.html")];
  writeFileAtomic(leaderboard, leaderboardCsv(board));
  writeFileAtomic(sweepDocument(folder), `${JSON.stringify(board, undefined, 1)}\n`);
  const { name } = request;
  const curves = board.rows.slice(0, drawnCurves).map(({ runs }) => runs.map((run) => readResults(join(folder, run))));
  const figure = objective === "top1" ? "top1" : "AP50";
  writeFileAtomic(report, renderSweep({ name, folder, board, brackets, curves, figure }));
  return { ...board, folder, leaderboard, report, trainedEpochs: progress.trained };
}

function schedulesOf({ brackets, objective, observer }: SweepRequest, journal: Journal): Schedule[] {
  const scoreOf = (trial: Trial, epochs: number): number | undefined => {
    const done = journal.find({ trial: trial.hash, epochs: lengthOf(trial, epochs) });
    return done && (done.figures?.[objective] ?? Number.NEGATIVE_INFINITY);
  };
  const running = new Set<string>();
  return brackets.map((bracket) => {
    const { settings, rungs } = bracket;
    return new Schedule(bracket, running, scoreOf, ({ place, rung, score }) => {
      const { setting, target, trials } = settings[place];
      observer?.scored?.({ setting, target, epochs: lengthOf(trials[0], rungs[rung].epochs), score });
    });
  });
}

interface Doing {
  readonly request: SweepRequest;
  readonly journal: Journal;
  readonly slot: number;
  readonly signal: AbortSignal;
}

async function trainJob(
  { place, trial, epochs }: Job,
  { settings }: Bracket,
  { request, journal, progress, slot, signal }: Doing & { readonly progress: EpochProgress },
): Promise<void> {
  const { trainer, observer } = request;
  const { setting, target } = settings[place];
  const length = lengthOf(trial, epochs);
  const onEpoch = (all: number): void => {
    const done = Math.min(all, length);
    progress.update(trial, done);
    observer?.working?.(slot, { setting, target, seed: trial.seed, done, epochs: length });
  };
  try {
    const outcome = await trainer.train({ trial, epochs: length }, { signal, onEpoch });
    await journal.add({ trial: trial.hash, epochs: length, ...outcome });
    progress.update(trial, length);
  } finally {
    observer?.working?.(slot, undefined);
  }
}

async function quantizeTrial(trial: Trial, { request, journal, signal }: Doing): Promise<void> {
  const { epochs } = trial.recipe;
  // A training that failed has no weights to quantise.
  if (journal.find({ trial: trial.hash, epochs })?.figures === undefined) return;
  const figures = await request.trainer.quantize(trial, { signal });
  await journal.add({ trial: trial.hash, epochs, figures, int8: true });
}
