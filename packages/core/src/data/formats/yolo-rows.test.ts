import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PhinetsError } from "../../tensor/index.js";
import { formatYoloLabels, labelFileOf, parseYoloLabels, readYoloRows } from "./yolo-rows.js";
import { RowStatistics } from "./yolo-statistics.js";
import { describesYolo, parseYoloDataset } from "./yolo-yaml.js";

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
      keypoints: undefined,
    });
    expect(parseYoloDataset({ ...base, names: { 1: "bolt", 0: "nut" } }, "d").classes).toEqual(["nut", "bolt"]);
    expect(parseYoloDataset({ ...base, nc: 2 }, "d").classes).toEqual(["class0", "class1"]);
    expect(parseYoloDataset({ ...base, nc: "1", names: ["nut"] }, "d").classes).toEqual(["nut"]);
  });

  it("takes valid for val, and keypoints", () => {
    const { val, keypoints } = parseYoloDataset({ train: "t", valid: "v", names: ["a"], kpt_shape: [17, 3] }, "d");
    expect(val).toEqual(["v"]);
    expect(keypoints).toEqual({ count: 17, values: 3 });
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
    [{ train: "t", names: ["a"], nc: "2" }, 'data.yaml: nc is "2" but names lists 1; leave nc out or make them agree'],
    [{ train: "t", names: ["a"], missing_labels: 1 }, "data.yaml: missing_labels is 1; it is error or background"],
    [
      { train: "t", names: ["a"], kpt_shape: [5] },
      "data.yaml: kpt_shape is [5]; it is [number of points, 2 or 3 values",
    ],
  ])("%j is refused", (value, message) => {
    expect(() => parseYoloDataset(value, "data.yaml")).toThrow(message);
  });

  it("is told from other programs' files", () => {
    expect(describesYolo({ train: "images", names: ["a"] })).toBe(true);
    expect(describesYolo({ val: ["images"], nc: 1 })).toBe(true);
    expect(describesYolo({ name: "tf", dependencies: ["python=3.9"] })).toBe(false);
    expect(describesYolo({ train: { lr: 0.1 }, names: ["a"] })).toBe(false);
    expect(describesYolo({ services: {} })).toBe(false);
    expect(describesYolo("text")).toBe(false);
  });
});

