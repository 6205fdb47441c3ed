import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxesOf, type MemoryFile, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";

const picture: MemoryFile = [100, 80];

interface Shape {
  readonly label?: unknown;
  readonly points: unknown;
  readonly shape_type?: string;
  readonly group_id?: number | null;
}

function json(shapes: readonly Shape[], more: Readonly<Record<string, unknown>> = {}): string {
  const size = { imageHeight: 80, imageWidth: 100 };
  return JSON.stringify(
    { version: "5.2.1", flags: {}, shapes, imagePath: "a.jpg", imageData: null, ...size, ...more },
    null,
    2,
  );
}

const rectangle = (label: unknown, ...points: readonly (readonly [number, number])[]): Shape => ({
  label,
  points,
  shape_type: "rectangle",
  group_id: null,
});
const nut = rectangle("nut", [30, 40], [10, 20]);
const bolt = rectangle("bolt", [0, 80], [50, 0]);

describe("shapes", () => {
  const one = (...shapes: readonly Shape[]) => openMemory({ "a.jpg": picture, "a.json": json(shapes) });

  it("become boxes around them", async () => {
    const set = await one(
      nut,
      {
        label: "bolt",
        points: [
          [10, 10],
          [40, 20],
          [20, 30.5],
        ],
        shape_type: "polygon",
      },
      {
        label: "bolt",
        points: [
          [50, 40],
          [53, 44],
        ],
        shape_type: "circle",
      },
      {
        label: "bolt",
        points: [
          [60, 30],
          [70, 40],
          [60, 50],
          [50, 40],
        ],
        shape_type: "rotation",
      },
      {
        label: "bolt",
        points: [
          [1, 2],
          [3, 4],
          [5, 1],
        ],
      },
      rectangle("nut", [1, 2], [11, 2], [11, 22], [1, 22]),
    );
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual([
      "nut 10,20,30,40",
      "bolt 10,10,40,30.5",
      "bolt 45,35,55,45",
      "bolt 50,30,70,50",
      "bolt 1,1,5,4",
      "nut 1,2,11,22",
    ]);
    expect(set.classes).toEqual(["bolt", "nut"]);
    expect(set.recognised).toBe("labelme: .json with shapes beside the pictures");
    expect(set.changes.map(({ what, count }) => `${count} ${what}`)).toEqual([
      "2 shapes that are a polygon get the upright box around it",
      "1 shapes that are a circle get the upright box around it",
      "1 shapes that are a rotation get the upright box around it",
    ]);
  });

  it("that are no areas are counted", async () => {
    const set = await one(
      nut,
      { label: "eye", points: [[1, 1]], shape_type: "point" },
      {
        label: "edge",
        points: [
          [1, 1],
          [2, 2],
        ],
        shape_type: "line",
      },
      {
        label: "edge",
        points: [
          [1, 1],
          [2, 2],
          [3, 1],
        ],
        shape_type: "linestrip",
      },
      rectangle("__ignore__", [1, 1], [2, 2]),
    );
    expect(set.classes).toEqual(["nut"]);
    expect(set.notRead.map(({ what, count }) => `${count} ${what}`)).toEqual([
      "3 points and lines, which are no objects",
      "1 shapes labelled __ignore__",
    ]);
  });

  it("that are wrong are named", async () => {
    const set = await one(nut, rectangle(3, [1, 1], [2, 2]), rectangle("nut", [1, 1]), {
      label: "nut",
      points: [["1", 2]],
    });
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      "set/a.json: shapes[1]: has no label; correct or remove the shape",
      "set/a.json: shapes[2]: has 1 points; a rectangle has at least 2; correct or remove the shape",
      'set/a.json: shapes[3]: a point is ["1",2]; it is [x, y]; correct or remove the shape',
    ]);
    expect(set.rows).toBe(4);
  });

  it("keep what is said of them", async () => {
    const grouped = await one({ ...nut, group_id: 1 }, { ...bolt, group_id: 1 });
    expect(grouped.notes).toEqual(["shapes with a group_id are objects of their own"]);
    const flagged = await openMemory({
      "a.jpg": picture,
      "a.json": json([nut], { flags: { blurred: true, dark: false } }),
    });
    expect(flagged.notRead).toMatchObject([{ count: 1, examples: ["set/a.json: blurred"] }]);
  });
});

