import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Box, mostAlive, placeBoxes } from "./index.js";

const boxesOf = (most: number): fc.Arbitrary<Box[]> =>
  fc.array(
    fc
      .record({ from: fc.nat(11), span: fc.nat(5), eighths: fc.integer({ min: 1, max: 12 }) })
      .map(({ from, span, eighths }) => ({ first: from, last: from + span, bytes: 8 * eighths })),
    { minLength: 1, maxLength: most },
  );

const together = (a: Box, b: Box): boolean => a.first <= b.last && b.first <= a.last;

/** Bytes of the best placement: in order of address, each box is put on top of the boxes that it must not overlap. */
function best(boxes: readonly Box[]): number {
  let least = Number.POSITIVE_INFINITY;
  const put = (placed: readonly { box: Box; end: number }[], bytes: number): void => {
    if (bytes >= least) return;
    if (placed.length === boxes.length) {
      least = bytes;
      return;
    }
    for (const box of boxes) {
      if (placed.some((other) => other.box === box)) continue;
      const below = placed.filter((other) => together(other.box, box)).map(({ end }) => end);
      const end = Math.max(0, ...below) + box.bytes;
      put([...placed, { box, end }], Math.max(bytes, end));
    }
  };
  put([], 0);
  return least;
}

/** Checks that boxes alive at the same time share no byte, and that the stated sizes are right. */
function check(boxes: readonly Box[]): ReturnType<typeof placeBoxes> {
  const placement = placeBoxes(boxes);
  const { bytes, offsets, lowerBoundBytes } = placement;
  const ends = boxes.map((box, i) => offsets[i] + box.bytes);
  expect(bytes).toBe(Math.max(...ends));
  boxes.forEach((a, i) => {
    expect(offsets[i] % 8).toBe(0);
    expect(offsets[i]).toBeGreaterThanOrEqual(0);
    for (let k = 0; k < i; k++)
      if (together(a, boxes[k])) expect(ends[i] <= offsets[k] || ends[k] <= offsets[i], `${i} and ${k}`).toBe(true);
  });
  let most = 0;
  for (let time = 0; time <= 20; time++) {
    const alive = boxes.filter(({ first, last }) => first <= time && time <= last);
    most = Math.max(
      most,
      alive.reduce((sum, box) => sum + box.bytes, 0),
    );
  }
  expect([lowerBoundBytes, mostAlive(boxes)]).toEqual([most, most]);
  return placement;
}

describe("placeBoxes", () => {
  it("is nearly always the best there is, where all orders can be tried", () => {
    let [runs, optimal] = [0, 0];
    fc.assert(
      fc.property(boxesOf(6), (boxes) => {
        const { bytes } = check(boxes);
        const least = best(boxes);
        expect(bytes).toBeGreaterThanOrEqual(least);
        runs++;
        if (bytes === least) optimal++;
      }),
      { numRuns: 400, seed: 1 },
    );
    expect(optimal / runs).toBeGreaterThan(0.99);
  });
  it("keeps many boxes apart, and mostly in no more bytes than are alive at once", () => {
    let [runs, atBound] = [0, 0];
    fc.assert(
      fc.property(boxesOf(40), (boxes) => {
        const { bytes, lowerBoundBytes } = check(boxes);
        runs++;
        if (bytes === lowerBoundBytes) atBound++;
      }),
      { numRuns: 200, seed: 2 },
    );
    expect(atBound / runs).toBeGreaterThan(0.7);
  });
  it("lets other boxes use bytes that a box frees early, and never before", () => {
    const shrinking = fc
      .record({ last: fc.integer({ min: 2, max: 14 }), rows: fc.integer({ min: 2, max: 9 }) })
      .map(({ last, rows }): Box => {
        const frees = Array.from({ length: rows - 1 }, (_, i) => ({
          bytes: 16 * (i + 1),
          last: Math.floor((last * (i + 1)) / rows),
        }));
        return { first: 0, last, bytes: 16 * rows, frees };
      });
    let [gained, runs] = [0, 0];
    fc.assert(
      fc.property(shrinking, boxesOf(12), (picture, others) => {
        const boxes = [picture, ...others];
        const { offsets, bytes } = placeBoxes(boxes);
        const taken = (i: number, time: number): [number, number] => {
          const free = (boxes[i].frees ?? []).filter(({ last }) => last < time).at(-1)?.bytes ?? 0;
          return [offsets[i] + free, offsets[i] + boxes[i].bytes];
        };
        for (let time = 0; time <= 20; time++) {
          const alive = boxes.flatMap(({ first, last }, i) => (first <= time && time <= last ? [i] : []));
          for (const a of alive)
            for (const b of alive) {
              const [[from, to], [start, end]] = [taken(a, time), taken(b, time)];
              expect(a === b || to <= start || end <= from, `${a} and ${b} at ${time}`).toBe(true);
            }
        }
        const { frees, ...whole } = picture;
        runs++;
        if (bytes < placeBoxes([whole, ...others]).bytes) gained++;
      }),
      { numRuns: 200, seed: 4 },
    );
    expect(gained / runs).toBeGreaterThan(0.3);
  });
  it("accepts an empty list, and places equal boxes equally", () => {
    expect(placeBoxes([])).toEqual({ bytes: 0, lowerBoundBytes: 0, offsets: [] });
    const again = fc.property(boxesOf(20), (boxes) => {
      expect(placeBoxes(boxes)).toEqual(placeBoxes(boxes));
    });
    fc.assert(again, { numRuns: 20, seed: 3 });
  });
});
