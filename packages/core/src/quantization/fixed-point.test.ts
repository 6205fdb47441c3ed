import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  frexp,
  multiplyByQuantizedMultiplier,
  multiplyHigh,
  quantizeMultiplier,
  requantize,
  roundingDivide,
} from "./index.js";

/** gemmlowp's definition: add a nudge of the product's sign, then divide towards zero, in 64 bits. */
function multiplyHighReference(a: number, b: number): number {
  if (a === -(2 ** 31) && b === -(2 ** 31)) return 2 ** 31 - 1;
  const product = BigInt(a) * BigInt(b);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  return Number((product + nudge) / (1n << 31n));
}

/** Nearest quotient, halves away from zero. */
function roundingDivideReference(x: number, exponent: number): number {
  if (exponent === 0) return x;
  const half = 1n << BigInt(exponent - 1);
  const magnitude = (BigInt(Math.abs(x)) + half) >> BigInt(exponent);
  return Number(x < 0 ? -magnitude : magnitude);
}

const extremes = [0, 1, 2, 2 ** 15, 2 ** 16, 2 ** 22, 2 ** 30, 2 ** 31 - 1]
  .flatMap((x) => [x - 1, x, x + 1, -x - 1, -x, -x + 1, -(2 ** 31)])
  .filter((x) => x === (x | 0));
const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(...extremes));

describe("multiplyHigh", () => {
  it("is gemmlowp's SaturatingRoundingDoublingHighMul at every pair of extremes", () => {
    for (const a of extremes)
      for (const b of extremes) expect([a, b, multiplyHigh(a, b)]).toEqual([a, b, multiplyHighReference(a, b) | 0]);
  });
  it("is exact on any int32", () => {
    fc.assert(
      fc.property(int32, int32, (a, b) => multiplyHigh(a, b) === multiplyHighReference(a, b)),
      { numRuns: 20_000 },
    );
  });
});

describe("roundingDivide", () => {
  it("rounds to nearest, halves away from zero", () => {
    expect([-6, -5, -3, -2, -1, 1, 2, 3, 5, 6].map((x) => roundingDivide(x, 2))).toEqual([
      -2, -1, -1, -1, 0, 0, 1, 1, 1, 2,
    ]);
    fc.assert(
      fc.property(
        int32,
        fc.integer({ min: 0, max: 31 }),
        (x, exponent) => roundingDivide(x, exponent) === roundingDivideReference(x, exponent),
      ),
      { numRuns: 5000 },
    );
  });
});

describe("quantizeMultiplier", () => {
  it("gives TFLite's known values", () => {
    expect(quantizeMultiplier(0)).toEqual({ multiplier: 0, shift: 0 });
    expect(quantizeMultiplier(1)).toEqual({ multiplier: 2 ** 30, shift: 1 });
    expect(quantizeMultiplier(0.25)).toEqual({ multiplier: 2 ** 30, shift: -1 });
    expect(quantizeMultiplier(50 - 5e-9)).toEqual({ multiplier: 1677721600, shift: 6 });
    expect(quantizeMultiplier(50)).toEqual({ multiplier: 1677721600, shift: 6 });
    expect(quantizeMultiplier(1 - 2 ** -40)).toEqual({ multiplier: 2 ** 30, shift: 1 }); // rounds up to 2^31
    expect(quantizeMultiplier(2 ** -33)).toEqual({ multiplier: 0, shift: 0 });
  });
  it("is within half a unit of the last bit", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1e6, noNaN: true }), (scale) => {
        const { multiplier, shift } = quantizeMultiplier(scale);
        return (
          multiplier >= 2 ** 30 &&
          multiplier < 2 ** 31 &&
          Math.abs(multiplier * 2 ** (shift - 31) - scale) <= scale * 2 ** -31
        );
      }),
    );
  });
  it("takes numbers apart, subnormals too", () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: 1e308, noNaN: true }), (x) => {
        const { fraction, exponent } = frexp(x);
        return (
          fraction >= 0.5 &&
          fraction < 1 &&
          fraction * 2 ** Math.min(exponent, 1000) * 2 ** Math.max(0, exponent - 1000) === x
        );
      }),
    );
  });
});

describe("multiplyByQuantizedMultiplier", () => {
  it("rounds twice", () => {
    // 0.5 to 0 or 1 by sign, and 0.375 to 1 because its first rounding makes it 0.5.
    expect(multiplyByQuantizedMultiplier(1, 2 ** 30, 0)).toBe(1);
    expect(multiplyByQuantizedMultiplier(-1, 2 ** 30, 0)).toBe(0);
    expect(multiplyByQuantizedMultiplier(1, 1.5 * 2 ** 30, -1)).toBe(1);
    expect(multiplyByQuantizedMultiplier(-1000, quantizeMultiplier(0.75).multiplier, 0)).toBe(-750);
    expect(multiplyByQuantizedMultiplier(10, 2 ** 30, 1)).toBe(10);
    expect(multiplyByQuantizedMultiplier(10, 2 ** 30, 4)).toBe(80);
  });
  it("is within 1 of the real product, and clamps in requantize", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 24), max: 2 ** 24 }),
        fc.double({ min: 1e-8, max: 1, noNaN: true }),
        fc.integer({ min: -128, max: 127 }),
        (x, scale, zeroPoint) => {
          const { multiplier, shift } = quantizeMultiplier(scale);
          const y = multiplyByQuantizedMultiplier(x, multiplier, shift);
          expect(Math.abs(y - x * scale)).toBeLessThanOrEqual(1);
          expect(requantize(x, multiplier, shift, zeroPoint, -128, 127)).toBe(
            Math.min(127, Math.max(-128, y + zeroPoint)),
          );
        },
      ),
    );
  });
});
