import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import type { AugmentOptions } from "./augment.js";
import { assembleBatch, type LabelledPicture, prepareSample } from "./batches.js";
import { mosaic } from "./mosaic.js";
import type { BoxLabel, Picture } from "./types.js";

const still: AugmentOptions = { hueDegrees: 0, saturation: 1, exposure: 1, fill: 0 };
const everything: AugmentOptions = {
  mosaic: 0.6,
  mixup: 0.5,
  erase: 0.5,
  randAugment: 6,
  rotateDegrees: 20,
  zoom: 1.5,
  shift: 0.1,
};
const colours = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 0],
];

/** A black picture with one rectangle of the n-th colour, and its box, of class n. */
function rectangle(n: number, width: number, height: number, random: Random): LabelledPicture & { labels: BoxLabel[] } {
  const data = new Uint8Array(width * height * 3);
  const [left, top] = [random.integer(width >> 1), random.integer(height >> 1)];
  const [w, h] = [(width >> 2) + random.integer(width >> 2), (height >> 2) + random.integer(height >> 2)];
  for (let y = top; y < top + h; y++) {
    for (let x = left; x < left + w; x++) data.set(colours[n], (y * width + x) * 3);
  }
  const box = { x: (left + w / 2) / width, y: (top + h / 2) / height, width: w / width, height: h / height };
  return { picture: { width, height, channels: 3, data }, labels: [{ class: n, ...box }] };
}

/** Left, top, right and bottom of the pixels of the n-th colour. */
function extent({ width, data }: Picture, n: number): number[] {
  const found = [
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  for (let i = 0; i < data.length; i += 3) {
    if (!colours[n].every((v, c) => data[i + c] > 127 === v > 127)) continue;
    const [x, y] = [(i / 3) % width, Math.floor(i / 3 / width)];
    found[0] = Math.min(found[0], x);
    found[1] = Math.min(found[1], y);
    found[2] = Math.max(found[2], x + 1);
    found[3] = Math.max(found[3], y + 1);
  }
  return found;
}

function edges({ x, y, width, height }: BoxLabel, picture: Picture): number[] {
  const [w, h] = [picture.width, picture.height];
  return [(x - width / 2) * w, (y - height / 2) * h, (x + width / 2) * w, (y + height / 2) * h];
}

function noise(width: number, height: number, channels: number, seed: number): Picture {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: width * height * channels }, () => random.integer(256));
  return { width, height, channels, data };
}

describe("mosaic", () => {
  it("boxes are where their rectangles are", () => {
    let boxes = 0;
    for (let seed = 0; seed < 40; seed++) {
      const random = new Random(seed);
      const pictures = colours.map((_, n) => rectangle(n, 40 + random.integer(60), 40 + random.integer(60), random));
      const size = { width: 90 + random.integer(30), height: 80 + random.integer(30) };
      const options = { ...still, minVisible: 0, minSidePixels: 3 };
      const { picture, labels } = mosaic(pictures, options, random, size);
      expect(picture).toMatchObject({ ...size, channels: 3 });
      expect(new Set(labels.map((label) => label.class)).size).toBe(labels.length);
      for (const label of labels) {
        boxes++;
        const pixels = extent(picture, label.class);
        edges(label, picture).forEach((edge, i) => {
          expect(Math.abs(edge - pixels[i])).toBeLessThan(1.6);
        });
      }
      for (const n of colours.keys()) {
        const [left, top, right, bottom] = extent(picture, n);
        if (Math.min(right - left, bottom - top) > 5) expect(labels.some((label) => label.class === n)).toBe(true);
      }
    }
    expect(boxes).toBeGreaterThan(80);
  });

  it("has four parts, none smaller than a quarter of a side", () => {
    for (let seed = 0; seed < 20; seed++) {
      const pictures = [40, 90, 150, 220].map((v) => ({
        picture: { width: 30, height: 50, channels: 1, data: new Uint8Array(1500).fill(v) },
        labels: [],
      }));
      const { data } = mosaic(pictures, { ...still, jitter: 0 }, new Random(seed), { width: 64, height: 48 }).picture;
      const counts = [40, 90, 150, 220].map((v) => data.filter((pixel) => pixel === v).length);
      expect(counts.reduce((a, b) => a + b)).toBe(64 * 48);
      for (const count of counts) expect(count).toBeGreaterThanOrEqual(16 * 12);
    }
  });
});

describe("samples with everything on", () => {
  const sizes = fc.constantFrom([1, 1], [1, 9], [13, 1], [24, 16], [16, 24], [2, 3]);
  const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });

  it("are pictures of the right size with boxes inside, for any size and channels", () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        fc.constantFrom(1, 3),
        fc.constantFrom(1, 3),
        fc.array(fc.record({ class: fc.nat(3), x: fraction, y: fraction, width: fraction, height: fraction }), {
          maxLength: 4,
        }),
        fc.nat(),
        (from, to, sourceChannels, channels, labels, seed) => {
          const source = {
            length: 5,
            at: (n: number) => ({ picture: noise(from[0], from[1], sourceChannels, n), labels }),
          };
          const options = { width: to[0], height: to[1], channels, seed, augment: everything };
          const made = prepareSample(source, 2, 1, options);
          expect(made.picture).toMatchObject({ width: to[0], height: to[1], channels });
          expect(made.picture.data).toHaveLength(to[0] * to[1] * channels);
          for (const b of made.labels) {
            expect(Math.min(b.x - b.width / 2, b.y - b.height / 2)).toBeGreaterThanOrEqual(-1e-9);
            expect(Math.max(b.x + b.width / 2, b.y + b.height / 2)).toBeLessThanOrEqual(1 + 1e-9);
            expect(Math.min(b.width * to[0], b.height * to[1])).toBeGreaterThanOrEqual(2 - 1e-9);
          }
          expect(prepareSample(source, 2, 1, options)).toEqual(made);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("depend on seed, epoch and sample, not on what was made before; sources are not written to", () => {
    const pictures = Array.from({ length: 6 }, (_, n) => ({ picture: noise(20, 15, 3, n), labels: [], class: n }));
    const before = structuredClone(pictures);
    const source = { length: 6, at: (n: number) => pictures[n] };
    const options = { width: 12, height: 10, seed: 3, augment: structuredClone(everything) };
    const forward = assembleBatch(source, Int32Array.of(0, 1, 2, 3, 4, 5), 2, options);
    const backward = assembleBatch(source, Int32Array.of(5, 4, 3, 2, 1, 0), 2, options);
    for (let n = 0; n < 6; n++) {
      const [a, b] = [n * 360, (5 - n) * 360];
      expect(forward.input.slice(a, a + 360)).toEqual(backward.input.slice(b, b + 360));
      expect(forward.mixed?.shares[n]).toBe(backward.mixed?.shares[5 - n]);
    }
    expect(assembleBatch(source, Int32Array.of(0, 1, 2, 3, 4, 5), 3, options).input).not.toEqual(forward.input);
    expect(pictures).toEqual(before);
  });

  it("at strength 0 are what they are without", () => {
    const pictures = Array.from({ length: 4 }, (_, n) => rectangle(n, 50, 40, new Random(n)));
    const source = { length: 4, at: (n: number) => pictures[n] };
    const zero = { mosaic: 0, mixup: 0, erase: 0, randAugment: 0, rotateDegrees: 0, zoom: 1, shift: 0 };
    for (let n = 0; n < 4; n++) {
      const size = { width: 32, height: 32, seed: 1 };
      expect(prepareSample(source, n, 0, { ...size, augment: zero })).toEqual(
        prepareSample(source, n, 0, { ...size, augment: {} }),
      );
    }
  });
});
