import { describe, expect, it } from "vitest";
import { hashString, sigmoid } from "../tensor/index.js";
import { hardswishTable, sigmoidOutput, sigmoidTable } from "./index.js";
import { clampedTable } from "./unary-tables.js";

const hash = (table: Int8Array) => hashString(table.join(","));
const at = (scale: number, zeroPoint: number) => ({ scale: Math.fround(scale), zeroPoint });

describe("hardswish table", () => {
  // Hashes of the tables that TensorFlow Lite Micro 90b983c2's own kernel printed for these scales.
  it.each([
    [0.0235294122, -1, 0.0125490194, -98, -452195921],
    [0.00078431371, 10, 0.0007, -20, -1969267652],
    [0.5, -128, 0.501, -128, 1135124654],
    [0.0431372561, 37, 0.02, -110, -54735464],
    [0.0001, 0, 0.00005, 3, -1224134795],
  ])("equals TensorFlow Lite Micro's: input %f %i, output %f %i", (si, zi, so, zo, expected) => {
    expect(hash(hardswishTable(at(si, zi), at(so, zo)))).toBe(expected);
  });
  it("is within 1 step of the real function", () => {
    for (const range of [2, 6, 12, 40]) {
      const input = at(range / 255, 0);
      const output = at(range / 2 / 240, -110);
      hardswishTable(input, output).forEach((y, i) => {
        const x = input.scale * (i - 128);
        const real = (x * Math.min(6, Math.max(0, x + 3))) / 6 / output.scale + output.zeroPoint;
        expect(Math.abs(y - Math.min(127, Math.max(-128, real)))).toBeLessThanOrEqual(1.1);
      });
    }
  });
  it("refuses an output that is too fine", () => {
    expect(() => hardswishTable(at(0.5, 0), at(0.001, 0))).toThrow(/hardswish: output scale/);
  });
});

describe("sigmoid table", () => {
  it.each([
    [0.0235294122, -1, 481231328],
    [0.0627451017, 60, 726771073],
    [0.3, -100, 1173448453],
    [0.0009, 127, -1450912687],
  ])("equals TensorFlow Lite Micro's: input %f %i", (scale, zeroPoint, expected) => {
    expect(hash(sigmoidTable(at(scale, zeroPoint), sigmoidOutput))).toBe(expected);
  });
  it("is within half a step of the real function", () => {
    for (const scale of [0.01, 0.05, 0.1]) {
      sigmoidTable(at(scale, 5), sigmoidOutput).forEach((y, i) => {
        const real = Math.min(127, 256 * sigmoid(Math.fround(scale) * (i - 133)) - 128);
        expect(Math.abs(y - real)).toBeLessThanOrEqual(0.51);
      });
    }
  });
  it("has one output quantisation only", () => {
    expect(() => sigmoidTable(at(0.1, 0), at(0.01, 0))).toThrow(/sigmoid: output has scale/);
  });
});

it("relu6 clips between the codes of 0 and 6", () => {
  const relu6 = (input: ReturnType<typeof at>) => clampedTable({ name: "relu6", input, output: input }, 0, 6);
  const table = relu6(at(0.1, -20));
  expect([table[0], table[108], table[128], table[168], table[169], table[255]]).toEqual([-20, -20, 0, 40, 40, 40]);
  expect(relu6(at(0.01, -20))[255]).toBe(127);
});
