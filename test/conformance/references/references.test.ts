/** Tests of the references on numbers computed by hand. */
import { GraphBuilder } from "@phinets/core/graph";
import { expect, test } from "vitest";
import { referenceRun } from "./float.js";
import { quantizeMultiplier, rescale } from "./integer.js";

test("floats: a convolution and batch norm", () => {
  const g = new GraphBuilder("hand");
  const x = g.input("x", [1, 2, 2, 1]);
  const graph = g.build([g.batchNorm("n", g.conv2d("c", x, { filters: 1, kernel: 2, padding: 1, stride: 2 }), 1)]);
  const one = { shape: [1], data: [1] };
  const weights = {
    "c.weight": { shape: [1, 2, 2, 1], data: [1, 10, 100, 1000] },
    "n.weight": { shape: [1], data: [2] },
    "n.bias": one,
    "n.running_mean": one,
    "n.running_var": { shape: [1], data: [3] },
  };
  const run = { graph, weights, inputs: { x: [1, 2, 3, 4] }, masks: {} };
  const inference = referenceRun({ ...run, training: false });
  expect([...inference.c]).toEqual([1000, 200, 30, 4]);
  expect([...inference.n]).toEqual([1000, 200, 30, 4]); // (x - 1) / sqrt(3 + 1) * 2 + 1
  const mean = 1234 / 4;
  const variance = (1000 ** 2 + 200 ** 2 + 30 ** 2 + 4 ** 2) / 4 - mean ** 2;
  const first = referenceRun({ ...run, training: true }).n[0];
  expect(first).toBeCloseTo(((1000 - mean) / Math.sqrt(variance + 1)) * 2 + 1, 10);
});

test("int8: a factor's multiplier and shift", () => {
  const half = 1n << 30n;
  expect(quantizeMultiplier(0.5)).toEqual({ multiplier: half, shift: 0 });
  expect(quantizeMultiplier(1)).toEqual({ multiplier: half, shift: 1 });
  expect(quantizeMultiplier(0.75 / 8)).toEqual({ multiplier: (3n * half) / 2n, shift: -3 });
  // All 53 bits of ones round up to the next power of two.
  expect(quantizeMultiplier(1 - 2 ** -53)).toEqual({ multiplier: half, shift: 1 });
  expect(quantizeMultiplier(2 ** -32)).toEqual({ multiplier: half, shift: -31 });
  expect(quantizeMultiplier(2 ** -33)).toEqual({ multiplier: 0n, shift: 0 });
});

test("int8: a sum is rounded twice, halves up and then away from zero", () => {
  const rescaled = (x: number, factor: number): number => Number(rescale(BigInt(x), quantizeMultiplier(factor)));
  expect([5, -5].map((x) => rescaled(x, 0.5))).toEqual([3, -2]); // 2.5 and -2.5, in the first
  expect([10, -10].map((x) => rescaled(x, 0.25))).toEqual([3, -3]); // 5 and -5, then 2.5 and -2.5
  expect([9, -9].map((x) => rescaled(x, 0.25))).toEqual([3, -2]); // 4.5 and -4.5 to 5 and -4: 2.5 and -2
  expect(rescaled(3, 2)).toBe(6);
  expect(rescaled(2 ** 30, 4)).toBe(0); // a left shift drops the bits that int32 does not hold
});
