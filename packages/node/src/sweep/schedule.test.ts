import { type Rung, rungsOf } from "@phinets/core/sweep";
import { Random } from "@phinets/core/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Promotions } from "./promotions.js";
import { type Job, Schedule } from "./schedule.js";
import type { SweepSetting, Trial } from "./trial.js";

/** Places of the best `keep`; of equal ones the earlier. */
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
          // With every one that is out better than any, these alone would go on.
          const certain = bestOf(seen, keep).filter((each) => seen[each] !== Number.POSITIVE_INFINITY);
          expect(promoted.toSorted((a, b) => a - b)).toEqual(certain);
        }
        expect(promoted.toSorted((a, b) => a - b)).toEqual(bestOf(scores, keep));
      }),
    );
  });
});

/** A setting of trials of which only the names are looked at. */
const settingOf = (...hashes: readonly string[]): SweepSetting => ({
  setting: {},
  trials: hashes.map((hash, seed) => ({ hash, seed, recipe: { epochs: 9 } }) as Trial),
  cost: { parameters: 1, macs: 1 + (Number(hashes[0]) % 3) },
});

/** Trains by scores, so many jobs at a time, in the order that a seed draws; returns the jobs as they were taken. */
function run(
  schedules: readonly Schedule[],
  done: Map<string, number>,
  { scoreOf, slots, seed }: { readonly scoreOf: (job: Job) => number; readonly slots: number; readonly seed: number },
): string[] {
  const random = new Random(seed);
  const working: Job[] = [];
  const taken: string[] = [];
  for (;;) {
    let job: Job | undefined;
    if (working.length < slots)
      for (const schedule of schedules) {
        job = schedule.take();
        if (job !== undefined) break;
      }
    if (job !== undefined) {
      working.push(job);
      taken.push(nameOf(job));
      continue;
    }
    if (working.length === 0) return taken;
    const [ended] = working.splice(random.integer(working.length), 1);
    // Now and then a job is given up: its worker has died.
    if (random.integer(5) > 0) done.set(nameOf(ended), scoreOf(ended));
    for (const schedule of schedules) schedule.end(ended);
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
  it("trains what a search that waits for each rung does, whoever is done first, and each once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(),
        (count, seeds, reduction, slots, seed) => {
          // Some settings mean the same training.
          const hash = (place: number, n: number): string => `${Math.min(place, Math.ceil(count * 0.9))}.${n}`;
          const settings = Array.from({ length: count }, (_, place) =>
            settingOf(...Array.from({ length: seeds }, (_, n) => hash(place, n))),
          );
          const rungs = rungsOf({ settings: count, epochs: 9, reduction });
          const scoreOf = ({ trial: { hash }, epochs }: Pick<Job, "trial" | "epochs">): number =>
            Math.floor(8 * new Random(seed, epochs, ...hash.split(".").map(Number)).uniform());
          const expected = inRounds(settings, rungs, scoreOf);
          const done = new Map<string, number>();
          const schedule = (): Schedule =>
            new Schedule({ settings, rungs }, new Set(), (trial, epochs) => done.get(nameOf({ trial, epochs })));
          const first = schedule();
          const taken = run([first], done, { scoreOf, slots, seed });
          expect(new Set(taken)).toEqual(expected.names);
          expect(new Set(done.keys())).toEqual(expected.names);
          expect(settings.map((_, place) => first.lastRung(place))).toEqual(expected.last);
          // Begun anew with all results there is nothing to do.
          const again = schedule();
          expect(again.take()).toBeUndefined();
          expect(settings.map((_, place) => again.lastRung(place))).toEqual(expected.last);
        },
      ),
    );
  });

  it("begins with the longest, which would be waited for at the end", () => {
    const settings = ["0", "1", "2", "3", "4"].map((hash) => settingOf(hash));
    const bracket = { settings, rungs: rungsOf({ settings: 5, epochs: 1, reduction: 2 }) };
    const schedule = new Schedule(bracket, new Set(), () => undefined);
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
    for (let seed = 0; seed < 50; seed++) {
      const done = new Map<string, number>();
      const running = new Set<string>();
      const schedules = brackets.map(
        (bracket) => new Schedule(bracket, running, (trial, epochs) => done.get(nameOf({ trial, epochs }))),
      );
      run(schedules, done, { scoreOf, slots: 3, seed });
      expect(new Set(done.keys())).toEqual(new Set(expected.flatMap(({ names }) => [...names])));
      for (const [i, { last }] of expected.entries())
        expect(brackets[i].settings.map((_, place) => schedules[i].lastRung(place))).toEqual(last);
    }
  });
});
