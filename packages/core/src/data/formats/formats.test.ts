import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PhinetsError } from "../../tensor/index.js";
import { parseClassFolders } from "./folder.js";
import { idxPicture, parseIdxImages, parseIdxLabels } from "./idx.js";
import { formatYoloLabels, labelFileOf, parseYoloDataset, parseYoloLabels } from "./yolo.js";

describe("data.yaml", () => {
  it("takes names as list, as map and from nc", () => {
    const base = { train: "train/images", val: ["a", "b.txt"] };
    expect(parseYoloDataset({ ...base, names: ["nut", "bolt"] }, "data.yaml")).toEqual({
      path: undefined,
      train: ["train/images"],
      val: ["a", "b.txt"],
      test: undefined,
      classes: ["nut", "bolt"],
      missingLabels: "error",
    });
    expect(parseYoloDataset({ ...base, names: { 1: "bolt", 0: "nut" } }, "d").classes).toEqual(["nut", "bolt"]);
    expect(parseYoloDataset({ ...base, nc: 2 }, "d").classes).toEqual(["class0", "class1"]);
  });

  it.each([
    [null, "data.yaml: the file is not a mapping; it needs at least `train:` and `names:`"],
    [{ names: ["a"] }, "data.yaml: train is missing; it names the folder of training pictures"],
    [{ train: 3, names: ["a"] }, "data.yaml: train is 3; it is a path or a list of paths"],
    [{ train: "t" }, "data.yaml: names is missing; it lists the class names"],
    [{ train: "t", names: [] }, "data.yaml: names is empty; it lists at least one class name"],
    [{ train: "t", names: { 0: "a", 2: "b" } }, "data.yaml: names has the key 2; the 2 classes are numbered 0 to 1"],
    [{ train: "t", names: ["a", "a"] }, 'data.yaml: names has "a" twice; class names differ'],
    [{ train: "t", names: ["a"], nc: 2 }, "data.yaml: nc is 2 but names lists 1; leave nc out or make them agree"],
    [{ train: "t", names: ["a"], missing_labels: 1 }, "data.yaml: missing_labels is 1; it is error or background"],
  ])("%j is refused", (value, message) => {
    expect(() => parseYoloDataset(value, "data.yaml")).toThrow(message);
  });
});

describe("label files", () => {
  const classes = ["nut", "bolt"];
  const parse = (text: string) => parseYoloLabels(text, "labels/0001.txt", classes);

  it("reads boxes, blank lines, Windows line ends and polygons", () => {
    expect(parse("")).toEqual([]);
    expect(parse("0 0.5 0.25 0.1 0.2\r\n\n1 1 1 0.5 0.5\n")).toEqual([
      { class: 0, x: 0.5, y: 0.25, width: 0.1, height: 0.2 },
      { class: 1, x: 1, y: 1, width: 0.5, height: 0.5 },
    ]);
    expect(parse("1 0.25 0.5 0.75 0.5 0.5 1")).toEqual([{ class: 1, x: 0.5, y: 0.75, width: 0.5, height: 0.5 }]);
  });

  it.each([
    [
      "0 .5 .5 .1 .1\n\n0 1.7 .5 .1 .1",
      "labels/0001.txt:3: x is 1.7; values are fractions 0..1 of the picture; correct or remove the line",
    ],
    [
      "0 .5 .5 .1 -0.2",
      "labels/0001.txt:1: height is -0.2; values are fractions 0..1 of the picture; correct or remove the line",
    ],
    ["2 .5 .5 .1 .1", "labels/0001.txt:1: class is 2; classes are 0 to 1 (nut, bolt); correct or remove the line"],
    ["nut .5 .5 .1 .1", "labels/0001.txt:1: class is nut; it is a number from 0 to 1; correct or remove the line"],
    ["0 .5 .5 .1", "labels/0001.txt:1: has 4 columns; a row is: class x y width height; correct or remove the line"],
    [
      "0 .5 .5 .1 .1 .9",
      "labels/0001.txt:1: has 6 columns; a row is: class x y width height; correct or remove the line",
    ],
    ["0 .5 a .1 .1", "labels/0001.txt:1: y is a; values are numbers; correct or remove the line"],
    ["0 .5 .5 0 .1", "labels/0001.txt:1: the box is 0 wide and 0.1 high; both are above 0; correct or remove the line"],
    [
      "0 .1 .1 .2 .2 .3 1.5",
      "labels/0001.txt:1: y of point 3 is 1.5; values are fractions 0..1 of the picture; correct or remove the line",
    ],
  ])("%j is refused", (text, message) => {
    let error: PhinetsError | undefined;
    try {
      parse(text);
    } catch (e) {
      error = e as PhinetsError;
    }
    expect(error?.message).toBe(message);
    expect(error?.path).toBe("labels/0001.txt");
  });

  it("collects every bad row when asked", () => {
    const messages: string[] = [];
    const labels = parseYoloLabels("0 2 0 1 1\n0 .5 .5 1 1\n9 .5 .5 1 1", "a.txt", classes, (e) =>
      messages.push(e.message),
    );
    expect(labels).toHaveLength(1);
    expect(messages.map((m) => m.slice(0, 8))).toEqual(["a.txt:1:", "a.txt:3:"]);
  });

  it("writes what it reads", () => {
    const fraction = fc.integer({ min: 1, max: 1000000 }).map((n) => n / 1000000);
    const label = fc.record({
      class: fc.integer({ min: 0, max: 1 }),
      x: fraction,
      y: fraction,
      width: fraction,
      height: fraction,
    });
    fc.assert(
      fc.property(fc.array(label, { maxLength: 5 }), (labels) => {
        expect(parse(formatYoloLabels(labels))).toEqual(labels);
      }),
    );
  });

  it("lie in labels/ beside images/, or beside the picture", () => {
    expect(labelFileOf("/images/a/images/b/c.d.jpg")).toBe("/images/a/labels/b/c.d.txt");
    expect(labelFileOf("images/c.jpg")).toBe("labels/c.txt");
    expect(labelFileOf("/pictures/c.jpg")).toBe("/pictures/c.txt");
  });
});

