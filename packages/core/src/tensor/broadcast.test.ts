import { expect, it } from "vitest";
import { broadcastShape, repeatInto } from "./index.js";

it("shapes of one rank broadcast where dimensions are equal or 1", () => {
  expect(broadcastShape([2, 3, 1, 5], [1, 3, 4, 1])).toEqual([2, 3, 4, 5]);
  expect(broadcastShape([1, 5], [1, 5])).toEqual([1, 5]);
  expect(broadcastShape([2, 3], [2, 2])).toBeUndefined();
  expect(broadcastShape([2, 2], [2, 3])).toBeUndefined();
  expect(broadcastShape([3], [1, 3])).toBeUndefined();
});

it("repeats elements along dimensions of 1", () => {
  const repeated = (data: readonly number[], shape: readonly number[], as: readonly number[]): number[] => {
    const to = new Int8Array(as.reduce((product, size) => product * size, 1));
    repeatInto(Int8Array.from(data), shape, to, as);
    return [...to];
  };
  expect(repeated([7], [1, 1, 1], [1, 2, 2])).toEqual([7, 7, 7, 7]);
  expect(repeated([1, 2], [1, 2], [3, 2])).toEqual([1, 2, 1, 2, 1, 2]);
  expect(repeated([1, 2, 3], [3, 1], [3, 2])).toEqual([1, 1, 2, 2, 3, 3]);
  expect(repeated([1, 2, 3, 4], [2, 1, 2], [2, 2, 2])).toEqual([1, 2, 1, 2, 3, 4, 3, 4]);
  expect(repeated([1, 2, 3], [3], [3])).toEqual([1, 2, 3]);
});
