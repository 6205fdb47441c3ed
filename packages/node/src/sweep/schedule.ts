/**
 * Decides which rung of which trial is trained next, and what follows from the results so far. Deterministic: equal
 * results give equal decisions, and speculative training changes none of them. Each result is processed once, so the
 * time is linear in the number of settings.
 */
import type { Rung } from "@phinets/core/sweep";
import TinyQueue from "tinyqueue";
import { Likely } from "./likely.js";
import { lengthOf } from "./plan.js";
import { Promotions } from "./promotions.js";
import type { SweepSetting, Trial } from "./trial.js";

export interface Job {
  /** Index of the setting in its bracket. */
  readonly place: number;
  readonly trial: Trial;
  readonly rung: number;
  readonly epochs: number;
  /** Total epochs trained when the job is done: the rung's, or fewer where rungs are split into pieces. */
  readonly until: number;
}

/** Settings that are compared with each other (those of one board), and how many of them are trained for how long. */
export interface Bracket {
  readonly settings: readonly SweepSetting[];
  readonly rungs: readonly Rung[];
}

export interface ScheduleOptions {
  /** Hashes of trials in training, shared with other brackets. */
  readonly running: Set<string>;
  /**
   * A trial's score after `epochs` epochs: larger is better, -Infinity where it failed, undefined where it is not
   * trained yet.
   */
  readonly scoreOf: (trial: Trial, epochs: number) => number | undefined;
  /** Also train settings that are likely to go on, before it is certain. Default false. */
  readonly speculate?: boolean;
  /** Number of epochs after which a job ends and another job continues its rung. Default: one job per rung. */
  readonly piece?: number;
  /** Called for each rung that a setting is certain to take part in. */
  readonly onCertain?: (part: { readonly place: number; readonly rung: number }) => void;
  /** Called when all seeds of a setting in a certain rung have results, also for results that exist at the start. */
  readonly onScore?: (result: { readonly place: number; readonly rung: number; readonly score: number }) => void;
}

/** A setting in the highest rung that it is scheduled for, certain or likely. */
interface Entry {
  readonly place: number;
  readonly rung: number;
  /** Number of its trials without a result. */
  out: number;
}

interface Part {
  readonly entry: Entry;
  /** Index among the setting's trials. */
  readonly seed: number;
  readonly trial: Trial;
  /** Multiply-accumulates times epochs that remain if it is trained to the end of the last rung. */
  readonly ahead: number;
}

/** Longest remaining training first: if it started last, everything would wait for it alone. */
const inOrder = (a: Part, b: Part): number =>
  b.ahead - a.ahead || a.entry.place - b.entry.place || a.seed - b.seed || a.entry.rung - b.entry.rung;

export class Schedule {
  /** The last rung that each setting is certain to take part in, by place. */
  readonly #rungOf: Int32Array;
  readonly #entries: Entry[];
  /** Parts that are not known to be in training. */
  readonly #waiting = new TinyQueue<Part>([], inOrder);
  /** Parts without a result, by trial hash. */
  readonly #partsOf = new Map<string, Part[]>();
  /** Epochs trained so far, by hash, of trials that are part-way through a rung. */
  readonly #reached = new Map<string, number>();
  readonly #promotions: readonly Promotions[];
  readonly #likely: readonly Likely[];
  /** Number of results that decisions depend on. */
  #undecided: number;

  constructor(
    readonly bracket: Bracket,
    readonly options: ScheduleOptions,
  ) {
    const { settings, rungs } = bracket;
    const kept = rungs.map((_, i) => rungs[i + 1]?.settings ?? 0);
    this.#rungOf = new Int32Array(settings.length).fill(-1);
    this.#entries = settings.map((_, place) => ({ place, rung: -1, out: 0 }));
    this.#promotions = rungs.map((rung, i) => new Promotions(rung.settings, kept[i]));
    this.#likely = rungs.map((rung, i) => new Likely(rung.settings, kept[i]));
    this.#undecided = rungs.reduce((sum, rung) => sum + rung.settings, 0);
    for (const place of settings.keys()) this.#promote(place, 0);
  }

  /** Whether all decisions are made: jobs still running are speculative, and nothing depends on them. */
  get decided(): boolean {
    return this.#undecided === 0;
  }

  /** Remaining work of the next job's trial, in multiply-accumulates times epochs; undefined where there is no job. */
  get ahead(): number | undefined {
    return this.#first()?.ahead;
  }

