import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { assembleBatch, prepareSample } from "./batches.js";
import { blendPictures, drawShare256 } from "./mixup.js";

const still = { flip: 0, jitter: 0, hueDegrees: 0, saturation: 1, exposure: 1 };
const grey = (value: number) => ({ width: 4, height: 3, channels: 1, data: new Uint8Array(12).fill(value) });

describe("mixup", () => {
  it("shares have Beta's mean and variance", () => {
    for (const alpha of [0.05, 0.2, 1, 8]) {
      const random = new Random(5);
      const shares = Array.from({ length: 8000 }, () => drawShare256(alpha, random) / 256);
      const mean = shares.reduce((a, b) => a + b) / shares.length;
      const variance = shares.reduce((sum, s) => sum + (s - 0.5) ** 2, 0) / shares.length;
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
      expect(Math.abs(variance / (1 / (4 * (2 * alpha + 1))) - 1)).toBeLessThan(0.06);
      expect(shares.every((s) => s >= 0 && s <= 1)).toBe(true);
    }
    expect([0, 256]).toContain(drawShare256(1e-4, new Random(1))); // both gammas underflow
  });

  it("blends pixels by the share", () => {
    const picture = grey(200);
    blendPictures(picture, grey(100), 64);
    expect(picture.data[0]).toBe(125);
    blendPictures(picture, grey(0), 256);
    expect(picture.data[0]).toBe(125);
  });

  it("pixels show the share that the targets say", () => {
    const source = { length: 64, at: (n: number) => ({ picture: grey((n % 2) * 255), class: n % 2 }) };
    const options = { width: 4, height: 3, channels: 1, augment: { ...still, mixup: 1, mixupAlpha: 1 } };
    const samples = Int32Array.from({ length: 64 }, (_, i) => i);
    for (let epoch = 0; epoch < 3; epoch++) {
      const { input, classes, mixed } = assembleBatch(source, samples, epoch, options);
      expect(mixed).toBeDefined();
      let blended = 0;
      for (let i = 0; i < 64; i++) {
        const share = mixed!.shares[i];
        const expected = 255 * ((1 - share) * classes[i] + share * mixed!.classes[i]);
        expect(Math.abs((input[i * 12] + 1) * 128 - expected)).toBeLessThanOrEqual(0.5);
        if (share > 0.1 && share < 0.9 && mixed!.classes[i] !== classes[i]) blended++;
      }
      expect(blended).toBeGreaterThan(10);
    }
  });

  it("a detector's pictures keep the boxes of both", () => {
    const box = (n: number) => ({ class: n, x: 0.5, y: 0.5, width: 0.9, height: 0.9 });
    const source = { length: 2, at: (n: number) => ({ picture: grey(n * 255), labels: [box(n)] }) };
    const made = Array.from({ length: 40 }, (_, epoch) =>
      prepareSample(source, 0, epoch, { width: 4, height: 3, channels: 1, augment: { ...still, mixup: 0.5 } }),
    );
    const both = made.filter(({ labels }) => labels.length === 2);
    expect(both.length).toBeGreaterThan(8);
    expect(both.length).toBeLessThan(32);
    for (const { picture, labels } of both) {
      expect(labels[0].class).toBe(0);
      if (labels[1].class === 1) expect(picture.data[0]).toBeGreaterThan(20);
    }
    const batch = assembleBatch(source, Int32Array.of(0, 1), 0, {
      width: 4,
      height: 3,
      channels: 1,
      augment: { mixup: 1 },
    });
    expect(batch.mixed).toBeUndefined();
  });
});
