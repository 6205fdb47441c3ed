import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { augment, classificationAugmentation, detectionAugmentation, digitAugmentation } from "./augment.js";
import { jitterColour } from "./colour.js";
import { moveBoxes } from "./move-boxes.js";
import type { BoxLabel, Picture } from "./types.js";

const off = { flip: 0, jitter: 0, hueDegrees: 0, saturation: 1, exposure: 1 };

function noise(width: number, height: number, channels = 3): Picture {
  const random = new Random(3);
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, () => random.integer(256)),
  };
}

describe("augment", () => {
  it("with everything off is a resize, and never the source's own memory", () => {
    const p = noise(20, 10);
    const out = augment(p, [], off, new Random(1), { width: 20, height: 10 });
    expect(out.picture).toEqual(p);
    expect(out.picture.data.buffer).not.toBe(p.data.buffer);
  });

  it("is a function of its random key", () => {
    const p = noise(40, 30);
    const run = (sample: number) =>
      augment(p, [], {}, new Random(1, 2, sample), { width: 24, height: 24 }).picture.data;
    expect(run(5)).toEqual(run(5));
    expect(run(5)).not.toEqual(run(6));
  });

  it("draws equally often whatever the options", () => {
    const after = [{}, off, classificationAugmentation, digitAugmentation].map((options) => {
      const random = new Random(9);
      augment(noise(8, 8), [], options, random, { width: 8, height: 8 });
      return random.uint32();
    });
    expect(new Set(after).size).toBe(1);
  });

  it("boxes follow: a bright rectangle stays where its box says", () => {
    // White rectangle on black: after any jitter and flip the white pixels must exactly fill the moved box.
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1 << 30 }), (seed) => {
        const [width, height] = [80, 60];
        const data = new Uint8Array(width * height);
        for (let y = 20; y < 45; y++) data.fill(255, y * width + 30, y * width + 66);
        const label = { class: 0, x: 48 / 80, y: 32.5 / 60, width: 36 / 80, height: 25 / 60, trackId: 4 };
        const size = { width: 100, height: 90 };
        const options = { hueDegrees: 0, saturation: 1, exposure: 1, fill: 0, minVisible: 0, minSidePixels: 3 };
        const out = augment({ width, height, channels: 1, data }, [label], options, new Random(seed), size);
        let [left, right, top, bottom] = [size.width, 0, size.height, 0];
        for (let y = 0; y < size.height; y++) {
          for (let x = 0; x < size.width; x++) {
            if (out.picture.data[y * size.width + x] < 128) continue;
            left = Math.min(left, x);
            right = Math.max(right, x + 1);
            top = Math.min(top, y);
            bottom = Math.max(bottom, y + 1);
          }
        }
        const [box] = out.labels;
        expect(box.trackId).toBe(4);
        expect(Math.abs((box.x - box.width / 2) * size.width - left)).toBeLessThan(1.01);
        expect(Math.abs((box.x + box.width / 2) * size.width - right)).toBeLessThan(1.01);
        expect(Math.abs((box.y - box.height / 2) * size.height - top)).toBeLessThan(1.01);
        expect(Math.abs((box.y + box.height / 2) * size.height - bottom)).toBeLessThan(1.01);
      }),
      { numRuns: 60 },
    );
  });

  it("boxes stay inside, centres below 1", () => {
    const fraction = fc.double({ min: 0, max: 1, noNaN: true });
    const box = fc.record({ class: fc.constant(0), x: fraction, y: fraction, width: fraction, height: fraction });
    fc.assert(
      fc.property(
        fc.array(box, { maxLength: 6 }),
        fc.integer(),
        fc.constantFrom("stretch", "letterbox"),
        (labels, seed, fit) => {
          const size = { width: 32, height: 48 };
          for (const b of augment(noise(30, 20), labels, { fit: fit as "stretch" }, new Random(seed), size).labels) {
            expect(b.x - b.width / 2).toBeGreaterThanOrEqual(-1e-9);
            expect(b.x + b.width / 2).toBeLessThanOrEqual(1 + 1e-9);
            expect(b.y).toBeLessThan(1);
            expect(b.width * 32).toBeGreaterThanOrEqual(2);
          }
        },
      ),
    );
  });

  it("jitter moves edges by at most its fraction and covers the range", () => {
    const widths = Array.from({ length: 300 }, (_, i) => {
      const label = { class: 0, x: 0.5, y: 0.5, width: 0.2, height: 0.2 };
      return augment(noise(50, 50), [label], detectionAugmentation, new Random(1, i), { width: 50, height: 50 })
        .labels[0].width;
    });
    expect(Math.min(...widths)).toBeGreaterThanOrEqual(0.2 / 1.5 - 1e-9);
    expect(Math.max(...widths)).toBeLessThanOrEqual(0.2 / 0.5 + 1e-9);
    expect(Math.min(...widths)).toBeLessThan(0.15);
    expect(Math.max(...widths)).toBeGreaterThan(0.3);
  });

  it("drops boxes that leave or become too small", () => {
    const picture = { width: 100, height: 100 };
    const at = (x: number, width: number): BoxLabel => ({ class: 0, x, y: 0.5, width, height: 0.4 });
    const half = { x: 50, y: 0, width: 50, height: 100 };
    const size = { width: 50, height: 50 };
    expect(moveBoxes([at(0.2, 0.2)], picture, half, size)).toEqual([]);
    const [cut] = moveBoxes([at(0.5, 0.2)], picture, half, size, false, 2, 0.49);
    expect(cut.x).toBeCloseTo(0.1, 12);
    expect(cut.width).toBeCloseTo(0.2, 12);
    expect(cut).toMatchObject({ class: 0, y: 0.5 });
    expect(moveBoxes([at(0.45, 0.2)], picture, half, size, false, 2, 0.5)).toEqual([]);
    expect(moveBoxes([at(0.75, 0.01)], picture, half, size, false, 2)).toEqual([]);
    expect(moveBoxes([at(0.6, 0.2)], picture, half, size, true)[0].x).toBeCloseTo(0.8, 12);
  });
});

