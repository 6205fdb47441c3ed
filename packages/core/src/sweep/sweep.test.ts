import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainedVariance, paretoFront } from "./analysis.js";
import { rungsOf } from "./rungs.js";
import { type Dimension, drawSettings, gridSettings } from "./space.js";

const space: Dimension[] = [
  { name: "lr", min: 1e-4, max: 1e-1, scale: "log" },
  { name: "batch", values: [8, 16] },
  { name: "mosaic", min: 0, max: 1, scale: "linear" },
];

describe("settings", () => {
  it("of a grid are every combination, once", () => {
    const settings = gridSettings([
      { name: "batch", values: [8, 16] },
      { name: "loss", values: ["ciou", "yolov2"] },
    ]);
    expect(settings).toEqual([
      { batch: 8, loss: "ciou" },
      { batch: 8, loss: "yolov2" },
      { batch: 16, loss: "ciou" },
      { batch: 16, loss: "yolov2" },
    ]);
    expect(() => gridSettings(space)).toThrow(/space\.lr: is a range/);
    expect(gridSettings([])).toEqual([{}]);
  });

  it("drawn are the same for the same seed, and a longer draw goes on with a shorter", () => {
    const twenty = drawSettings(space, { count: 20, seed: 3 });
    expect(drawSettings(space, { count: 50, seed: 3 }).slice(0, 20)).toEqual(twenty);
    expect(drawSettings(space, { count: 20, seed: 4 })).not.toEqual(twenty);
  });

  it("drawn spread more evenly than chance would: no eighth of a range is empty", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const settings = drawSettings(space, { count: 64, seed });
        for (const at of [
          (s: (typeof settings)[number]) => Number(s.mosaic) * 8,
          (s: (typeof settings)[number]) => ((Math.log10(Number(s.lr)) + 4) / 3) * 8,
        ]) {
          const eighths = new Set(settings.map((setting) => Math.min(7, Math.floor(at(setting)))));
          expect(eighths.size).toBe(8);
        }
        const eights = settings.filter(({ batch }) => batch === 8).length;
        expect(Math.abs(eights - 32)).toBeLessThanOrEqual(6);
      }),
      { numRuns: 50 },
    );
  });

  it("drawn from lists end where there are no more", () => {
    const lists: Dimension[] = [
      { name: "a", values: [1, 2, 3] },
      { name: "b", values: [true, false] },
    ];
    expect(drawSettings(lists, { count: 100, seed: 0 })).toHaveLength(6);
  });
});

describe("rungs", () => {
  it.each([
    [
      27,
      27,
      3,
      [
        [1, 27],
        [3, 9],
        [9, 3],
        [27, 1],
      ],
    ],
    [
      27,
      60,
      3,
      [
        [3, 27],
        [7, 9],
        [20, 3],
        [60, 1],
      ],
    ],
    [
      9,
      2,
      3,
      [
        [1, 9],
        [2, 3],
      ],
    ],
    [1, 10, 3, [[10, 1]]],
    [2, 10, 3, [[10, 2]]],
    [10, 1, 2, [[1, 10]]],
  ])("of %i settings and %i epochs by %i", (settings, epochs, reduction, expected) => {
    const rungs = rungsOf({ settings, epochs, reduction });
    expect(rungs.map((rung) => [rung.epochs, rung.settings])).toEqual(expected);
  });
});

describe("what mattered", () => {
  it("is the option that the scores follow", () => {
    const results = gridSettings([
      { name: "lr", values: [1, 2, 3] },
      { name: "seed", values: [0, 1] },
    ]).map((setting) => ({ setting, score: Number(setting.lr) * 10 + Number(setting.seed) }));
    const [first, second] = explainedVariance(results);
    expect([first.name, second.name]).toEqual(["lr", "seed"]);
    // 2 * 2 * 10^2 = 400, out of 400 + 6 * .5^2.
    expect(first.share).toBeCloseTo(400 / 401.5, 12);
    expect(second.share).toBeCloseTo(1.5 / 401.5, 12);
  });

  it("of equal or failed results is nothing", () => {
    const same = [1, 2].map((lr) => ({ setting: { lr }, score: 0.5 }));
    expect(explainedVariance(same)).toEqual([{ name: "lr", share: 0 }]);
    expect(explainedVariance([{ setting: { lr: 1 }, score: Number.NEGATIVE_INFINITY }])).toEqual([]);
  });

  it("the front holds what nothing beats", () => {
    const point = fc.record({ cost: fc.integer({ min: 0, max: 8 }), score: fc.integer({ min: 0, max: 8 }) });
    fc.assert(
      fc.property(fc.array(point, { maxLength: 12 }), (points) => {
        const front = paretoFront(points);
        const beats = (a: number, b: number) =>
          points[a].cost <= points[b].cost &&
          points[a].score >= points[b].score &&
          (points[a].cost < points[b].cost || points[a].score > points[b].score || a < b);
        const expected = points.flatMap((_, b) => (points.some((_, a) => a !== b && beats(a, b)) ? [] : [b]));
        expect([...front].sort((a, b) => a - b)).toEqual(expected);
      }),
    );
  });
});
