import { type Rung, rungsOf } from "@phinets/core/sweep";
import { Random } from "@phinets/core/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Likely } from "./likely.js";
import { Promotions } from "./promotions.js";
import { type Job, Schedule } from "./schedule.js";
import type { SweepSetting, Trial } from "./trial.js";

/** Places of the best `keep` scores; of equal ones the earlier. */
function bestOf(scores: readonly number[], keep: number): number[] {
  const order = scores.map((score, place) => ({ score, place }));
  order.sort((a, b) => (a.score === b.score ? a.place - b.place : b.score - a.score));
  return order
    .slice(0, keep)
    .map(({ place }) => place)
    .sort((a, b) => a - b);
}

describe("promotions", () => {
  it("end in the best of the rung, and come early only where no result can change them", () => {
    const score = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(Number.NEGATIVE_INFINITY));
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 9 }), fc.nat(), fc.nat(), (scores, keepBy, seed) => {
        const keep = 1 + (keepBy % scores.length);
        const order = Array.from(new Random(seed).permutation(scores.length));
        const promotions = new Promotions(scores.length, keep);
        const promoted: number[] = [];
        const seen = scores.map(() => Number.POSITIVE_INFINITY);
        for (const place of order) {
          seen[place] = scores[place];
          promoted.push(...promotions.add(place, scores[place]));
          // Even if every missing result is better than all known ones, these go on.
          const certain = bestOf(seen, keep).filter((each) => seen[each] !== Number.POSITIVE_INFINITY);
          expect(promoted.toSorted((a, b) => a - b)).toEqual(certain);
        }
        expect(promoted.toSorted((a, b) => a - b)).toEqual(bestOf(scores, keep));
      }),
    );
  });
});

