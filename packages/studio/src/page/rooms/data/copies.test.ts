import { expect, it } from "vitest";
import type { Catalogue } from "../../../shared/data.js";
import { copiesOf } from "./copies.js";

const catalogue = {
  files: ["a", "b", "c", "d", "e", "f", "a"],
  splits: { train: 4, val: 2, test: 1 },
  unlabelled: [0, 4],
} as unknown as Catalogue;

it("keeps the first labelled picture of a group, and no file that is named twice goes", () => {
  const copies = copiesOf(
    [
      [0, 2, 3],
      [4, 5],
    ],
    catalogue,
  );
  expect(copies.all).toEqual([0, 2, 3, 4, 5]);
  expect(copies.of.get(2)).toEqual({ group: 1, leak: false, kept: true });
  expect(copies.spare).toEqual([0, 3, 4]);
  expect(copies.leaks).toEqual([]);
  const same = copiesOf([[1, 0, 6]], { ...catalogue, unlabelled: [1] });
  expect(same.leaks).toEqual([1, 0, 6]);
  expect(same.spare).toEqual([1]);
  expect(copiesOf([[0, 4]], catalogue).of.get(0)).toEqual({ group: 1, leak: true, kept: true });
});