describe("colour jitter", () => {
  /** One pixel changed in HSV by the textbook definition (Smith 1978). */
  function reference(rgb: readonly number[], turn: number, saturation: number, exposure: number): number[] {
    const [r, g, b] = rgb.map((v) => v / 255);
    const v = Math.max(r, g, b);
    const c = v - Math.min(r, g, b);
    let h = 0;
    if (c > 0) h = v === r ? ((g - b) / c + 6) % 6 : v === g ? (b - r) / c + 2 : (r - g) / c + 4;
    const s = Math.min(1, (v > 0 ? c / v : 0) * saturation);
    const v2 = Math.min(1, v * exposure);
    const channel = (n: number) => {
      const k = (n + h + turn + 6) % 6;
      return 255 * (v2 - v2 * s * Math.max(0, Math.min(k, 4 - k, 1)));
    };
    return [channel(5), channel(3), channel(1)];
  }

  it("equals the textbook's HSV", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const factor = fc.double({ min: 0.6, max: 1.7, noNaN: true });
    fc.assert(
      fc.property(
        byte,
        byte,
        byte,
        fc.double({ min: -1, max: 1, noNaN: true }),
        factor,
        factor,
        (r, g, b, turn, s, v) => {
          const data = Uint8Array.of(r, g, b);
          jitterColour(data, turn, s, v);
          reference([r, g, b], turn, s, v).forEach((expected, i) => {
            expect(Math.abs(data[i] - expected)).toBeLessThanOrEqual(0.501);
          });
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("leaves pixels alone when neutral", () => {
    const p = noise(64, 64);
    const copy = p.data.slice();
    jitterColour(copy, 0, 1, 1);
    expect(copy).toEqual(p.data);
  });
});
