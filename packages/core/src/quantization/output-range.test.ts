import { describe, expect, test } from "vitest";
import { Random } from "../tensor/index.js";
import { leastHarmfulRange, type OutputError } from "./index.js";

const random = new Random(4);
/** Mostly within 1 of zero, with one value in a hundred at 20. */
const output = Float32Array.from({ length: 2000 }, (_, i) => (i % 100 === 0 ? 20 : random.uniform(-1, 1)));
const seen = { low: -1, high: 20 };
const squares: OutputError = (exact, rounded) => exact.reduce((sum, x, i) => sum + (x - rounded[i]) ** 2, 0);

describe("the range of an output", () => {
  test("covers everything when the error counts every clipped distance", () => {
    expect(leastHarmfulRange(seen, [output], squares)).toEqual(seen);
  });

  test("leaves out only values that the error ignores", () => {
    const upToSix: OutputError = (exact, rounded) =>
      squares(
        exact.map((x) => Math.min(x, 6)),
        rounded.map((x) => Math.min(x, 6)),
      );
    const { low, high } = leastHarmfulRange(seen, [output], upToSix);
    expect(low).toBe(-1);
    expect(high).toBe(6.25); // the smallest multiple of a sixteenth of 20 that is at least 6
  });

  test("handles an output of one sign, and one of zeros", () => {
    const positive = output.map(Math.abs);
    expect(leastHarmfulRange({ low: 0, high: 20 }, [positive], squares)).toEqual({ low: 0, high: 20 });
    expect(leastHarmfulRange({ low: 0, high: 0 }, [new Float32Array(4)], squares)).toEqual({ low: 0, high: 0 });
  });
});
