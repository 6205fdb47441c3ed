/**
 * Which rung of which trial is trained next, and what the results so far decide. Pure: the same results, the same decisions.
 * What is trained before it is certain changes none of them. Each result is looked at once: time grows with the settings,
 * not with their square.
 */
import type { Rung } from "@phinets/core/sweep";
import TinyQueue from "tinyqueue";
import { Likely } from "./likely.js";
import { lengthOf } from "./plan.js";
import { Promotions } from "./promotions.js";
import type { SweepSetting, Trial } from "./trial.js";

export interface Job {
  /** Of the setting in its bracket. */
  readonly place: number;
  readonly trial: Trial;
  readonly rung: number;
  /** Of the rung. */
  readonly epochs: number;
  /** Epochs trained in all when the job is done: the rung's, or fewer where it is given out in pieces. */
  readonly until: number;
}

/** Settings that are compared with each other, those of one board, and how long how many of them are trained. */
export interface Bracket {
  readonly settings: readonly SweepSetting[];
  readonly rungs: readonly Rung[];
}

export interface ScheduleOptions {
  /** Hashes of trials in work, which other brackets may have too. */
  readonly running: Set<string>;
  /** A trial's score after so many epochs: larger is better, -Infinity where it failed, undefined where it is not done. */
  readonly scoreOf: (trial: Trial, epochs: number) => number | undefined;
  /** Also train those that are likely to go on, before that is certain. Default false. */
  readonly speculate?: boolean;
  /** Epochs after which a job ends and another goes on with its rung. Default: a rung is one job. */
  readonly piece?: number;
  /** Told of each rung that a setting is certain to take part in. */
  readonly onCertain?: (part: { readonly place: number; readonly rung: number }) => void;
  /** Told when all seeds of a setting are in that takes part, also of those that are when the schedule is made. */
  readonly onScore?: (result: { readonly place: number; readonly rung: number; readonly score: number }) => void;
}

/** A setting in the highest rung that is asked for it, certain or likely. */
interface Entry {
  readonly place: number;
  readonly rung: number;
  /** Trials without a result. */
  out: number;
}

interface Part {
  readonly entry: Entry;
  /** Which of the setting's trials. */
  readonly seed: number;
  readonly trial: Trial;
  /** Multiply-accumulates by epochs that are ahead of it, should it be trained to the end of the last rung. */
  readonly ahead: number;
}

/** The longest way to go first: begun last, it would be waited for alone. */
const inOrder = (a: Part, b: Part): number =>
  b.ahead - a.ahead || a.entry.place - b.entry.place || a.seed - b.seed || a.entry.rung - b.entry.rung;

export class Schedule {
  /** The last rung that each setting is certain to take part in, by place. */
  readonly #rungOf: Int32Array;
  readonly #entries: Entry[];
  /** Parts that nobody is known to do. */
  readonly #waiting = new TinyQueue<Part>([], inOrder);
  /** Parts without a result by hash. */
  readonly #partsOf = new Map<string, Part[]>();
  /** Epochs that are known to be trained, by hash, of trials within a rung. */
  readonly #reached = new Map<string, number>();
  readonly #promotions: readonly Promotions[];
  readonly #likely: readonly Likely[];
  /** Results that decisions wait for. */
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

  /** Whether all is decided: what is still in work was likely, and nothing depends on it. */
  get decided(): boolean {
    return this.#undecided === 0;
  }

  /** How far the next job's trial has to go, in multiply-accumulates by epochs; undefined where there is no job. */
  get ahead(): number | undefined {
    return this.#first()?.ahead;
  }

