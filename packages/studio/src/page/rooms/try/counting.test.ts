import { describe, expect, it } from "vitest";
import { type Line, TrackCounter } from "./counting.js";

/** A vertical line in the middle. */
const line: Line = { from: { x: 0.5, y: 0 }, to: { x: 0.5, y: 1 } };

/** Counts after a track has been at each of these places. */
function walk(
  places: readonly (readonly [x: number, y: number])[],
  how: Parameters<TrackCounter["next"]>[1] = { line },
) {
  const counter = new TrackCounter();
  for (const [x, y] of places) counter.next([{ id: 1, x, y }], how);
  return counter.counts;
}

describe("crossings of a line", () => {
  it("have a way", () => {
    // Looking down, the picture's left side is on the right.
    expect(
      walk([
        [0.2, 0.5],
        [0.8, 0.5],
      ]),
    ).toMatchObject({ left: 1, right: 0 });
    expect(
      walk([
        [0.8, 0.5],
        [0.2, 0.5],
      ]),
    ).toMatchObject({ left: 0, right: 1 });
    expect(
      walk([
        [0.2, 0.5],
        [0.8, 0.5],
        [0.2, 0.5],
        [0.9, 0.1],
      ]),
    ).toMatchObject({ left: 2, right: 1 });
  });
  it("are counted once of who stops on the line", () => {
    expect(
      walk([
        [0.2, 0.5],
        [0.5, 0.5],
        [0.5, 0.6],
        [0.8, 0.5],
      ]),
    ).toMatchObject({ left: 1, right: 0 });
    expect(
      walk([
        [0.2, 0.5],
        [0.5, 0.5],
        [0.2, 0.5],
      ]),
    ).toMatchObject({ left: 1, right: 1 });
  });
  it("are none beyond its ends, nor along it", () => {
    const short = { from: { x: 0.5, y: 0.4 }, to: { x: 0.5, y: 0.6 } };
    expect(
      walk(
        [
          [0.2, 0.1],
          [0.8, 0.1],
        ],
        { line: short },
      ),
    ).toMatchObject({ left: 0, right: 0 });
    expect(
      walk([
        [0.2, 0.1],
        [0.2, 0.9],
      ]),
    ).toMatchObject({ left: 0, right: 0 });
  });
  it("are of one track, not of one that takes another's place", () => {
    const counter = new TrackCounter();
    counter.next([{ id: 1, x: 0.2, y: 0.5 }], { line });
    counter.next([{ id: 2, x: 0.8, y: 0.5 }], { line });
    expect(counter.counts).toMatchObject({ left: 0, right: 0 });
  });
});

describe("a zone", () => {
  it("counts who is in it now, and who ever was", () => {
    const zone = { left: 0, top: 0, right: 0.5, bottom: 0.5 };
    const counter = new TrackCounter();
    const at = (...places: readonly (readonly [id: number, x: number])[]) =>
      counter.next(
        places.map(([id, x]) => ({ id, x, y: 0.2 })),
        { zone },
      );
    expect(at([1, 0.1], [2, 0.9])).toMatchObject({ inside: 1, entered: 1 });
    expect(at([1, 0.7], [2, 0.3], [3, 0.4])).toMatchObject({ inside: 2, entered: 3 });
    expect(at([1, 0.1])).toMatchObject({ inside: 1, entered: 3 });
  });
});

it("trails have the last places, and fade behind who is gone", () => {
  const counter = new TrackCounter();
  for (let n = 0; n < 100; n++) counter.next([{ id: 7, x: n / 100, y: 0 }], {});
  expect(counter.trails.get(7)).toHaveLength(40);
  expect(counter.trails.get(7)!.at(-1)).toEqual({ x: 0.99, y: 0 });
  for (let n = 0; n < 39; n++) counter.next([], {});
  expect(counter.trails.get(7)).toHaveLength(1);
  counter.next([], {});
  expect(counter.trails.size).toBe(0);
});
