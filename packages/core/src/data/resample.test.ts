import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { resampleInto } from "./resample.js";
import type { Picture, SourceRect } from "./types.js";

const random = new Random(4);
const noise = (width: number, height: number, channels: number): Picture => ({
  width,
  height,
  channels,
  data: Uint8Array.from({ length: width * height * channels }, () => random.integer(256)),
});

/** First input index and weights of an output; undefined if its centre is outside. */
function weightsAt(output: number, inputs: number, origin: number, length: number, outputs: number) {
  const support = Math.max(length / outputs, 1);
  const centre = origin + (output + 0.5) * (length / outputs);
  if (centre < 0 || centre > inputs) return undefined;
  const first = Math.max(0, Math.floor(centre - support + 0.5));
  const end = Math.min(inputs, Math.floor(centre + support + 0.5));
  const triangle = Array.from({ length: end - first }, (_, i) =>
    Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / support),
  );
  const sum = triangle.reduce((a, b) => a + b, 0);
  return { first, weights: triangle.map((weight) => weight / sum) };
}

/**
 * Computes each value in the order that resample.ts documents: float64 sums, with the row result rounded to float32.
 */
function reference(picture: Picture, rect: SourceRect, width: number, height: number, fill: number, mirrored: boolean) {
  const { channels, data } = picture;
  const out = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const down = weightsAt(y, picture.height, rect.y, rect.height, height);
    for (let x = 0; x < width; x++) {
      const across = weightsAt(mirrored ? width - 1 - x : x, picture.width, rect.x, rect.width, width);
      for (let c = 0; c < channels; c++) {
        const inRow = (row: number) =>
          across?.weights.reduce(
            (sum, w, i) => sum + w * data[(row * picture.width + across.first + i) * channels + c],
            0,
          );
        const value = down?.weights.reduce((sum, w, i) => sum + w * Math.fround(inRow(down.first + i) ?? fill), 0);
        out[(y * width + x) * channels + c] = (value ?? fill) + 0.5;
      }
    }
  }
  return out;
}

/** Resamples into a part of a larger picture; the surrounding pixels must not change. */
function expectReference(picture: Picture, rect: SourceRect, width: number, height: number, mirrored = false): void {
  const { channels } = picture;
  const target = { width: width + 3, height: height + 2, channels, data: new Uint8Array(0) };
  const rowBytes = target.width * channels;
  const wanted = new Uint8Array(target.height * rowBytes).fill(7);
  const part = reference(picture, rect, width, height, 40, mirrored);
  for (let y = 0; y < height; y++)
    wanted.set(part.subarray(y * width * channels, (y + 1) * width * channels), (y + 1) * rowBytes + 2 * channels);
  target.data = new Uint8Array(wanted.length).fill(7);
  resampleInto(picture, rect, target, { x: 2, y: 1, width, height }, 40, mirrored);
  expect(Buffer.compare(target.data, wanted)).toBe(0);
}

describe("resampling", () => {
  it("gives the reference's bytes, for any rectangle", () => {
    const side = fc.integer({ min: 1, max: 40 });
    const edge = fc.double({ min: -30, max: 40, noNaN: true });
    const length = fc.double({ min: 0.1, max: 80, noNaN: true });
    const rects = fc.record({ x: edge, y: edge, width: length, height: length });
    fc.assert(
      fc.property(side, side, fc.constantFrom(1, 3, 4), rects, side, side, fc.boolean(), (w, h, c, rect, ...rest) => {
        expectReference(noise(w, h, c), rect, ...rest);
      }),
      { numRuns: 300 },
    );
  });

  it("also for pictures of many rows, which come in bands, and much larger than before", () => {
    for (const [width, height, channels] of [
      [1000, 333, 3],
      [333, 801, 1],
      [50_001, 7, 3],
    ])
      expectReference(noise(width, height, channels), { x: 0, y: 0, width, height }, 12, 25);
    const picture = noise(400, 300, 3);
    expectReference(picture, { x: 100.25, y: 50.5, width: 230, height: 199.75 }, 32, 24);
    expectReference(picture, { x: 390, y: -0.5, width: 12, height: 9 }, 201, 103);
  });
});
