/** Runs a sweep: as many trials side by side as its trainer takes, and what is known after each is kept. */
import { join, relative } from "node:path";
import {
  type Leaderboard,
  type LeaderboardRow,
  type LeftOutSetting,
  type Rung,
  ranked,
  rungsOf,
} from "@phinets/core/sweep";
import { PhinetsError } from "@phinets/core/tensor";
import { writeFileAtomic } from "../host/atomic.js";
import { renderSweep } from "../report/sweep.js";
import { withRunLock } from "../run/lock.js";
import { readResults } from "../run/save.js";
import type { StepContext } from "../steps/context.js";
import type { Objective } from "./file.js";
import { Journal } from "./journal.js";
import { leaderboardCsv } from "./leaderboard.js";
import { type Bracket, type Job, Schedule } from "./schedule.js";
import type { Trainer } from "./trainer.js";
import { type SweepSetting, type Trial, trialFolder } from "./trial.js";
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
}

export interface SweepResult extends Leaderboard {
  readonly folder: string;
  readonly leaderboard: string;
  readonly report: string;
  /** Epochs that this call trained: those of rungs that the journal has are not trained again. */
  readonly trainedEpochs: number;
}

/** A bracket a board: what is too large for a small one does not drop what is best there. */
export function planBrackets(settings: readonly SweepSetting[], plan: Parameters<typeof planRungs>[1]): Bracket[] {
  const boards = [...new Set(settings.map(({ target }) => target))];
  return boards.map((board) => {
    const own = settings.filter(({ target }) => target === board);
    return { settings: own, rungs: planRungs(own, plan) };
  });
}

/** One rung of all epochs, or successive halving. */
function planRungs(
  settings: readonly SweepSetting[],
  {
    search,
    reduction,
    firstEpochs,
  }: { readonly search: string; readonly reduction: number; readonly firstEpochs: number },
): Rung[] {
  const all = settings.flatMap(({ trials }) => trials.map(({ recipe }) => recipe.epochs));
  const epochs = Math.max(...all);
  if (search !== "asha") return [{ epochs, settings: settings.length }];
  if (all.some((each) => each !== epochs))
    throw new PhinetsError(
      "sweep.epochs",
      "epochs differs between settings; with search: asha all are to train as long: name epochs beside space",
    );
  const rungs = rungsOf({ settings: settings.length, epochs, reduction, firstEpochs });
  for (const { trials } of settings)
    for (const { valEvery = 1 } of trials)
      if (valEvery < 1 || rungs.some((rung) => rung.epochs % valEvery !== 0 && rung.epochs !== epochs))
        throw new PhinetsError(
          "sweep.valEvery",
          `valEvery is ${valEvery}; after ${rungs.map((rung) => rung.epochs).join(", ")} epochs settings are compared: leave it out`,
        );
  return rungs;
}

/** @throws PhinetsError `sweep.trial` where what trains a trial fails; run again, the sweep goes on */
export function runSweep(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  return withRunLock(request.folder, "sweeping", () => sweepLocked(request, context));
}

async function sweepLocked(request: SweepRequest, context: StepContext): Promise<SweepResult> {
  const { folder, objective, trainer } = request;
  const { slots } = trainer;
  const journal = new Journal(folder);
  const scoreOf = (trial: Trial, epochs: number): number | undefined => {
    const done = journal.find({ trial: trial.hash, epochs: lengthOf(trial, epochs) });
    return done && (done.figures?.[objective] ?? Number.NEGATIVE_INFINITY);
  };
  const running = new Set<string>();
  const schedules = request.brackets.map((bracket) => new Schedule(bracket, running, scoreOf));
  const takeOne = (): { schedule: Schedule; job: Job } | undefined => {
    for (const schedule of schedules) {
      const job = schedule.take();
      if (job !== undefined) return { schedule, job };
    }
    return undefined;
  };
  const progress = new EpochProgress(request, journal, context);
  try {
    await pool({
      slots,
      signal: context.signal,
      next: takeOne,
      act: async ({ schedule, job }, signal) => {
        try {
          await trainJob(job, { trainer, journal, progress, signal });
        } finally {
          schedule.end(job);
        }
      },
    });
    if (request.on === "int8") {
      const finalists = trialsOfLast(schedules).filter(
        (trial) => journal.find({ trial: trial.hash, epochs: trial.recipe.epochs, int8: true }) === undefined,
      );
      await pool({
        slots,
        signal: context.signal,
        next: () => finalists.shift(),
        act: (trial, signal) => quantizeTrial(trial, { trainer, journal, signal }),
      });
    }
  } finally {
    progress.stop();
  }
  const board = leaderboardOf(request, schedules, journal);
  const [leaderboard, report] = [join(folder, "leaderboard.csv"), join(folder, "sweep.html")];
  writeFileAtomic(leaderboard, leaderboardCsv(board));
  writeFileAtomic(sweepDocument(folder), `${JSON.stringify(board, undefined, 1)}\n`);
  const { name, brackets } = request;
  const curves = board.rows.map(({ runs }) => runs.map((run) => readResults(join(folder, run))));
  writeFileAtomic(report, renderSweep({ name, folder, board, brackets, curves, figure: headlineOf(request) }));
  return { ...board, folder, leaderboard, report, trainedEpochs: progress.trained };
}

