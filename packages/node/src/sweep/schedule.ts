/** Which rung of which trial is trained next, and what the results so far decide. Pure: the same results, the same decisions. */
import { promoted, type Rung } from "@phinets/core/sweep";
import type { SweepSetting, Trial } from "./trial.js";

export interface Job {
  readonly trial: Trial;
  readonly rung: number;
  readonly epochs: number;
}

/** Settings that are compared with each other, those of one board, and how long how many of them are trained. */
export interface Bracket {
  readonly settings: readonly SweepSetting[];
  readonly rungs: readonly Rung[];
}

export class Schedule {
  /** Places of the settings that take part, a set a rung. */
  readonly #taking: Set<number>[];

  /**
   * @param running hashes of trials in work, which other brackets may have too
   * @param scoreOf a trial's score after so many epochs: larger is better, -Infinity where it failed, undefined where it
   *   is not done
   */
  constructor(
    readonly bracket: Bracket,
    readonly running: Set<string>,
    readonly scoreOf: (trial: Trial, epochs: number) => number | undefined,
  ) {
    this.#taking = bracket.rungs.map(() => new Set<number>());
    for (const place of bracket.settings.keys()) this.#taking[0].add(place);
  }

  /** The next job that nobody does; undefined where all that is decided is done or being done. */
  take(): Job | undefined {
    this.#promote();
    // The highest rung first: its results decide most.
    for (let rung = this.bracket.rungs.length - 1; rung >= 0; rung--) {
      const { epochs } = this.bracket.rungs[rung];
      for (const place of this.#placesOf(rung)) {
        for (const trial of this.bracket.settings[place].trials) {
          if (this.running.has(trial.hash) || this.scoreOf(trial, epochs) !== undefined) continue;
          this.running.add(trial.hash);
          return { trial, rung, epochs };
        }
      }
    }
    return undefined;
  }

  /** A job is done, or given up. */
  end({ trial }: Pick<Job, "trial">): void {
    this.running.delete(trial.hash);
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
    return this.#taking.findLastIndex((taking) => taking.has(place));
  }

  #placesOf(rung: number): number[] {
    return [...this.#taking[rung]].sort((a, b) => a - b);
  }

  #promote(): void {
    for (let rung = 0; rung + 1 < this.bracket.rungs.length; rung++) {
      const places = this.#placesOf(rung);
      const scores = places.map((place) => this.score(place, rung));
      // Those who will yet come up from the rung below.
      const coming = Array<undefined>(this.bracket.rungs[rung].settings - places.length).fill(undefined);
      for (const i of promoted([...scores, ...coming], this.bracket.rungs[rung + 1].settings))
        this.#taking[rung + 1].add(places[i]);
    }
  }
}
