/** Runs a sweep: keeps as many trials in training as its trainer accepts, and records each result. */
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
import { lengthOf, pieceOf } from "./plan.js";
import { pool } from "./pool.js";
import { EpochProgress } from "./progress.js";
import { leaderboardOf, trialsOfLast } from "./results.js";
import { type Bracket, type Job, Schedule } from "./schedule.js";
import { NotNeeded, type Trainer } from "./trainer.js";
import type { Trial } from "./trial.js";
import { sweepDocument } from "./winner.js";

export interface SweepRequest {
  /** The sweep's folder, which exists: journal, runs, leaderboard.csv, sweep.html. */
  readonly folder: string;
  /** Name for titles. */
  readonly name: string;
  readonly brackets: readonly Bracket[];
  readonly leftOut: readonly LeftOutSetting[];
  readonly objective: Objective;
  readonly on: "float" | "int8";
  /** The caller closes it. */
  readonly trainer: Trainer;
  /** Also train settings that are likely to go on, before it is certain. Changes no result. Default false. */
  readonly speculate?: boolean;
  readonly observer?: SweepObserver;
}

export interface SweepResult extends Leaderboard {
  readonly folder: string;
  readonly leaderboard: string;
  readonly report: string;
  /** Epochs that this call trained in rungs that count; rungs in the journal are not trained again. */
  readonly trainedEpochs: number;
  /** Further epochs that it trained for settings that were likely to go on and did not. */
  readonly speculatedEpochs: number;
}

/** @throws PhinetsError `sweep.trial` where training a trial fails; a second call resumes the sweep */
export function runSweep(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  return withRunLock(request.folder, "sweeping", () => sweepLocked(request, context));
}

async function sweepLocked(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  const { folder, objective, trainer, brackets } = request;
  const slots = () => trainer.slots;
  const onSlots = trainer.onSlots?.bind(trainer);
  const { signal } = context;
  const journal = new Journal(folder);
  const progress = new EpochProgress(brackets, journal);
  const schedules = schedulesOf(request, journal, progress);
  const decided = new AbortController();
  progress.start(context);
  try {
    await pool({
      ...{ slots, onSlots, signal, enough: decided.signal, next: () => takeLongest(schedules) },
      act: async ({ schedule, job }, how) => {
        let reached = 0;
        try {
          await trainJob(job, schedule.bracket, { ...how, request, journal, progress });
          reached = job.until;
        } finally {
          // Several brackets may share a training.
          for (const each of schedules) each.end(job, reached);
        }
        if (schedules.every((each) => each.decided)) decided.abort(new NotNeeded());
      },
    });
    if (request.on === "int8") {
      const finalists = trialsOfLast(schedules).filter(
        (trial) => journal.find({ trial: trial.hash, epochs: trial.recipe.epochs, int8: true }) === undefined,
      );
      await pool({
        ...{ slots, onSlots, signal, next: () => finalists.pop() },
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
  const epochs = { trainedEpochs: progress.trained, speculatedEpochs: progress.speculated };
  // Epochs that were trained speculatively are not part of the results.
  const curves = board.rows
    .slice(0, drawnCurves)
    .map(({ runs, epochs }) => runs.map((run) => readResults(join(folder, run)).filter((row) => row.epoch <= epochs)));
  const figure = objective === "top1" ? "top1" : "AP50";
  writeFileAtomic(report, renderSweep({ name, folder, board, brackets, curves, figure }));
  return { ...board, folder, leaderboard, report, ...epochs };
}

/** The next job with the most work remaining, among the next jobs of all brackets. */
function takeLongest(schedules: readonly Schedule[]): { schedule: Schedule; job: Job } | undefined {
  let [longest, ahead] = [schedules[0] as Schedule | undefined, Number.NEGATIVE_INFINITY];
  for (const schedule of schedules) {
    const next = schedule.ahead;
    if (next !== undefined && next > ahead) [longest, ahead] = [schedule, next];
  }
  const job = longest?.take();
  return longest && job && { schedule: longest, job };
}

function schedulesOf(
  { brackets, objective, observer, speculate, trainer: { inPieces } }: SweepRequest,
  journal: Journal,
  progress: EpochProgress,
): Schedule[] {
  const scoreOf = (trial: Trial, epochs: number): number | undefined => {
    const done = journal.find({ trial: trial.hash, epochs: lengthOf(trial, epochs) });
    return done && (done.figures?.[objective] ?? Number.NEGATIVE_INFINITY);
  };
  const running = new Set<string>();
  return brackets.map((bracket) => {
    const { settings, rungs } = bracket;
    return new Schedule(bracket, {
      ...{ running, scoreOf, speculate, piece: inPieces ? pieceOf(bracket) : undefined },
      onCertain({ place, rung }) {
        for (const trial of settings[place].trials) progress.ask(trial, lengthOf(trial, rungs[rung].epochs));
      },
      onScore({ place, rung, score }) {
        const { setting, target, trials } = settings[place];
        observer?.scored?.({ setting, target, epochs: lengthOf(trials[0], rungs[rung].epochs), score });
      },
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
  { place, trial, epochs, until }: Job,
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
    const outcome = await trainer.train({ trial, epochs: until }, { signal, onEpoch });
    progress.update(trial, "failed" in outcome ? length : until);
    // A failed training never reaches the end of its rung.
    if (until === length || "failed" in outcome) await journal.add({ trial: trial.hash, epochs: length, ...outcome });
  } finally {
    observer?.working?.(slot, undefined);
  }
}

async function quantizeTrial(trial: Trial, { request, journal, signal }: Doing): Promise<void> {
  const { epochs } = trial.recipe;
  // A failed training has no weights to quantise.
  if (journal.find({ trial: trial.hash, epochs })?.figures === undefined) return;
  const figures = await request.trainer.quantize(trial, { signal });
  await journal.add({ trial: trial.hash, epochs, figures, int8: true });
}