describe("class folders", () => {
  it("one level: all in train, classes by name", () => {
    const found = parseClassFolders(["nut/2.jpg", "bolt/1.jpg", "nut/deep/1.jpg"], "root");
    expect(found.hasSplits).toBe(false);
    expect(found.classes).toEqual(["bolt", "nut"]);
    expect(found.splits.train).toEqual([
      { file: "bolt/1.jpg", class: 0 },
      { file: "nut/2.jpg", class: 1 },
      { file: "nut/deep/1.jpg", class: 1 },
    ]);
  });

  it("split folders, with valid for val", () => {
    const found = parseClassFolders(["train/a/1.jpg", "train/b/1.jpg", "valid/a/2.jpg", "test/b/3.jpg"], "root");
    expect(found.hasSplits).toBe(true);
    expect(found.splits.val).toEqual([{ file: "valid/a/2.jpg", class: 0 }]);
    expect(found.splits.test).toEqual([{ file: "test/b/3.jpg", class: 1 }]);
  });

  it("a class may be called test or train", () => {
    expect(parseClassFolders(["test/1.jpg", "train/1.jpg"], "root").classes).toEqual(["test", "train"]);
  });

  it("names stray pictures and unknown classes", () => {
    expect(() => parseClassFolders(["a/1.jpg", "b.jpg"], "root")).toThrow(
      "root/b.jpg: lies in no class folder; move it to CLASS/b.jpg",
    );
    expect(() => parseClassFolders(["train/a/1.jpg", "more/a/1.jpg"], "root")).toThrow(
      "root/more/a/1.jpg: lies outside train, val and test",
    );
    expect(() => parseClassFolders(["train/a/1.jpg", "test/c/1.jpg"], "root")).toThrow(
      'class "c" has no folder in train',
    );
  });
});

describe("idx", () => {
  const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 40);

  it("reads pictures and labels", () => {
    const parsed = parseIdxImages(images, "images");
    expect(idxPicture(parsed, 1)).toEqual({ width: 2, height: 1, channels: 1, data: Uint8Array.of(30, 40) });
    expect([...parseIdxLabels(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9), "labels")]).toEqual([7, 0, 9]);
  });

  it("names a wrong magic number and a wrong length", () => {
    expect(() => parseIdxLabels(images, "f")).toThrow(
      "f: starts with 0x00000803; an idx file of labels starts with 0x00000801",
    );
    expect(() => parseIdxImages(images.subarray(0, 19), "f")).toThrow("f: has 19 bytes; 2x1x2 pictures need 20");
    expect(() => parseIdxImages(images.subarray(0, 3), "f")).toThrow("f: has 3 bytes");
    expect(() => parseIdxImages(images.subarray(0, 9), "f")).toThrow("f: ends inside its header");
  });
});
