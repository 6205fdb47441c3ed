import type { WireFrame } from "@phinets/core/wire";
import { describe, expect, it } from "vitest";
import { Trails } from "./trails.js";

const frame = (number: number, ...ids: readonly number[]): WireFrame => ({
  frame: number,
  tracks: ids.map((id) => ({ id, class: 1, score: 0.5, x1: number, y1: 0, x2: number + 2, y2: 4 })),
});

describe("trails", () => {
  it("are where a track was, oldest first, sixty points at most", () => {
    const trails = new Trails();
    trails.add(frame(0, 7));
    expect(trails.add(frame(1, 7))).toEqual([
      {
        id: 7,
        class: 1,
        points: [
          [1, 2],
          [2, 2],
        ],
      },
    ]);
    let last = trails.add(frame(2, 7));
    for (let n = 3; n < 100; n++) last = trails.add(frame(n, 7));
    expect(last[0].points).toHaveLength(60);
    expect(last[0].points.at(-1)).toEqual([100, 2]);
  });

  it("outlive their track by a little, and a board that is started again", () => {
    const trails = new Trails();
    trails.add(frame(5, 1, 2));
    expect(trails.add(frame(20, 2)).map(({ id }) => id)).toEqual([1, 2]);
    expect(trails.add(frame(21, 2)).map(({ id }) => id)).toEqual([2]);
    expect(trails.add(frame(0, 3)).map(({ id }) => id)).toEqual([3]);
  });
});