  /** The next job that nobody does; undefined where all that is asked for is done or being done. */
  take(): Job | undefined {
    const part = this.#first();
    if (part === undefined) return undefined;
    this.#waiting.pop();
    const { entry, trial } = part;
    this.options.running.add(trial.hash);
    const { epochs } = this.bracket.rungs[entry.rung];
    return { place: entry.place, trial, rung: entry.rung, epochs, until: this.#until(part) };
  }

  /** A trial of this or of another bracket is not in work any more: its job is done, so many epochs in all, or given up. */
  end({ trial: { hash } }: Pick<Job, "trial">, reached = 0): void {
    this.options.running.delete(hash);
    const parts = this.#partsOf.get(hash);
    if (parts === undefined) return;
    this.#partsOf.delete(hash);
    if (reached > (this.#reached.get(hash) ?? 0)) this.#reached.set(hash, reached);
    for (const part of parts) if (this.#isAsked(part)) this.#await(part);
  }

  /** Mean over the seeds; undefined until all are in. */
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

  /** The first part that may be begun; it stays in its place. */
  #first(): Part | undefined {
    for (let part = this.#waiting.peek(); part !== undefined; part = this.#waiting.peek()) {
      // Who does it says when it is done or given up.
      const isOpen = this.#isAsked(part) && !this.options.running.has(part.trial.hash) && this.#isOut(part);
      if (isOpen && this.#goesTo(part.entry)) return part;
      this.#waiting.pop();
      if (!isOpen) continue;
      // It was likely: should it be again, it is asked for again.
      const { place, rung } = part.entry;
      this.#entries[place] = { place, rung: rung - 1, out: 0 };
    }
    return undefined;
  }

  #until({ entry, trial }: Part): number {
    const { piece } = this.options;
    const length = lengthOf(trial, this.bracket.rungs[entry.rung].epochs);
    // A job ends where the training is validated.
    const { valEvery = 1 } = trial;
    if (piece === undefined || valEvery === 0) return length;
    const end = this.#reachedBy(trial, entry.rung) + piece;
    return Math.min(length, Math.ceil(end / valEvery) * valEvery);
  }

  /** Epochs that a trial has for certain when it is trained in a rung. */
  #reachedBy(trial: Trial, rung: number): number {
    const before = rung === 0 ? 0 : lengthOf(trial, this.bracket.rungs[rung - 1].epochs);
    return Math.max(before, this.#reached.get(trial.hash) ?? 0);
  }

  /** Whether a setting takes part in a rung, for certain or, as far as is known, likely. */
  #goesTo({ place, rung }: Pick<Entry, "place" | "rung">): boolean {
    const certain = this.#rungOf[place];
    if (certain >= rung) return true;
    if (this.options.speculate !== true) return false;
    for (let each = certain; each < rung; each++) if (!this.#likely[each].has(place)) return false;
    return true;
  }

  /** Whether a part is of what is asked for its setting now. */
  #isAsked({ entry }: Part): boolean {
    return this.#entries[entry.place] === entry;
  }

  #isOut({ entry, trial }: Pick<Part, "entry" | "trial">): boolean {
    return this.options.scoreOf(trial, this.bracket.rungs[entry.rung].epochs) === undefined;
  }

  /** A setting takes part in a rung from now on, for certain. */
  #promote(place: number, rung: number): void {
    this.#rungOf[place] = rung;
    this.options.onCertain?.({ place, rung });
    const { rung: asked, out } = this.#entries[place];
    // It was likely, and its result is there already.
    if (asked > rung || (asked === rung && out === 0)) this.#count(place, rung);
    this.#consider(place);
  }

  /** Decides what a result of a setting that takes part in a rung decides. */
  #count(place: number, rung: number): void {
    const score = this.score(place, rung)!;
    this.#undecided--;
    this.options.onScore?.({ place, rung, score });
    for (const next of this.#promotions[rung].add(place, score)) this.#promote(next, rung + 1);
  }

  /** Asks for the next rung of a setting that is done so far, where it goes on. */
  #consider(place: number): void {
    const { rung: done, out } = this.#entries[place];
    const rung = done + 1;
    if (out > 0 || rung === this.bracket.rungs.length || !this.#goesTo({ place, rung })) return;
    const { trials } = this.bracket.settings[place];
    const entry = { place, rung, out: trials.length };
    this.#entries[place] = entry;
    for (const [seed, trial] of trials.entries()) this.#await({ entry, seed, trial });
  }

  /** Counts a part's result where there is one; else it waits. */
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
