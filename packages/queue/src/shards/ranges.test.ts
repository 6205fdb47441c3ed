import { describe, expect, it } from "vitest";
import { firstOf, gapsOf, type Range, sizeFor, sound } from "./ranges.js";

describe("ranges of pictures", () => {
  it("are cut so that every picture is in one shard, at multiples of the unit, and none is smaller", () => {
    for (let length = 1; length <= 60; length++)
      for (const size of [8, 16, 40]) {
        const done: Range[] = [];
        for (let gaps = gapsOf(done, length); gaps.length > 0; gaps = gapsOf(done, length))
          done.push(firstOf(gaps[0], { size, unit: 8 }));
        expect(done[0].from).toBe(0);
        expect(done.at(-1)!.to).toBe(length);
        for (const [n, { from, to }] of done.entries()) {
          expect(from).toBe(done[n - 1]?.to ?? 0);
          expect(from % 8).toBe(0);
          expect(to - from).toBeGreaterThanOrEqual(Math.min(8, length));
        }
      }
  });

  it("are kept where they lie side by side", () => {
    const ranges = [
      { from: 20, to: 30 },
      { from: 0, to: 10 },
      { from: 5, to: 15 },
      { from: 30, to: 30 },
      { from: 30, to: 41 },
      { from: 30, to: 34 },
      { from: 30, to: 35 },
    ];
    const kept = sound(ranges, { length: 40, unit: 5 });
    expect(kept).toEqual([
      { from: 0, to: 10 },
      { from: 20, to: 30 },
      { from: 30, to: 35 },
    ]);
    expect(gapsOf(kept, 40)).toEqual([
      { from: 10, to: 20 },
      { from: 35, to: 40 },
    ]);
  });

  it("are as large as was measured", () => {
    const bounds = { targetMs: 5000, unit: 25, most: 1000 };
    expect(sizeFor([], bounds)).toBe(25);
    expect(sizeFor([{ pictures: 25, ms: 1000 }], bounds)).toBe(125);
    expect(
      sizeFor(
        [
          { pictures: 25, ms: 1000 },
          { pictures: 75, ms: 1000 },
        ],
        bounds,
      ),
    ).toBe(250);
    expect(sizeFor([{ pictures: 25, ms: 60_000 }], bounds)).toBe(25);
    expect(sizeFor([{ pictures: 25, ms: 0 }], bounds)).toBe(1000);
  });
});