  /** The next job to start; undefined where all scheduled jobs are done or running. */
  take(): Job | undefined {
    const part = this.#first();
    if (part === undefined) return undefined;
    this.#waiting.pop();
    const { entry, trial } = part;
    this.options.running.add(trial.hash);
    const { epochs } = this.bracket.rungs[entry.rung];
    return { place: entry.place, trial, rung: entry.rung, epochs, until: this.#until(part) };
  }

  /** The job of a trial, of this or another bracket, has ended: done, with `reached` epochs in total, or given up. */
  end({ trial: { hash } }: Pick<Job, "trial">, reached = 0): void {
    this.options.running.delete(hash);
    const parts = this.#partsOf.get(hash);
    if (parts === undefined) return;
    this.#partsOf.delete(hash);
    if (reached > (this.#reached.get(hash) ?? 0)) this.#reached.set(hash, reached);
    for (const part of parts) if (this.#isAsked(part)) this.#await(part);
  }

  /** Mean over the seeds; undefined until all have results. */
  score(place: number, rung: number): number | undefined {
    let sum = 0;
    const { trials } = this.bracket.settings[place];
    for (const trial of trials) {
      const score = this.options.scoreOf(trial, this.bracket.rungs[rung].epochs);
      if (score === undefined) return undefined;
      sum += score;
    }
    return sum / trials.length;
  }

  /** The last rung that a setting took part in. */
  lastRung(place: number): number {
    return this.#rungOf[place];
  }

  /** The first part that can be started; it stays in the queue. */
  #first(): Part | undefined {
    for (let part = this.#waiting.peek(); part !== undefined; part = this.#waiting.peek()) {
      // Parts in training leave the queue; `end` brings them back.
      const isOpen = this.#isAsked(part) && !this.options.running.has(part.trial.hash) && this.#isOut(part);
      if (isOpen && this.#goesTo(part.entry)) return part;
      this.#waiting.pop();
      if (!isOpen) continue;
      // It is no longer likely; if it becomes likely again, it is scheduled again.
      const { place, rung } = part.entry;
      this.#entries[place] = { place, rung: rung - 1, out: 0 };
    }
    return undefined;
  }

  #until({ entry, trial }: Part): number {
    const { piece } = this.options;
    const length = lengthOf(trial, this.bracket.rungs[entry.rung].epochs);
    // A job ends at an epoch that is validated.
    const { valEvery = 1 } = trial;
    if (piece === undefined || valEvery === 0) return length;
    const end = this.#reachedBy(trial, entry.rung) + piece;
    return Math.min(length, Math.ceil(end / valEvery) * valEvery);
  }

  /** Epochs that a trial is certain to have when its training in a rung starts. */
  #reachedBy(trial: Trial, rung: number): number {
    const before = rung === 0 ? 0 : lengthOf(trial, this.bracket.rungs[rung - 1].epochs);
    return Math.max(before, this.#reached.get(trial.hash) ?? 0);
  }

  /** Whether a setting takes part in a rung, for certain or, with speculation, likely. */
  #goesTo({ place, rung }: Pick<Entry, "place" | "rung">): boolean {
    const certain = this.#rungOf[place];
    if (certain >= rung) return true;
    if (this.options.speculate !== true) return false;
    for (let each = certain; each < rung; each++) if (!this.#likely[each].has(place)) return false;
    return true;
  }

  /** Whether a part belongs to its setting's current entry. */
  #isAsked({ entry }: Part): boolean {
    return this.#entries[entry.place] === entry;
  }

  #isOut({ entry, trial }: Pick<Part, "entry" | "trial">): boolean {
    return this.options.scoreOf(trial, this.bracket.rungs[entry.rung].epochs) === undefined;
  }

  /** Makes it certain that a setting takes part in a rung. */
  #promote(place: number, rung: number): void {
    this.#rungOf[place] = rung;
    this.options.onCertain?.({ place, rung });
    const { rung: asked, out } = this.#entries[place];
    // It was trained speculatively, and its result exists already.
    if (asked > rung || (asked === rung && out === 0)) this.#count(place, rung);
    this.#consider(place);
  }

  /** Takes the result of a setting in a certain rung into account. */
  #count(place: number, rung: number): void {
    const score = this.score(place, rung)!;
    this.#undecided--;
    this.options.onScore?.({ place, rung, score });
    for (const next of this.#promotions[rung].add(place, score)) this.#promote(next, rung + 1);
  }

  /** Schedules a setting's next rung where its current one is complete and it goes on. */
  #consider(place: number): void {
    const { rung: done, out } = this.#entries[place];
    const rung = done + 1;
    if (out > 0 || rung === this.bracket.rungs.length || !this.#goesTo({ place, rung })) return;
    const { trials } = this.bracket.settings[place];
    const entry = { place, rung, out: trials.length };
    this.#entries[place] = entry;
    for (const [seed, trial] of trials.entries()) this.#await({ entry, seed, trial });
  }

  /** Counts a part's result where it exists; else queues the part. */
  #await({ entry, seed, trial }: Omit<Part, "ahead">): void {
    const { place, rung } = entry;
    if (this.#isOut({ entry, trial })) {
      const { hash } = trial;
      const whole = lengthOf(trial, this.bracket.rungs.at(-1)!.epochs);
      const ahead = this.bracket.settings[place].cost.macs * (whole - this.#reachedBy(trial, rung));
      const part = { entry, seed, trial, ahead };
      const parts = this.#partsOf.get(hash);
      if (parts === undefined) this.#partsOf.set(hash, [part]);
      else parts.push(part);
      this.#waiting.push(part);
      return;
    }
    this.#reached.delete(trial.hash);
    if (--entry.out > 0) return;
    if (this.#rungOf[place] === rung) this.#count(place, rung);
    if (this.options.speculate !== true) return;
    const likely = this.#likely[rung].add(place, this.score(place, rung)!);
    if (likely !== undefined) this.#consider(likely);
  }
}
