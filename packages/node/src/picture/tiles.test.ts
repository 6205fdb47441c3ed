import type { Detection } from "@phinets/core/detection";
import { joinTiles, tilesOf } from "@phinets/core/model";
import { describe, expect, it } from "vitest";
import { parseTiles } from "./tiles.js";

const box = (x: number, y: number, width: number, height: number, score: number, index = 0): Detection => ({
  ...{ x, y, width, height, score },
  class: index,
});

describe("tiles", () => {
  it("cover the picture to its edges and overlap by a fifth", () => {
    const tiles = tilesOf({ width: 768, height: 576 }, { columns: 3, rows: 2 });
    expect(tiles.length).toBe(6);
    const last = tiles[5];
    expect(last.x + last.width).toBeCloseTo(768, 9);
    expect(last.y + last.height).toBeCloseTo(576, 9);
    expect(tiles[0].width - tiles[1].x).toBeCloseTo(tiles[0].width / 5, 9);
    expect(tiles[0].height - tiles[3].y).toBeCloseTo(tiles[0].height / 5, 9);
  });

  it("give an object that several saw once, by its best box, also where an edge cut it off", () => {
    const whole = box(100, 100, 40, 80, 0.9);
    const joined = joinTiles(
      [
        box(100, 100, 40, 30, 0.8),
        whole,
        box(102, 99, 40, 80, 0.5),
        box(300, 100, 40, 80, 0.3),
        box(100, 100, 40, 80, 0.7, 1),
      ],
      0.45,
      100,
    );
    expect(joined.map(({ score }) => score)).toEqual([0.9, 0.7, 0.3]);
    expect(joinTiles([box(0, 0, 9, 9, 0.1), box(50, 0, 9, 9, 0.2)], 0.5, 1)).toMatchObject([{ score: 0.2 }]);
  });

  it("are refused by name", () => {
    expect(parseTiles("3x2")).toEqual({ columns: 3, rows: 2 });
    for (const text of ["", "2", "1x1", "0x3", "10x2", "2x2x2"])
      expect(() => parseTiles(text)).toThrow(`--tiles is ${text};`);
  });
});
