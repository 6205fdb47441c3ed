import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { crossEntropy } from "./cross-entropy.js";
import { emaDecayAt, learningRateAt } from "./schedule.js";

describe("learning rate", () => {
  const options = { learningRate: 0.1, warmupSteps: 10, totalSteps: 110, finalFraction: 0.02 };
  it("warms up in a line, peaks, and ends at the final fraction", () => {
    expect(learningRateAt(0, options)).toBeCloseTo(0.01, 12);
    expect(learningRateAt(9, options)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(10, options)).toBeCloseTo(0.1, 12);
    expect(learningRateAt(109, options)).toBeCloseTo(0.002, 12);
    const middle = learningRateAt(60, options);
    expect(middle).toBeGreaterThan(0.045);
    expect(middle).toBeLessThan(0.056);
  });
  it("never rises after the warm-up", () => {
    for (let step = 11; step < 110; step++) {
      expect(learningRateAt(step, options)).toBeLessThanOrEqual(learningRateAt(step - 1, options));
    }
  });
  it("refuses a rate of 0", () => {
    expect(() => learningRateAt(0, { ...options, learningRate: 0 })).toThrow("learning rate is 0; it must be positive");
  });
});

describe("EMA decay", () => {
  it("starts low, ends at the decay, and is short in a short run", () => {
    expect(emaDecayAt(0, 0.999, 1e5)).toBeCloseTo(0.1);
    expect(emaDecayAt(1e6, 0.999, 1e6)).toBe(0.999);
    expect(emaDecayAt(1000, 0.999, 1200)).toBeCloseTo(0.99);
    expect(emaDecayAt(3, 0.999, 4)).toBe(0);
  });
});

describe("cross-entropy", () => {
  const random = new Random(5);
  const logits = Float32Array.from({ length: 4 * 7 }, () => 3 * random.normal());
  const targets = [0, 6, 3, 3];
  for (const smoothing of [0, 0.1]) {
    it(`gradient equals finite differences, smoothing ${smoothing}`, () => {
      const { gradient } = crossEntropy(logits, 7, targets, { smoothing });
      for (let i = 0; i < logits.length; i++) {
        const h = 2 ** -10;
        const at = (delta: number) => crossEntropy(logits.with(i, logits[i] + delta), 7, targets, { smoothing }).loss;
        expect(gradient[i]).toBeCloseTo((at(h) - at(-h)) / (2 * h), 4);
      }
    });
  }
  it("is log(classes) for equal logits, and counts what is right", () => {
    expect(crossEntropy(new Float32Array(10), 10, [4]).loss).toBeCloseTo(Math.log(10), 12);
    expect(crossEntropy(Float32Array.of(0, 9, 0, 9, 0, 0), 3, [1, 2]).correct).toBe(1);
  });
  it("does not overflow", () => {
    expect(crossEntropy(Float32Array.of(1e4, -1e4), 2, [1]).loss).toBeCloseTo(2e4, 0);
  });
});
