/**
 * Which rung of which trial is trained next, and what the results so far decide. Pure: the same results, the same decisions.
 * Each result is looked at once: time grows with the settings, not with their square.
 */
import type { Rung } from "@phinets/core/sweep";
import TinyQueue from "tinyqueue";
import { lengthOf } from "./plan.js";
import { Promotions } from "./promotions.js";
import type { SweepSetting, Trial } from "./trial.js";

export interface Job {
  /** Of the setting in its bracket. */
  readonly place: number;
  readonly trial: Trial;
  readonly rung: number;
  readonly epochs: number;
}

/** Settings that are compared with each other, those of one board, and how long how many of them are trained. */
export interface Bracket {
  readonly settings: readonly SweepSetting[];
  readonly rungs: readonly Rung[];
}

/** A trial of a setting that takes part in a rung. */
interface Part {
  readonly place: number;
  /** Which of the setting's trials. */
  readonly seed: number;
  readonly trial: Trial;
  readonly rung: number;
  /** Multiply-accumulates by epochs. */
  readonly work: number;
}

/** The longest first: begun last, it would be waited for alone. */
const inOrder = (a: Part, b: Part): number => b.work - a.work || a.place - b.place || a.seed - b.seed;

export class Schedule {
  /** The last rung that each setting takes part in, by place. */
  readonly #rungOf: Int32Array;
  /** Of a setting in its last rung, trials whose results are out. */
  readonly #out: Int32Array;
  /** Parts that nobody is known to do, a queue a rung. */
  readonly #waiting: readonly TinyQueue<Part>[];
  /** Parts without a result by hash. */
  readonly #partsOf = new Map<string, Part[]>();
  readonly #promotions: readonly Promotions[];

  /**
   * @param running hashes of trials in work, which other brackets may have too
   * @param scoreOf a trial's score after so many epochs: larger is better, -Infinity where it failed, undefined where it
   *   is not done
   * @param onScore told when all seeds of a setting are in, also of those that are when this is made
   */
  constructor(
    readonly bracket: Bracket,
    readonly running: Set<string>,
    readonly scoreOf: (trial: Trial, epochs: number) => number | undefined,
    readonly onScore?: (result: { readonly place: number; readonly rung: number; readonly score: number }) => void,
  ) {
    const { settings, rungs } = bracket;
    this.#rungOf = new Int32Array(settings.length).fill(-1);
    this.#out = new Int32Array(settings.length);
    this.#waiting = rungs.map(() => new TinyQueue<Part>([], inOrder));
    this.#promotions = rungs.map((rung, i) => new Promotions(rung.settings, rungs[i + 1]?.settings ?? 0));
    for (const place of settings.keys()) this.#enter(place, 0);
  }

  /** The next job that nobody does; undefined where all that is decided is done or being done. */
  take(): Job | undefined {
    // The highest rung first: its results decide most.
    for (let rung = this.#waiting.length - 1; rung >= 0; rung--) {
      const waiting = this.#waiting[rung];
      for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
        // Who does it says when it is done or given up.
        if (this.running.has(part.trial.hash) || !this.#isOut(part)) continue;
        this.running.add(part.trial.hash);
        return { place: part.place, trial: part.trial, rung, epochs: this.bracket.rungs[rung].epochs };
      }
    }
    return undefined;
  }

  /** A trial of this or of another bracket is not in work any more: its job is done, or given up. */
  end({ trial: { hash } }: Pick<Job, "trial">): void {
    this.running.delete(hash);
    const parts = this.#partsOf.get(hash) ?? [];
    this.#partsOf.delete(hash);
    for (const part of parts) this.#await(part);
  }

  /** Mean over the seeds; undefined until all are in. */
  score(place: number, rung: number): number | undefined {
    let sum = 0;
    const { trials } = this.bracket.settings[place];
    for (const trial of trials) {
      const score = this.scoreOf(trial, this.bracket.rungs[rung].epochs);
      if (score === undefined) return undefined;
      sum += score;
    }
    return sum / trials.length;
  }

  /** The last rung that a setting took part in. */
  lastRung(place: number): number {
    return this.#rungOf[place];
  }

  #isOut({ trial, rung }: Part): boolean {
    return this.scoreOf(trial, this.bracket.rungs[rung].epochs) === undefined;
  }

  /** A setting takes part in a rung from now on. */
  #enter(place: number, rung: number): void {
    const { trials, cost } = this.bracket.settings[place];
    this.#rungOf[place] = rung;
    this.#out[place] = trials.length;
    const { epochs } = this.bracket.rungs[rung];
    for (const [seed, trial] of trials.entries())
      this.#await({ place, seed, trial, rung, work: cost.macs * lengthOf(trial, epochs) });
  }

  /** Counts a part's result where there is one; else it waits. */
  #await(part: Part): void {
    if (this.#isOut(part)) {
      const { hash } = part.trial;
      const parts = this.#partsOf.get(hash);
      if (parts === undefined) this.#partsOf.set(hash, [part]);
      else parts.push(part);
      this.#waiting[part.rung].push(part);
      return;
    }
    const { place, rung } = part;
    if (--this.#out[place] > 0) return;
    const score = this.score(place, rung)!;
    this.onScore?.({ place, rung, score });
    for (const next of this.#promotions[rung].add(place, score)) this.#enter(next, rung + 1);
  }
}
