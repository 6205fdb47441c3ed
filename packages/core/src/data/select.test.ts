import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { moveSplits, onlyClasses, thinBackground } from "./select.js";
import { type DatasetIndex, splitNames } from "./types.js";

const box = (of: number) => ({ class: of, x: 0.5, y: 0.5, width: 0.2, height: 0.1 });
const boxes: DatasetIndex = {
  task: "detect",
  classes: ["car", "Person", "dog"],
  splits: {
    train: [{ file: "a.jpg", labels: [box(0), { ...box(1), ignore: "difficult" }, box(2)] }],
    val: [{ file: "b.jpg", labels: [box(0)] }],
    test: [{ file: "c.jpg", labels: [] }],
  },
};
const kinds: DatasetIndex = {
  task: "classify",
  classes: ["car", "person"],
  splits: {
    train: [
      { file: "a.jpg", class: 0 },
      { file: "b.jpg", class: 1 },
    ],
    val: [],
    test: [],
  },
};

describe("onlyClasses", () => {
  it("keeps boxes of the named classes, in their order, and pictures without one as background", () => {
    const { classes, splits } = onlyClasses(boxes, ["dog", "person"], "set");
    expect(classes).toEqual(["dog", "person"]);
    expect(splits.train).toEqual([{ file: "a.jpg", labels: [{ ...box(1), ignore: "difficult" }, box(0)] }]);
    expect(splits.val).toEqual([{ file: "b.jpg", labels: [] }]);
    expect(splits.test).toEqual(boxes.splits.test);
  });
  it("leaves out pictures of other classes", () => {
    expect(onlyClasses(kinds, ["person"], "set").splits.train).toEqual([{ file: "b.jpg", class: 0 }]);
  });
  it("prefers an exact name to one in another case", () => {
    const both = { ...boxes, classes: ["PERSON", "Person", "dog"] };
    expect(onlyClasses(both, ["Person"], "set").splits.train[0].labels).toHaveLength(1);
    expect(onlyClasses(both, ["Person"], "set").splits.train[0].labels?.[0].ignore).toBe("difficult");
  });
  it("names a class that is missing, or listed twice", () => {
    expect(() => onlyClasses(boxes, ["cat"], "set")).toThrow(
      'set: has no class "cat"; its classes are car, Person, dog',
    );
    expect(() => onlyClasses(boxes, ["person", "Person"], "set")).toThrow('set: class "Person" is named twice');
  });
});

describe("thinBackground", () => {
  const pictures = Array.from({ length: 100 }, (_, n) => ({ file: `${n}.jpg`, labels: n % 2 === 0 ? [box(0)] : [] }));
  const index: DatasetIndex = { ...boxes, splits: { train: pictures, val: [], test: [] } };
  it("keeps all pictures with objects and a share of the rest, the same for a seed", () => {
    const count = (share: number, seed = 0) => {
      const { train } = thinBackground(index, share, { seed }).splits;
      expect(train.filter(({ labels }) => labels?.length === 1)).toHaveLength(50);
      return train.map(({ file }) => file);
    };
    expect(count(1)).toHaveLength(100);
    expect(count(0)).toHaveLength(50);
    expect(count(0.3)).toHaveLength(65);
    expect(count(0.3)).toEqual(count(0.3));
    expect(count(0.3)).not.toEqual(count(0.3, 1));
  });
});

it("moveSplits loses and doubles no picture", () => {
  const split = fc.constantFrom(...splitNames);
  fc.assert(
    fc.property(fc.uniqueArray(fc.record({ from: split, to: split }), { selector: ({ from }) => from }), (moves) => {
      const moved = moveSplits(boxes, moves);
      const files = splitNames.flatMap((each) => moved.splits[each].map(({ file }) => file));
      expect([...files].sort()).toEqual(["a.jpg", "b.jpg", "c.jpg"]);
      for (const { from, to } of moves) expect(moved.splits[to]).toContain(boxes.splits[from][0]);
    }),
  );
});