describe("label files", () => {
  const classes = ["nut", "bolt"];
  const parse = (text: string) => parseYoloLabels(text, "labels/0001.txt", classes);
  const box = { class: 1, x: 0.5, y: 0.25, width: 0.125, height: 0.5 };

  it("reads boxes, blank lines, Windows line ends and polygons", () => {
    expect(parse("")).toEqual([]);
    expect(parse("0 0.5 0.25 0.1 0.2\r\n\n1 1 1 0.5 0.5\n")).toEqual([
      { class: 0, x: 0.5, y: 0.25, width: 0.1, height: 0.2 },
      { class: 1, x: 1, y: 1, width: 0.5, height: 0.5 },
    ]);
    expect(parse("1 0.25 0.5 0.75 0.5 0.5 1")).toEqual([{ class: 1, x: 0.5, y: 0.75, width: 0.5, height: 0.5 }]);
    // The corners of a rotated rectangle.
    expect(parse("1 .5 .25 .75 .5 .5 .75 .25 .5")).toEqual([{ class: 1, x: 0.5, y: 0.5, width: 0.5, height: 0.5 }]);
  });

  it.each([
    "1 0.5 0.25 0.125 0.5",
    "1.0 .5 2.5e-1 1.25E-1 +0.5",
    "1,0.5,0.25,0.125,0.5",
    "1, 0.5, 0.25, 0.125, 0.5,",
    "1;0.5;0.25;0.125;0.5",
    "1;0,5;0,25;0,125;0,5",
    "1 0,5 0,25 0,125 0,5",
    "1\t0.5\t0.25\t0.125\t0.5 # a bolt",
    "# class x y width height\n  1  0.5 0.25 0.125 0.5  ",
    "1 0.5 0.25 0.125 0.5 0.87",
    "1 0.5 0.25 0.125 0.5\n1 0.5 0.25 0.125 0.5\n",
    "0 0.5 0.5 0 0.1\n1 0.5 0.25 0.125 0.5",
  ])("%j is one box", (text) => {
    expect(parse(text)).toEqual([box]);
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
    [
      "0 412 300 80 60",
      "labels/0001.txt:1: x is 412; it looks like pixels; values are fractions 0..1 of the picture; correct or remove the line",
    ],
    ["2 .5 .5 .1 .1", "labels/0001.txt:1: class is 2; classes are 0 to 1 (nut, bolt); correct or remove the line"],
    ["nut .5 .5 .1 .1", "labels/0001.txt:1: class is nut; it is a number from 0 to 1; correct or remove the line"],
    ["0 .5 .5 .1", "labels/0001.txt:1: has 4 columns; a row is: class x y width height; correct or remove the line"],
    [
      "0 .5 .5 .1 .1 17",
      "labels/0001.txt:1: column 6 is 17; after class x y width height it is a confidence 0..1; correct or remove the line",
    ],
    [
      "0 .5 .5 .1 .1 .2 .2 .3",
      "labels/0001.txt:1: has 8 columns; a row is: class x y width height, or class and the points x1 y1 x2 y2 x3 y3 ... of a polygon; correct or remove the line",
    ],
    ["0 .5 a .1 .1", "labels/0001.txt:1: y is a; values are numbers; correct or remove the line"],
    ["0 .5 0x1 .1 .1", "labels/0001.txt:1: y is 0x1; values are numbers; correct or remove the line"],
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

  it("reads the box of a row with keypoints", () => {
    const read = (text: string) => readYoloRows(text, { classes, keypoints: { count: 2, values: 3 } });
    expect(read("1 0.5 0.25 0.125 0.5 0.5 0.25 2 0 0 0")).toEqual([{ line: 1, kind: "pose", label: box }]);
    expect(read("1 0.5 0.25 0.125 0.5")).toEqual([{ line: 1, kind: "box", label: box }]);
    expect(read("1 0.5 0.25 0.125 0.5 0.5 0.25")[0].problem).toBe(
      "has 7 columns; a row is: class x y width height, here with 2 points of 3 values (kpt_shape), 11 columns",
    );
  });

  const fraction = fc.integer({ min: 1, max: 1000000 }).map((n) => n / 1000000);
  const label = fc.record({
    class: fc.integer({ min: 0, max: 1 }),
    x: fraction,
    y: fraction,
    width: fraction,
    height: fraction,
  });

  it("writes what it reads", () => {
    const different = fc.uniqueArray(label, { maxLength: 5, selector: (each) => Object.values(each).join(" ") });
    fc.assert(
      fc.property(different, (labels) => {
        expect(parse(formatYoloLabels(labels))).toEqual(labels);
      }),
    );
  });

  it("reads the same boxes whatever separates them", () => {
    const separator = fc.constantFrom(" ", "\t", ",", ";", ", ", "  ");
    const ending = fc.constantFrom("\n", "\r\n", " # note\n", "\n\n");
    fc.assert(
      fc.property(label, separator, ending, (each, between, end) => {
        const row = formatYoloLabels([each]).trim().split(" ").join(between);
        expect(parse(row + end)).toEqual([each]);
      }),
    );
  });

  it("lie in labels/ beside images/, or beside the picture", () => {
    expect(labelFileOf("/images/a/images/b/c.d.jpg")).toBe("/images/a/labels/b/c.d.txt");
    expect(labelFileOf("images/c.jpg")).toBe("labels/c.txt");
    expect(labelFileOf("train/Images/c.JPG")).toBe("train/labels/c.txt");
    expect(labelFileOf("/pictures/c.jpg")).toBe("/pictures/c.txt");
  });
});

describe("keypoints that nothing announces", () => {
  const shapeOf = (rows: readonly (readonly number[])[]) => {
    const statistics = new RowStatistics();
    for (const row of rows) statistics.add(row);
    return statistics.keypoints;
  };
  const centre = fc.tuple(
    fc.double({ min: 0.2, max: 0.8, noNaN: true }),
    fc.double({ min: 0.2, max: 0.8, noNaN: true }),
  );

  it("are told by visibility, or by lying in their boxes", () => {
    const pose = (x: number, seen: number) => [0, x, 0.5, 0.2, 0.4, x, 0.4, seen, x + 0.05, 0.6, 0];
    expect(shapeOf([pose(0.5, 2), pose(0.3, 1)])).toEqual({ count: 2, values: 3 });
    expect(shapeOf([0.2, 0.3, 0.5, 0.6, 0.8].map((x) => pose(x, 1)))).toEqual({ count: 2, values: 3 });
    expect(shapeOf([0.3, 0.5].map((x) => pose(x, 1)))).toBeUndefined();
    expect(shapeOf([[0, 0.5, 0.5, 0.2, 0.2, 0.5, 0.5, 1]])).toEqual({ count: 1, values: 3 });
    const flat = (x: number) => [0, x, 0.5, 0.2, 0.4, x, 0.4, x + 0.05, 0.6, x - 0.05, 0.6];
    expect(shapeOf([0.2, 0.3, 0.5, 0.6, 0.8].map(flat))).toEqual({ count: 3, values: 2 });
    expect(shapeOf([...[0.2, 0.3, 0.5, 0.6, 0.8].map(flat), [0, 0.5, 0.5, 0.1, 0.1]])).toBeUndefined();
  });

  it("are never seen in regular polygons of a size", () => {
    const corners = fc.integer({ min: 3, max: 12 });
    fc.assert(
      fc.property(corners, fc.array(centre, { minLength: 8, maxLength: 20 }), (count, centres) => {
        const rows = centres.map(([x, y]) => [
          0,
          ...Array.from({ length: count }, (_, n) => [
            x + 0.1 * Math.cos((2 * Math.PI * n) / count),
            y + 0.1 * Math.sin((2 * Math.PI * n) / count),
          ]).flat(),
        ]);
        expect(shapeOf(rows)).toBeUndefined();
      }),
    );
  });
});
