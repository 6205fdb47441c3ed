import { describe, expect, it } from "vitest";
import { createInt8Module } from "../../kernels/index.js";
import { requantize } from "../../quantization/index.js";
import { Random } from "../../tensor/index.js";
import { Constants } from "./constants.js";
import { type Channel, efforts, floatConstantsOf } from "./requantization.js";

const random = new Random(11, 1);
const module = createInt8Module();
const find = (channel: Channel, effort?: number) =>
  floatConstantsOf(channel, new Constants(module, module.firstAddress()), effort);

function randomChannel(n: number): Channel {
  const zeroPoint = random.integer(256) - 128;
  const [clampMin, clampMax] = n % 3 === 0 ? [zeroPoint, Math.min(127, zeroPoint + random.integer(256))] : [-128, 127];
  // Sums over a wide range with small steps are the hard ones.
  const width = 2 ** (n % 4 === 1 ? 18 : random.uniform(0, 16));
  const middle = n % 5 === 0 ? random.integer(2 ** 20) - 2 ** 19 : random.integer(2 * Math.ceil(width)) - width;
  return {
    multiplier: n % 50 === 0 ? 0 : 2 ** 30 + random.integer(2 ** 30),
    shift: n % 4 === 1 ? -10 - random.integer(4) : -random.integer(n % 7 === 0 ? 24 : 13),
    low: Math.floor(middle - width),
    high: Math.ceil(middle + width),
    outputZeroPoint: zeroPoint,
    clampMin,
    clampMax,
  };
}

describe("rescaling in float32", () => {
  it("gives TensorFlow Lite's result for every sum of a channel", { timeout: 120_000 }, () => {
    const counts = [0, 0, 0];
    let none = 0;
    for (let n = 0; n < 300; n++) {
      const channel = randomChannel(n);
      const { multiplier, shift, low, high, outputZeroPoint, clampMin, clampMax } = channel;
      const found = find(channel, n % 6 === 0 ? efforts.thorough : undefined);
      if (found === undefined) {
        none++;
        continue;
      }
      counts[found.wrong.length]++;
      const changes = new Map(found.wrong.map(({ sum, change }) => [sum, change]));
      const [factor, half] = [found.factor, found.half];
      let differing = 0;
      for (let sum = low; sum <= high; sum++) {
        const moved = Math.fround(Math.fround(Math.fround(sum) * factor) + (sum < 0 ? -half : half));
        const result =
          Math.fround(moved + Math.fround(12582912 + outputZeroPoint)) - 12582912 + (changes.get(sum) ?? 0);
        const wanted = requantize(sum, multiplier, shift, outputZeroPoint, clampMin, clampMax);
        if (Math.max(clampMin, Math.min(clampMax, result)) !== wanted) differing++;
      }
      expect(differing, JSON.stringify(channel)).toBe(0);
    }
    // Each case occurs, and most channels need no correction.
    expect(counts[0]).toBeGreaterThan(200);
    expect(counts[1] + counts[2]).toBeGreaterThan(0);
    expect(none).toBeGreaterThan(0);
  });

  it("has no constants for a shift to the left or results beyond int16", () => {
    const channel: Channel = { ...randomChannel(1), multiplier: 2 ** 30, low: -1000, high: 1000 };
    expect(find({ ...channel, shift: 1 })).toBeUndefined();
    expect(find({ ...channel, shift: 0, low: -100_000 })).toBeUndefined();
  });
});