describe("who is likely to go on", () => {
  it("is the best of the results so far, the share that goes on in the end", () => {
    const score = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constant(Number.NEGATIVE_INFINITY));
    fc.assert(
      fc.property(fc.array(score, { minLength: 1, maxLength: 12 }), fc.nat(), (scores, keepBy) => {
        const keep = 1 + (keepBy % scores.length);
        const likely = new Likely(scores.length, keep);
        const told = new Set<number>();
        for (const [place, each] of scores.entries()) {
          const before = scores.slice(0, place).filter((_, other) => likely.has(other)).length;
          const next = likely.add(place, each);
          if (next !== undefined) told.add(next);
          const known = scores.slice(0, place + 1);
          const expected = bestOf(known, Math.floor((known.length * keep) / scores.length));
          const all = known.flatMap((_, other) => (likely.has(other) ? [other] : []));
          expect(all).toEqual(expected);
          // Every likely place was reported when it became likely.
          expect(all.every((other) => told.has(other))).toBe(true);
          expect(all.length - before).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});

/** A setting with trials that have only hashes. */
const settingOf = (...hashes: readonly string[]): SweepSetting => ({
  setting: {},
  trials: hashes.map((hash, seed) => ({ hash, seed, recipe: { epochs: 9 } }) as Trial),
  cost: { parameters: 1, macs: 1 + (Number(hashes[0]) % 3) },
});

interface Running {
  readonly scoreOf: (job: Pick<Job, "trial" | "epochs">) => number;
  readonly slots: number;
  readonly seed: number;
}

/**
 * Simulates training with given scores, `slots` jobs at a time, ending in an order drawn from a seed; some jobs are
 * given up. Ends when all is decided, whatever is still running. Returns the rungs that were started.
 */
function run(schedules: readonly Schedule[], done: Map<string, number>, { scoreOf, slots, seed }: Running): string[] {
  const random = new Random(seed);
  const working: Job[] = [];
  const begun: string[] = [];
  for (;;) {
    if (schedules.every((schedule) => schedule.decided)) return begun;
    let job: Job | undefined;
    if (working.length < slots)
      for (const schedule of schedules) {
        job = schedule.take();
        if (job !== undefined) break;
      }
    if (job !== undefined) {
      expect(working.some(({ trial }) => trial.hash === job.trial.hash)).toBe(false);
      working.push(job);
      begun.push(nameOf(job));
      continue;
    }
    expect(working.length).toBeGreaterThan(0);
    const [ended] = working.splice(random.integer(working.length), 1);
    // Some jobs are given up, as when a worker dies.
    const dies = random.integer(5) === 0;
    if (!dies && ended.until === ended.epochs) done.set(nameOf(ended), scoreOf(ended));
    for (const schedule of schedules) schedule.end(ended, dies ? 0 : ended.until);
  }
}

const nameOf = ({ trial, epochs }: Pick<Job, "trial" | "epochs">): string => `${trial.hash}:${epochs}`;

/** What a search that waits for each rung trains, and the last rung of each setting. */
function inRounds(
  settings: readonly SweepSetting[],
  rungs: readonly Rung[],
  scoreOf: (job: Pick<Job, "trial" | "epochs">) => number,
) {
  const names = new Set<string>();
  const last = settings.map(() => 0);
  let places = settings.map((_, place) => place);
  for (const [rung, { epochs }] of rungs.entries()) {
    if (rung > 0) {
      const scores = places.map((place) => {
        const all = settings[place].trials.map((trial) => scoreOf({ trial, epochs: rungs[rung - 1].epochs }));
        return all.reduce((sum, each) => sum + each, 0) / all.length;
      });
      places = bestOf(scores, rungs[rung].settings).map((i) => places[i]);
    }
    for (const place of places) {
      last[place] = rung;
      for (const trial of settings[place].trials) names.add(nameOf({ trial, epochs }));
    }
  }
  return { names, last };
}

describe("a schedule", () => {
  it("decides as a search that waits for each rung, whoever is done first, dies, or is trained ahead", () => {
    let ahead = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 12 }),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        fc.nat(),
        (count, seeds, reduction, slots, speculate, piece, seed) => {
          // Some settings share a training.
          const hash = (place: number, n: number): string => `${Math.min(place, Math.ceil(count * 0.9))}.${n}`;
          const settings = Array.from({ length: count }, (_, place) =>
            settingOf(...Array.from({ length: seeds }, (_, n) => hash(place, n))),
          );
          const rungs = rungsOf({ settings: count, epochs: 9, reduction });
          const scoreOf = ({ trial: { hash }, epochs }: Pick<Job, "trial" | "epochs">): number => {
            const random = new Random(seed, epochs, ...hash.split(".").map(Number));
            return random.integer(9) === 0 ? Number.NEGATIVE_INFINITY : random.integer(8);
          };
          const expected = inRounds(settings, rungs, scoreOf);
          const done = new Map<string, number>();
          const schedule = (more: { readonly speculate: boolean }): Schedule =>
            new Schedule(
              { settings, rungs },
              {
                ...{ running: new Set(), piece, ...more },
                scoreOf: (trial, epochs) => done.get(nameOf({ trial, epochs })),
              },
            );
          const first = schedule({ speculate });
          const begun = run([first], done, { scoreOf, slots, seed });
          const trained = new Set(done.keys());
          ahead += trained.size - expected.names.size;
          for (const name of expected.names) expect(trained).toContain(name);
          if (!speculate) expect(new Set(begun)).toEqual(expected.names);
          expect(settings.map((_, place) => first.lastRung(place))).toEqual(expected.last);
          // Restarted with all results there is nothing to do, with speculation or without.
          for (const again of [schedule({ speculate: false }), schedule({ speculate: true })]) {
            expect(again.decided).toBe(true);
            expect(settings.map((_, place) => again.lastRung(place))).toEqual(expected.last);
          }
          expect(schedule({ speculate: false }).take()).toBeUndefined();
        },
      ),
    );
    expect(ahead).toBeGreaterThan(0);
  });

  it("trains ahead who is best so far, and only if it is asked to", () => {
    const scores = { "0": 0.5, "3": 0.7, "6": 0.6, "9": 0.1, "12": 0.2, "15": 0.3 };
    const settings = Object.keys(scores).map((hash) => settingOf(hash));
    const rungs = rungsOf({ settings: 6, epochs: 3, reduction: 3 });
    const taken = (speculate: boolean): (string | undefined)[] => {
      const done = new Map<string, number>();
      const scoreOf = (trial: Trial, epochs: number) => done.get(nameOf({ trial, epochs }));
      const schedule = new Schedule({ settings, rungs }, { running: new Set(), scoreOf, speculate });
      const jobs = settings.map(() => schedule.take()!);
      return jobs.map((job) => {
        done.set(nameOf(job), scores[job.trial.hash as keyof typeof scores]);
        schedule.end(job, 1);
        const next = schedule.take();
        return next && nameOf(next);
      });
    };
    const none = undefined;
    expect(taken(false)).toEqual([none, none, none, none, "3:3", "6:3"]);
    expect(taken(true)).toEqual([none, none, "3:3", none, none, "6:3"]);
  });

  it("gives a rung out in pieces that end where it is validated", () => {
    const trial = { hash: "0", seed: 0, valEvery: 2, recipe: { epochs: 10 } } as Trial;
    const settings: SweepSetting[] = [{ setting: {}, trials: [trial], cost: { parameters: 1, macs: 1 } }];
    let done = false;
    const scoreOf = () => (done ? 1 : undefined);
    const schedule = new Schedule(
      { settings, rungs: [{ epochs: 10, settings: 1 }] },
      { running: new Set(), scoreOf, piece: 3 },
    );
    const ends: number[] = [];
    for (let job = schedule.take(); job !== undefined; job = schedule.take()) {
      ends.push(job.until);
      done = job.until === 10;
      schedule.end(job, job.until);
    }
    expect(ends).toEqual([4, 8, 10]);
    expect(schedule.decided).toBe(true);
  });

  it("begins with the longest, which would be waited for at the end", () => {
    const settings = ["0", "1", "2", "3", "4"].map((hash) => settingOf(hash));
    const bracket = { settings, rungs: rungsOf({ settings: 5, epochs: 1, reduction: 2 }) };
    const schedule = new Schedule(bracket, { running: new Set(), scoreOf: () => undefined });
    const taken = settings.map(() => schedule.take()?.trial.hash);
    expect(taken).toEqual(["2", "1", "4", "0", "3"]);
  });

  it("shares trainings with other brackets, also where those train them shorter", () => {
    const settings = Array.from({ length: 9 }, (_, place) => settingOf(`${place}`));
    const brackets = [
      { settings, rungs: rungsOf({ settings: 9, epochs: 9, reduction: 3 }) },
      { settings: settings.slice(0, 4), rungs: rungsOf({ settings: 4, epochs: 9, reduction: 2 }) },
    ];
    const scoreOf = ({ trial }: Pick<Job, "trial">): number => Number(trial.hash) % 5;
    const expected = brackets.map((bracket) => inRounds(bracket.settings, bracket.rungs, scoreOf));
    for (let seed = 0; seed < 100; seed++) {
      const done = new Map<string, number>();
      const running = new Set<string>();
      const speculate = seed % 2 === 1;
      const scored = (trial: Trial, epochs: number) => done.get(nameOf({ trial, epochs }));
      const schedules = brackets.map(
        (bracket) => new Schedule(bracket, { running, scoreOf: scored, speculate, piece: seed % 3 || undefined }),
      );
      run(schedules, done, { scoreOf, slots: 3, seed });
      const names = expected.flatMap((each) => [...each.names]);
      expect([...done.keys()]).toEqual(expect.arrayContaining(names));
      if (!speculate) expect(new Set(done.keys())).toEqual(new Set(names));
      for (const [i, { last }] of expected.entries())
        expect(brackets[i].settings.map((_, place) => schedules[i].lastRung(place))).toEqual(last);
    }
  });
});