/** A trial whose recipe is shorter than the rung (a grid over epochs) is trained as long as it says. */
const lengthOf = ({ recipe }: Trial, epochs: number): number => Math.min(epochs, recipe.epochs);

/** The figure that the best epoch is chosen by. */
const headlineOf = ({ objective }: Pick<SweepRequest, "objective">): "AP50" | "top1" =>
  objective === "top1" ? "top1" : "AP50";

/** Does what `next` gives, so many side by side. The first that fails ends the others, and is thrown when they have ended. */
async function pool<T>({
  slots,
  signal,
  next,
  act,
}: {
  readonly slots: number;
  readonly signal: AbortSignal;
  readonly next: () => T | undefined;
  readonly act: (job: T, signal: AbortSignal) => Promise<void>;
}): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const working = new Set<Promise<void>>();
  let first: { readonly error: unknown } | undefined;
  while (!either.aborted) {
    const job = working.size < slots ? next() : undefined;
    if (job !== undefined) {
      const work = act(job, either)
        .catch((error) => {
          first ??= { error };
          failed.abort();
        })
        .finally(() => working.delete(work));
      working.add(work);
    } else if (working.size > 0) await Promise.race(working);
    else break;
  }
  await Promise.all(working);
  signal.throwIfAborted();
  if (first !== undefined) throw first.error;
}

interface Doing {
  readonly trainer: Trainer;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

async function trainJob(
  { trial, epochs }: Job,
  { trainer, journal, progress, signal }: Doing & { readonly progress: EpochProgress },
): Promise<void> {
  const length = lengthOf(trial, epochs);
  const onEpoch = (done: number): void => progress.update(trial, Math.min(done, length));
  const outcome = await trainer.train({ trial, epochs: length }, { signal, onEpoch });
  journal.add({ trial: trial.hash, epochs: length, ...outcome });
  progress.update(trial, length);
}

async function quantizeTrial(trial: Trial, { trainer, journal, signal }: Doing): Promise<void> {
  const { epochs } = trial.recipe;
  // A training that failed has no weights to quantise.
  if (journal.find({ trial: trial.hash, epochs })?.figures === undefined) return;
  const figures = await trainer.quantize(trial, { signal });
  journal.add({ trial: trial.hash, epochs, figures, int8: true });
}

/** Trials of the settings that reached the last rung. */
function trialsOfLast(schedules: readonly Schedule[]): Trial[] {
  const last = schedules.flatMap((schedule) => {
    const { settings, rungs } = schedule.bracket;
    return settings.flatMap(({ trials }, place) => (schedule.lastRung(place) === rungs.length - 1 ? trials : []));
  });
  return [...new Map(last.map((trial) => [trial.hash, trial])).values()];
}

function leaderboardOf(
  { leftOut, objective, on, folder }: SweepRequest,
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

/** Of what all have; of a failed training nothing is known. */
function meansOf(all: readonly (Readonly<Record<string, number>> | undefined)[]): Record<string, number> {
  if (all.some((each) => each === undefined)) return {};
  const names = Object.keys(all[0]!).filter((name) => all.every((each) => each![name] !== undefined));
  return Object.fromEntries(names.map((name) => [name, all.reduce((sum, each) => sum + each![name], 0) / all.length]));
}

/** Epochs of all rungs that will be trained. */
class EpochProgress {
  readonly #bar: ReturnType<StepContext["progress"]>;
  readonly #done = new Map<string, number>();
  readonly #before: number;

  constructor({ brackets }: SweepRequest, journal: Journal, context: StepContext) {
    for (const { settings, rungs } of brackets)
      for (const { epochs } of rungs)
        for (const trial of settings.flatMap(({ trials }) => trials))
          if (journal.find({ trial: trial.hash, epochs: lengthOf(trial, epochs) }) !== undefined)
            this.#done.set(trial.hash, lengthOf(trial, epochs));
    this.#before = this.#sum();
    const total = epochsOf(brackets);
    this.#bar = context.progress({ label: "sweep", total, from: this.#before, unit: "epochs", lineEvery: 0.02 });
    this.#bar.update(this.#before);
  }

  update({ hash }: Trial, epochs: number): void {
    this.#done.set(hash, Math.max(epochs, this.#done.get(hash) ?? 0));
    this.#bar.update(this.#sum());
  }

  /** Epochs that were trained since this began. */
  get trained(): number {
    return this.#sum() - this.#before;
  }

  stop(): void {
    this.#bar.stop();
  }

  #sum(): number {
    return [...this.#done.values()].reduce((sum, epochs) => sum + epochs, 0);
  }
}

/** Epochs that all rungs together train; brackets of the same trainings (a network that is given, two boards) count once. */
export function epochsOf(brackets: readonly Bracket[]): number {
  const counted = new Set<string>();
  let sum = 0;
  for (const { settings, rungs } of brackets) {
    const all = settings.flatMap(({ trials }) => trials);
    const key = all.map(({ hash }) => hash).join();
    if (counted.has(key)) continue;
    counted.add(key);
    let before = 0;
    for (const { epochs, settings: taking } of rungs) {
      // One rung trains each as long as it says.
      if (rungs.length === 1) for (const trial of all) sum += lengthOf(trial, epochs);
      else sum += taking * settings[0].trials.length * (epochs - before);
      before = epochs;
    }
  }
  return sum;
}
