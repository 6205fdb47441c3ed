import { describe, expect, it } from "vitest";
import {
  boxesOf,
  type MemoryFile,
  memoryHost,
  memoryTree,
  openMemory,
  splitNamesOf,
} from "../../../../../test/memory-set.js";
import { openTree } from "./open.js";

const picture: MemoryFile = [100, 80];
const coordinates = { x: 20, y: 30, width: 20, height: 20 };
const nut = { label: "nut", coordinates };
const bolt = { label: "bolt", coordinates: { x: 25, y: 40, width: 50, height: 80 } };
const text = (...items: readonly unknown[]) => JSON.stringify(items);

describe("Create ML", () => {
  it.each([
    ["image, annotations", { image: "a.jpg", annotations: [nut] }],
    ["imagefilename, annotation", { imagefilename: "a.jpg", annotation: [nut] }],
    ["class for label", { image: "a.jpg", annotations: [{ class: "nut", coordinates }] }],
  ])("%s: centres become boxes", async (_, item) => {
    const set = await openMemory({ "a.jpg": picture, "annotations.json": text(item) });
    expect(set.recognised).toBe("Create ML: annotations.json");
    expect(set.classes).toEqual(["nut"]);
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,30,40"]);
    expect([set.named, set.notes, set.changes, set.notRead, set.problems]).toEqual([[], [], [], [], []]);
  });

  it("a file in each split", async () => {
    const set = await openMemory({
      "train/a.jpg": picture,
      "train/_annotations.createml.json": text({ image: "a.jpg", annotations: [nut, bolt] }),
      "valid/a.jpg": picture,
      "valid/_annotations.createml.json": text({ image: "a.jpg", annotations: [] }),
      "test/c.jpg": picture,
      "test/_annotations.createml.json": text({ image: "c.jpg", annotations: [bolt] }),
    });
    expect(splitNamesOf(set)).toEqual({ train: ["train/a.jpg"], val: ["valid/a.jpg"], test: ["test/c.jpg"] });
    expect(boxesOf(set, "train/a.jpg", [100, 80])).toEqual(["nut 10,20,30,40", "bolt 0,0,50,80"]);
    expect(boxesOf(set, "valid/a.jpg", [100, 80])).toEqual([]);
  });

  it("pictures elsewhere, twice in the list, or nowhere", async () => {
    const list = [
      { image: "C:\\old\\A.jpg", annotations: [nut] },
      { image: "a.jpg", annotations: [bolt] },
      { image: "gone.jpg", annotations: [] },
      { annotations: [] },
    ];
    const set = await openMemory({ "images/a.jpg": picture, "images/b.jpg": picture, "json/all.json": text(...list) });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,30,40", "bolt 0,0,50,80"]);
    expect(set.changes).toMatchObject([
      { what: "entries of pictures that have one already are joined to it", count: 1 },
    ]);
    expect(set.notRead).toMatchObject([{ what: "pictures that no .json lists", count: 1 }]);
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      "set/json/all.json: [2]: there is no picture gone.jpg; add it or remove its entry",
      "set/json/all.json: [3]: names no picture (image); correct or remove it",
    ]);
  });

  it("names wrong objects", async () => {
    const wrong = [
      { label: 3, coordinates },
      { label: "nut" },
      { label: "nut", coordinates: { ...coordinates, width: "2" } },
    ];
    const set = await openMemory({
      "a.jpg": picture,
      "a.json": text({ image: "a.jpg", annotations: [nut, ...wrong] }),
    });
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      "set/a.json: [0].annotations[1]: label is 3; it is the class's name; correct or remove it",
      "set/a.json: [0].annotations[2]: x is missing; it is a number of pixels; correct or remove it",
      'set/a.json: [0].annotations[3]: width is "2"; it is a number of pixels; correct or remove it',
    ]);
    await expect(
      openMemory({ "a.jpg": picture, "a.json": text({ image: "a.jpg", annotations: [nut] }).slice(0, -1) }),
    ).rejects.toThrow(/^set\/a.json: is not JSON: .*; write it again$/);
  });

  it("is opened by its file, among others", async () => {
    const tree = memoryTree({
      "a.jpg": picture,
      "one.json": text({ image: "a.jpg", annotations: [nut] }),
      "two.json": text({ image: "a.jpg", annotations: [bolt] }),
    });
    const set = await openTree(tree, memoryHost, { chosen: "two.json" });
    expect(set.classes).toEqual(["bolt"]);
  });

  it("other JSON lists are not recognised", async () => {
    const results = [{ image_id: 1, category_id: 1, bbox: [1, 2, 3, 4], score: 0.5 }];
    await expect(openMemory({ "a.jpg": picture, "results.json": JSON.stringify(results) })).rejects.toThrow(
      "is no data set that is known",
    );
  });
});
