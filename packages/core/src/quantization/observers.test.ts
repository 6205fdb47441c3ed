import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random, sigmoid } from "../tensor/index.js";
import { Observer, type Range } from "./index.js";

/** Error of a function's results when its argument is int8 over the range, with zero exactly representable. */
function squaredError(values: Float32Array, { low, high }: Range, of = (x: number) => x): number {
  const scale = (high - low) / 255;
  const zeroPoint = Math.round(-128 - low / scale);
  return values.reduce((sum, x) => {
    const q = Math.min(127, Math.max(-128, Math.round(x / scale) + zeroPoint));
    return sum + (of(x) - of(scale * (q - zeroPoint))) ** 2;
  }, 0);
}

function observed(values: Float32Array): Observer {
  const observer = new Observer(1);
  for (let i = 0; i < values.length; i += 1000) observer.observe(values.subarray(i, i + 1000), "x");
  return observer;
}

describe("Observer", () => {
  it("keeps exact ends and means, and contains zero in its range", () => {
    const observer = new Observer(2);
    observer.observe(Float32Array.of(1, 10, 3, 30), "x");
    observer.observe(Float32Array.of(2, 20), "x");
    expect([observer.low, observer.high, observer.count]).toEqual([1, 30, 6]);
    expect([...observer.means()]).toEqual([2, 20]);
    expect(observer.range("minmax")).toEqual({ low: 0, high: 30 });
    expect(observer.range("minmax", { low: -1, high: 6 })).toEqual({ low: 0, high: 6 });
  });

  it("leaves a given share out with percentile", () => {
    const values = Float32Array.from({ length: 10_000 }, (_, i) => i / 100 - 20);
    const { low, high } = observed(values).range("percentile", undefined, 99);
    expect(low).toBeCloseTo(-19, 0);
    expect(high).toBeCloseTo(79, 0);
    const all = observed(values).range("percentile", undefined, 100);
    expect(all.low).toBe(-20);
    expect(all.high).toBeCloseTo(79.99, 2);
  });

  it("mse: no range of the search's grid is much better by brute force", () => {
    const random = new Random(4);
    for (const shape of [1, 3, 8]) {
      // A larger power gives heavier tails.
      const values = Float32Array.from({ length: 5000 }, () => {
        const x = random.normal();
        return Math.sign(x) * Math.abs(x) ** shape * (x < 0 ? 0.3 : 1);
      });
      const observer = observed(values);
      const full = observer.range("minmax");
      const chosen = squaredError(values, observer.range("mse"));
      let best = Number.POSITIVE_INFINITY;
      for (let i = 1; i <= 8; i++)
        for (let j = 1; j <= 8; j++)
          best = Math.min(best, squaredError(values, { low: (full.low * i) / 8, high: (full.high * j) / 8 }));
      expect(chosen).toBeLessThanOrEqual(best * 1.05);
      expect(chosen).toBeLessThanOrEqual(squaredError(values, full) * 1.02);
    }
  });

  it("mse: errors count by their channel's importance", () => {
    const random = new Random(6);
    // A loud channel that hardly matters beside a quiet one that does, whose error alone is brute-forced.
    const loud = Float32Array.from({ length: 4000 }, () => 20 * random.normal());
    const quiet = Float32Array.from({ length: 4000 }, () => random.normal());
    const values = Float32Array.from({ length: 8000 }, (_, i) => (i % 2 === 0 ? loud : quiet)[i >> 1]);
    const range = (importance?: Float64Array): Range => {
      const observer = new Observer(2, importance);
      observer.observe(values, "x");
      return observer.range("mse");
    };
    const weighted = (of: Range): number => 1e-6 * squaredError(loud, of) + squaredError(quiet, of);
    const chosen = range(Float64Array.of(1e-6, 1));
    let best = Number.POSITIVE_INFINITY;
    for (let end = 1; end < 80; end++) best = Math.min(best, weighted({ low: -end, high: end }));
    expect(weighted(chosen)).toBeLessThan(1.1 * best);
    expect(weighted(chosen)).toBeLessThan(weighted(range()) / 10);
  });

  it("mse: before an activation, the errors of its results count", () => {
    const random = new Random(7);
    // Most values are where the sigmoid is flat, where moving them a little costs nothing and moving them far does.
    const values = Float32Array.from({ length: 4000 }, (_, i) => (i % 4 === 0 ? 0.5 : 6) + 0.3 * random.normal());
    const observer = new Observer(1, undefined, {
      value: sigmoid,
      slope: (x) => sigmoid(x) * (1 - sigmoid(x)),
    });
    observer.observe(values, "x");
    const chosen = squaredError(values, observer.range("mse"), sigmoid);
    let best = Number.POSITIVE_INFINITY;
    for (let end = 0.1; end < 8; end += 0.05)
      best = Math.min(best, squaredError(values, { low: observer.range("mse").low, high: end }, sigmoid));
    expect(chosen).toBeLessThan(1.1 * best);
  });

  it("every method stays within what was seen and around zero", () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e6), max: Math.fround(1e6) }), {
          minLength: 1,
          maxLength: 50,
        }),
        fc.constantFrom("minmax" as const, "percentile" as const, "mse" as const),
        (values, method) => {
          const { low, high } = observed(Float32Array.from(values)).range(method);
          expect(low).toBeLessThanOrEqual(0);
          expect(high).toBeGreaterThanOrEqual(0);
          expect(low).toBeGreaterThanOrEqual(Math.min(0, ...values));
          expect(high).toBeLessThanOrEqual(Math.max(0, ...values));
        },
      ),
    );
  });

  it("names a value that is not finite", () => {
    expect(() => new Observer(1).observe(Float32Array.of(1, Number.NaN), "conv3")).toThrow(
      /value "conv3" is not finite/,
    );
  });
});
