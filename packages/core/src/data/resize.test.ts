import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { boxFromRect, boxIntoRect, crop, fitPicture, fitRect, resize } from "./resize.js";
import type { Picture } from "./types.js";

function noise(width: number, height: number, channels: number, seed = 1): Picture {
  const random = new Random(seed, width, height);
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, () => random.integer(256)),
  };
}

/** The definition without separability: every output pixel is the 2-D triangle-weighted mean of all pixels. */
function naive(
  p: Picture,
  rect: { x: number; y: number; width: number; height: number },
  w: number,
  h: number,
  fill: number,
): number[] {
  const out: number[] = [];
  const sx = rect.width / w;
  const sy = rect.height / h;
  const triangle = (d: number, scale: number) => Math.max(0, 1 - Math.abs(d) / Math.max(1, scale));
  for (let oy = 0; oy < h; oy++) {
    for (let ox = 0; ox < w; ox++) {
      const cx = rect.x + (ox + 0.5) * sx;
      const cy = rect.y + (oy + 0.5) * sy;
      for (let c = 0; c < p.channels; c++) {
        if (cx < 0 || cy < 0 || cx > p.width || cy > p.height) {
          out.push(fill);
          continue;
        }
        let sum = 0;
        let total = 0;
        for (let y = 0; y < p.height; y++) {
          for (let x = 0; x < p.width; x++) {
            const weight = triangle(x + 0.5 - cx, sx) * triangle(y + 0.5 - cy, sy);
            sum += weight * p.data[(y * p.width + x) * p.channels + c];
            total += weight;
          }
        }
        out.push(sum / total);
      }
    }
  }
  return out;
}

describe("resize", () => {
  const sizes = fc.record({ w: fc.integer({ min: 1, max: 17 }), h: fc.integer({ min: 1, max: 17 }) });

  it("equals the definition, shrinking, growing and mixed", () => {
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(1, 3, 4), (a, b, channels) => {
        const p = noise(a.w, a.h, channels);
        const expected = naive(p, { x: 0, y: 0, width: a.w, height: a.h }, b.w, b.h, 0);
        const bytes = resize(p, { width: b.w, height: b.h }).data;
        expected.forEach((v, i) => {
          expect(Math.abs(bytes[i] - v)).toBeLessThanOrEqual(0.5 + 1e-4);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("crops any rectangle as the definition does, with fill outside", () => {
    const edge = fc.double({ min: -12, max: 20, noNaN: true });
    const side = fc.double({ min: 0.6, max: 40, noNaN: true });
    fc.assert(
      fc.property(sizes, sizes, fc.record({ x: edge, y: edge, width: side, height: side }), (a, b, rect) => {
        const p = noise(a.w, a.h, 3);
        const got = crop(p, rect, { width: b.w, height: b.h }, 40).data;
        naive(p, rect, b.w, b.h, 40).forEach((v, i) => {
          expect(Math.abs(got[i] - v)).toBeLessThanOrEqual(0.5 + 1e-4);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("keeps a constant picture constant, also at 0 and 255", () => {
    for (const value of [0, 1, 254, 255]) {
      const p = { width: 37, height: 23, channels: 3, data: new Uint8Array(37 * 23 * 3).fill(value) };
      for (const size of [
        { width: 11, height: 50 },
        { width: 96, height: 7 },
      ]) {
        expect(resize(p, size).data.every((v) => v === value)).toBe(true);
      }
    }
  });

  it("known values: 2x growth has quarter weights, 2x shrinking has 1 3 3 1", () => {
    const line = { width: 4, height: 1, channels: 1, data: Uint8Array.of(0, 80, 160, 240) };
    expect([...resize(line, { width: 8, height: 1 }).data]).toEqual([0, 20, 60, 100, 140, 180, 220, 240]);
    const long = { width: 6, height: 1, channels: 1, data: Uint8Array.of(0, 80, 160, 240, 80, 0) };
    expect(resize(long, { width: 3, height: 1 }).data[1]).toBe((80 + 3 * 160 + 3 * 240 + 80) / 8);
  });

  it("a crop of the whole picture is a resize", () => {
    const p = noise(31, 19, 3);
    const size = { width: 16, height: 24 };
    expect(crop(p, { x: 0, y: 0, width: 31, height: 19 }, size).data).toEqual(resize(p, size).data);
  });

  it("names impossible sizes", () => {
    const p = noise(4, 4, 1);
    expect(() => resize(p, { width: 0, height: 4 })).toThrow("0x4 is not a size");
    expect(() => crop(p, { x: 0, y: 0, width: 0, height: 2 }, { width: 2, height: 2 })).toThrow("is empty");
    expect(() => resize({ ...p, data: p.data.subarray(1) }, { width: 2, height: 2 })).toThrow("not 15");
  });
});

describe("fit", () => {
  it("letterboxes with centred bars and keeps the shape", () => {
    const p = { width: 40, height: 20, channels: 3, data: new Uint8Array(40 * 20 * 3).fill(200) };
    const out = fitPicture(p, { width: 16, height: 16 }, "letterbox");
    const column = Array.from({ length: 16 }, (_, y) => out.data[(y * 16 + 8) * 3]);
    expect(column).toEqual([114, 114, 114, 114, ...Array(8).fill(200), 114, 114, 114, 114]);
    expect(fitPicture(p, { width: 16, height: 16 }, "stretch").data.every((v) => v === 200)).toBe(true);
  });

  it("boxes go into a rectangle and back", () => {
    const picture = { width: 40, height: 20 };
    const rect = fitRect(picture, { width: 16, height: 16 }, "letterbox");
    const box = { class: 1, x: 0.25, y: 0.5, width: 0.5, height: 1, trackId: 7 };
    const inside = boxIntoRect(box, picture, rect);
    expect(inside).toEqual({ class: 1, x: 0.25, y: 0.5, width: 0.5, height: 0.5, trackId: 7 });
    expect(boxFromRect(inside, picture, rect)).toEqual(box);
  });
});
