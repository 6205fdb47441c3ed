import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { nearCopyGroups } from "./picture-groups.js";
import {
  correlation,
  differenceHash,
  greyCells,
  hammingDistance,
  leastComparedSide,
  nearCopy,
  PictureCells,
  type PictureHash,
} from "./picture-hash.js";
import { resize } from "./resize.js";
import type { Picture } from "./types.js";

/** A picture of a few soft spots, similar to the large shapes of photographs. */
function photo(seed: number, width = 180, height = 128): Picture {
  const random = new Random(seed, 1);
  const spots = Array.from({ length: 6 }, () => ({
    x: random.uniform(),
    y: random.uniform(),
    size: 0.1 + 0.3 * random.uniform(),
    shade: 255 * random.uniform() - 127,
  }));
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let value = 127;
      for (const spot of spots) {
        const far = ((x / width - spot.x) ** 2 + (y / height - spot.y) ** 2) / spot.size ** 2;
        value += spot.shade * Math.exp(-far);
      }
      data[y * width + x] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return { width, height, channels: 1, data };
}

it("near copies are grouped over any chain of pairs, with what has the same digest, and nothing without a look", () => {
  const cells = (seed: number, width?: number, height?: number) => greyCells(photo(seed, width, height)) as Uint8Array;
  const looks = [
    { cells: cells(1) },
    undefined,
    { cells: cells(2), digest: "a" },
    { cells: cells(1, 90, 64) },
    { digest: "a" },
    { cells: cells(3) },
    { cells: cells(1, 360, 256) },
  ];
  expect(nearCopyGroups(looks)).toEqual([
    [0, 3, 6],
    [2, 4],
  ]);
  expect(nearCopyGroups([])).toEqual([]);
});

describe("cells and hash of a picture", () => {
  it("are those of brute force", () => {
    const { width, height, channels, data } = photo(1, 90, 80);
    const cells = greyCells({ width, height, channels, data }) as Uint8Array;
    for (const [cell, value] of cells.entries()) {
      let sum = 0;
      for (let y = 0; y < 10; y++)
        for (let x = 0; x < 10; x++) sum += data[(10 * Math.floor(cell / 9) + y) * 90 + 10 * (cell % 9) + x];
      expect(value).toBe(Math.round(sum / 100));
    }
    const hash = differenceHash(cells);
    for (let bit = 0; bit < 64; bit++) {
      const at = 9 * (bit >> 3) + (bit & 7);
      expect((hash[bit >> 5] >>> (bit & 31)) & 1).toBe(cells[at] < cells[at + 1] ? 1 : 0);
    }
  });

  it("are those of RGB as of grey, and of no picture that is too small", () => {
    const grey = photo(2);
    const rgb = {
      ...grey,
      channels: 3,
      data: Uint8Array.from({ length: grey.data.length * 3 }, (_, i) => grey.data[Math.floor(i / 3)]),
    };
    expect(greyCells(rgb)).toEqual(greyCells(grey));
    expect(greyCells(photo(2, 200, leastComparedSide - 1))).toBeUndefined();
    expect(greyCells(photo(2, 72, 64), { width: 28, height: 28 })).toBeUndefined();
  });

  it("count the bits that differ", () => {
    const bits = fc.tuple(fc.integer(), fc.integer());
    fc.assert(
      fc.property(bits, bits, (a, b) => {
        let count = 0;
        for (let i = 0; i < 2; i++) for (let bit = 0; bit < 32; bit++) count += ((a[i] ^ b[i]) >>> bit) & 1;
        expect(hammingDistance(a as PictureHash, b as PictureHash)).toBe(count);
      }),
    );
  });

  it("hardly change with size and brightness, and tell pictures apart", () => {
    const pictures = Array.from({ length: 30 }, (_, n) => photo(n));
    const hashes = pictures.map((each) => greyCells(each) as Uint8Array);
    for (const [n, each] of pictures.entries()) {
      const smaller = greyCells(resize(each, { width: 91, height: 67 })) as Uint8Array;
      const brighter = greyCells({ ...each, data: each.data.map((v) => Math.min(255, 0.9 * v + 20)) }) as Uint8Array;
      for (const other of [smaller, brighter])
        expect(new PictureCells([hashes[n], other]).areAlike(0, 1, nearCopy)).toBe(true);
    }
    const found: number[] = [];
    new PictureCells(hashes).eachNearCopy((a, b) => found.push(a, b));
    expect(found).toEqual([]);
    expect(correlation(hashes[0], hashes[0])).toBeCloseTo(1, 12);
    expect(correlation(new Uint8Array(72), hashes[0])).toBe(0);
  });

  it("find every pair that brute force finds", () => {
    const random = new Random(4, 4);
    const base = Array.from({ length: 40 }, (_, n) => greyCells(photo(n)) as Uint8Array);
    const cells = base.flatMap((each) =>
      [0, 1, 2].map((k) => (k === 0 ? each : each.map((v) => Math.max(0, Math.min(255, v + random.integer(9) - 4))))),
    );
    const pictures = new PictureCells([...cells, undefined]);
    const found = new Set<string>();
    pictures.eachNearCopy((a, b) => found.add(`${a} ${b}`));
    const wanted = new Set<string>();
    for (let a = 0; a < cells.length; a++)
      for (let b = a + 1; b < cells.length; b++) if (pictures.areAlike(a, b, nearCopy)) wanted.add(`${a} ${b}`);
    expect(found).toEqual(wanted);
    expect(wanted.size).toBeGreaterThan(60);
  });

  it("are compared in less than the square of their number", () => {
    const random = new Random(5, 5);
    const cells = Array.from({ length: 20_000 }, () => Uint8Array.from({ length: 72 }, () => random.integer(256)));
    let pairs = 0;
    new PictureCells(cells).eachNearCopy(() => pairs++);
    expect(pairs).toBe(0);
  });
});