describe("pictures", () => {
  it.each([
    ["images/a.jpg", "annotations/a.json", "..\\images\\a.jpg"],
    ["images/a.jpg", "labels/a.json", "C:\\Users\\me\\old\\a.jpg"],
    ["images/A.JPG", "labels/a.json", "a.jpg"],
    ["a.jpg", "a.json", "another.jpg"],
    ["photos/a.jpg", "json/0001.json", "/home/me/a.jpg"],
  ])("%s of %s that says %s", async (at, file, imagePath) => {
    const set = await openMemory({ [at]: picture, [file]: json([nut], { imagePath }) });
    expect(boxesOf(set, at, [100, 80])).toEqual(["nut 10,20,30,40"]);
  });

  it("in folders of splits", async () => {
    const set = await openMemory({
      "train/a.jpg": picture,
      "train/a.json": json([nut]),
      "val/b.jpg": picture,
      "val/b.json": json([], { imagePath: "b.jpg" }),
    });
    expect(splitNamesOf(set)).toEqual({ train: ["train/a.jpg"], val: ["val/b.jpg"], test: [] });
    expect(set.named).toEqual(["train", "val"]);
    expect(set.splits.val[0].labels).toEqual([]);
  });

  it("that are inside the file only, or nowhere", async () => {
    await expect(openMemory({ "a.json": json([nut], { imageData: "aGVsbG8=" }) })).rejects.toThrow(
      "set/a.json: holds a.jpg inside (imageData), which is not read; put a.jpg beside it",
    );
    const set = await openMemory({
      "a.jpg": picture,
      "a.json": json([nut]),
      "b.json": json([nut], { imagePath: "b.jpg" }),
    });
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      "set/b.json: there is no picture b.jpg; put it beside or remove the .json",
    ]);
  });

  it("without a file of their own are counted; other JSON is not taken for shapes", async () => {
    const set = await openMemory({ "a.jpg": picture, "b.jpg": picture, "a.json": json([nut]), "meta.json": "{}" });
    expect(set.notRead.map(({ what, count }) => `${count} ${what}`)).toEqual([
      "1 pictures without a .json of shapes",
      "1 .json files",
    ]);
    const cut = await openMemory({
      "a.jpg": picture,
      "b.jpg": picture,
      "a.json": json([nut]),
      "b.json": json([bolt]).slice(0, -9),
    });
    expect(cut.problems[0].error.message).toMatch(/^set\/b.json: is not JSON: .*; correct or remove the file$/);
  });

  it("of another size than stated, or of none", async () => {
    const half = await openMemory({ "a.jpg": [50, 40], "a.json": json([nut]) });
    expect(boxesOf(half, "a.jpg", [100, 80])).toEqual(["nut 10,20,30,40"]);
    expect(half.changes).toHaveLength(1);
    const none = await openMemory({
      "a.jpg": [50, 50],
      "a.json": json([nut], { imageWidth: null, imageHeight: null }),
    });
    expect(boxesOf(none, "a.jpg", [50, 50])).toEqual(["nut 10,20,30,40"]);
    const turned = await openMemory({ "a.jpg": [80, 100], "a.json": json([nut]) });
    expect(turned.problems[0].error.message).toContain("set/a.json: states 100x80, but set/a.jpg is 80x100");
  });
});

it("other files never change what is read", async () => {
  const base = {
    "train/a.jpg": picture,
    "train/a.json": json([nut]),
    "val/b.jpg": picture,
    "val/b.json": json([bolt]),
  };
  const plain = await openMemory(base);
  const folder = fc.constantFrom("", "docs/", "train/", "val/", "x/");
  const name = fc.stringMatching(/^[c-z]{1,6}$/);
  const file = fc.tuple(folder, name, fc.constantFrom(".md", ".csv", ".jpg", ".json", ".log"));
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 5 }), async (extra) => {
      const others = Object.fromEntries(extra.map((parts) => [parts.join(""), "{}"]));
      const set = await openMemory({ ...others, ...base });
      expect([set.classes, set.splits, set.problems]).toEqual([plain.classes, plain.splits, []]);
    }),
    { numRuns: 60 },
  );
});
