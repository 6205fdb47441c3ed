import { describe, expect, it } from "vitest";
import { buildNetwork, expansionFactor, parseNetwork, roundWidth } from "./index.js";

describe("widths", () => {
  it("truncates before it rounds to the divisor, and never loses more than 10 %", () => {
    expect(roundWidth(9.99, 1)).toBe(9);
    expect(roundWidth(0.7, 1)).toBe(1);
    expect(roundWidth(11.99, 8)).toBe(16); // 11 -> 8, below 90 % of 11
    expect(roundWidth(12, 8)).toBe(16);
    expect(roundWidth(9, 8)).toBe(16);
    expect(roundWidth(8.9, 8)).toBe(8);
    expect(roundWidth(5, 4)).toBe(8);
  });
  it("evaluates the expansion in the reference's order", () => {
    const network = parseNetwork({
      family: "phinet",
      input: { height: 64, width: 64 },
      t0: 2,
      beta: 0.5,
      blocks: 6,
    });
    expect(Math.trunc(expansionFactor(network, 2, 6) * 9)).toBe(14); // exact arithmetic gives 15
  });
});

describe("refusals name the option to change", () => {
  const build = (options: object, size = 64) =>
    buildNetwork(parseNetwork({ family: "phinet", input: { height: size, width: size, channels: 3 }, ...options }));
  it.each([
    [{ conv2dInput: true, alpha: 0.03 }, 64, /int\(24\*alpha\) = 0 channels with alpha 0\.03/],
    [{ conv2dInput: true, alpha: 0.5, divisor: 8 }, 64, /= 12 channels with alpha 0\.5, which divisor 8 rounds to 16/],
    [{ conv2dInput: true }, 2, /map is 2x2 where conv2dInput's 3x3 convolution needs 3x3/],
    [{ pool: true }, 16, /map is 1x1 where the max pool at block 7 needs 2x2; use a larger input/],
    [{ conv5: 1 }, 32, /map is 1x1 where block 7's 5x5 kernel with stride 2 needs 3x3/],
  ])("%j at %d px", (options, size, message) => {
    expect(() => build(options, size)).toThrow(message);
  });
  it("names the stem when a thin image cannot be convolved", () => {
    expect(() =>
      buildNetwork(parseNetwork({ family: "phinet", input: { height: 1, width: 64, channels: 1 } })),
    ).toThrow(/map is 2x65 where the stem's 3x3/);
  });
});
