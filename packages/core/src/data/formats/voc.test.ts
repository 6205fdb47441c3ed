import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxesOf, type MemoryFile, openMemory, splitNamesOf } from "../../../../../test/memory-set.js";
import type { PhinetsError } from "../../tensor/index.js";

type Box = readonly [name: string, xmin: number, ymin: number, xmax: number, ymax: number, more?: string];

interface XmlOptions {
  readonly size?: readonly [number, number];
  readonly filename?: string;
}

function xml(boxes: readonly Box[], { size = [100, 80], filename = "a.jpg" }: XmlOptions = {}): string {
  const objects = boxes.map(
    ([name, xmin, ymin, xmax, ymax, more = "<difficult>0</difficult>"]) =>
      `<object><name>${name}</name>${more}\n<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>\n`,
  );
  const stated =
    size[0] === 0 ? "" : `<size><width>${size[0]}</width><height>${size[1]}</height><depth>3</depth></size>`;
  return `<annotation>\n<filename>${filename}</filename>${stated}\n${objects.join("")}</annotation>`;
}

const picture: MemoryFile = [100, 80];
const nut: Box = ["nut", 11, 21, 30, 40];
const bolt: Box = ["bolt", 1, 1, 50, 80];

/** A devkit with pictures 1..6. */
function devkit(lists: Readonly<Record<string, string>>, root = ""): Record<string, MemoryFile> {
  const files: Record<string, MemoryFile> = {};
  for (let n = 1; n <= 6; n++) {
    files[`${root}JPEGImages/${n}.jpg`] = picture;
    files[`${root}Annotations/${n}.xml`] = xml([n % 2 === 1 ? nut : bolt], { filename: `${n}.jpg` });
  }
  for (const [name, text] of Object.entries(lists)) files[`${root}ImageSets/Main/${name}.txt`] = text;
  return files;
}

const numbers = (list: readonly string[]) => list.map((path) => /(\w+)\.\w+$/.exec(path)?.[1]).join("");

describe("lists", () => {
  it("give the splits; boxes count from 1, both ends covered", async () => {
    const set = await openMemory(
      devkit({ train: "1\n2\n", val: "3\r\n4\r\n", trainval: "1\n2\n3\n4", test: "5\n6\n" }),
    );
    expect(set).toMatchObject({ task: "detect", classes: ["bolt", "nut"], named: ["train", "val", "test"] });
    expect(set.recognised).toBe("Pascal VOC: Annotations, ImageSets/Main lists train val trainval test");
    expect(Object.values(splitNamesOf(set)).map(numbers)).toEqual(["12", "34", "56"]);
    expect(boxesOf(set, "1.jpg", [100, 80])).toEqual(["nut 10,20,30,40"]);
    expect(boxesOf(set, "2.jpg", [100, 80])).toEqual(["bolt 0,0,50,80"]);
    expect([set.problems, set.notes, set.changes, set.notRead]).toEqual([[], [], [], []]);
  });

  it("of which trainval is the union", async () => {
    const splits = async (lists: Record<string, string>) => {
      const set = await openMemory(devkit(lists));
      return [...Object.values(splitNamesOf(set)).map(numbers), set.notes.join("; ")];
    };
    expect(await splits({ trainval: "1\n2\n3\n4", test: "5\n6" })).toEqual(["1234", "", "56", ""]);
    const val = "there is no val list; val is what trainval has beyond train";
    expect(await splits({ trainval: "1\n2\n3\n4", train: "1\n2" })).toEqual(["12", "34", "", val]);
    const train = "there is no train list; train is what trainval has beyond val";
    expect(await splits({ trainval: "1\n2\n3\n4", val: "1\n2" })).toEqual(["34", "12", "", train]);
    const both = "1 pictures of the list trainval are in neither train nor val; they train";
    expect(await splits({ trainval: "1\n2\n3", train: "1", val: "2" })).toEqual(["13", "2", "", both]);
  });

  it("of one class, with folders, extensions or flags are understood", async () => {
    const set = await openMemory({
      ...devkit({ train: "JPEGImages/1.jpg Annotations/1.xml\n./Annotations/2.xml\n", val: "3 1\n4 -1\n" }),
      "ImageSets/Main/nut_train.txt": "1 1\n2 -1\n",
    });
    expect(Object.values(splitNamesOf(set)).map(numbers)).toEqual(["12", "34", ""]);
    expect(set.notRead).toMatchObject([{ what: "annotated pictures in no list", count: 2 }]);
  });

  it("lie in the root of some sets", async () => {
    const files = devkit({});
    const set = await openMemory({
      ...files,
      "train.txt": "1\n2\n3\n",
      "val.txt": "4\n",
      "requirements.txt": "numpy\n",
    });
    expect(Object.values(splitNamesOf(set)).map(numbers)).toEqual(["123", "4", ""]);
  });

  it("name what is not there", async () => {
    const set = await openMemory(devkit({ train: "1\n\n9\n1\n", test: "7\n8\n" }));
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      "set/ImageSets/Main/train.txt:3: names 9, of which there is no annotation; add 9.xml or remove the line",
    ]);
    expect(set.changes).toMatchObject([{ what: "lines of a list equal to one before are left out", count: 1 }]);
    expect(set.notes).toEqual([
      "none of the 2 pictures of set/ImageSets/Main/test.txt has an annotation; the list is left out",
    ]);
    expect(set.named).toEqual(["train"]);
  });

  it("say when a picture is in two of them", async () => {
    const set = await openMemory(devkit({ train: "1\n2", val: "2\n3" }));
    expect(Object.values(splitNamesOf(set)).map(numbers)).toEqual(["12", "23", ""]);
    expect(set.changes).toMatchObject([{ what: "pictures are in the lists of both train and val", count: 1 }]);
  });
});

describe("places", () => {
  it("two years side by side, with masks of the same names", async () => {
    const set = await openMemory({
      ...devkit({ train: "1\n2", val: "3" }, "VOCdevkit/VOC2007/"),
      ...devkit({ train: "4", val: "5" }, "VOCdevkit/VOC2012/"),
      "VOCdevkit/VOC2012/SegmentationClass/4.png": picture,
      "VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt": "4\n",
    });
    expect(splitNamesOf(set)).toEqual({
      train: ["1", "2"]
        .map((n) => `VOCdevkit/VOC2007/JPEGImages/${n}.jpg`)
        .concat("VOCdevkit/VOC2012/JPEGImages/4.jpg"),
      val: ["VOCdevkit/VOC2007/JPEGImages/3.jpg", "VOCdevkit/VOC2012/JPEGImages/5.jpg"],
      test: [],
    });
    expect(set.recognised).toBe(
      "Pascal VOC: Annotations, ImageSets/Main lists train val in VOCdevkit/VOC2007, VOCdevkit/VOC2012",
    );
  });

  it.each([
    ["flat", "a.jpg", "a.xml", "train"],
    ["two folders", "images/a.jpg", "annotations/a.xml", "train"],
    ["two folders", "Images/a.JPG", "xmls/a.xml", "train"],
    ["Roboflow", "valid/a.jpg", "valid/a.xml", "val"],
    ["splits within", "images/test/a.jpg", "annotations/test/a.xml", "test"],
    ["splits around", "val/images/a.jpg", "val/annotations/a.xml", "val"],
    ["another name in the file", "images/A.png", "labels/A.xml", "train"],
  ] as const)("%s: %s and %s", async (_, at, label, split) => {
    const set = await openMemory({ [at]: picture, [label]: xml([nut], { filename: "a.jpg" }) });
    expect(set.splits[split].map(({ file }) => file)).toEqual([`set/${at}`]);
    expect(set.named).toEqual(/train/.test(split) ? [] : [split]);
    expect(boxesOf(set, at, [100, 80])).toEqual(["nut 10,20,30,40"]);
  });

  it("the name in the file counts where the file's own finds nothing", async () => {
    const set = await openMemory({
      "images/a.jpg": picture,
      "images/b.jpg": picture,
      "annotations/0001.xml": xml([nut], { filename: "C:\\Users\\me\\a.jpg" }),
      "annotations/b.xml": xml([bolt], { filename: "a.jpg" }),
    });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,30,40"]);
    expect(boxesOf(set, "b.jpg", [100, 80])).toEqual(["bolt 0,0,50,80"]);
  });

  it("same names in several folders: the nearest", async () => {
    const set = await openMemory({
      "images/train/1.jpg": picture,
      "images/val/1.jpg": picture,
      "annotations/train/1.xml": xml([nut]),
      "annotations/val/1.xml": xml([bolt]),
    });
    expect(boxesOf(set, "train/1.jpg", [100, 80])).toEqual(["nut 10,20,30,40"]);
    expect(boxesOf(set, "val/1.jpg", [100, 80])).toEqual(["bolt 0,0,50,80"]);
  });

  it("counts what has no partner", async () => {
    const set = await openMemory({
      "a.jpg": picture,
      "b.jpg": picture,
      "a.xml": xml([nut]),
      "c.xml": xml([nut], { filename: "c.jpg" }),
    });
    expect(set.notRead).toMatchObject([
      { what: "annotations without a picture", count: 1, examples: ["set/c.xml"] },
      { what: "pictures without an annotation", count: 1, examples: ["set/b.jpg"] },
    ]);
    await expect(openMemory({ "b.jpg": picture, "c.xml": xml([nut], { filename: "c.jpg" }) })).rejects.toThrow(
      "set: no annotation has a picture: set/c.xml is about c.jpg, and no picture here has that name",
    );
  });
});

describe("objects", () => {
  const one = async (text: string, own: MemoryFile = picture) => openMemory({ "a.jpg": own, "a.xml": text });

  it("have float and swapped corners", async () => {
    const set = await one(xml([["nut", 30.5, 40, 11.25, 21]]));
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10.25,20,30.5,40"]);
    expect(set.changes).toMatchObject([{ what: "boxes with swapped corners are turned round", count: 1 }]);
  });

  it("may be narrower than a pixel", async () => {
    const set = await one(xml([["nut", 1, 11.2, 0.25, 10.7]]));
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 0,10.2,0.25,10.7"]);
    expect([set.notes, set.changes]).toEqual([[], []]);
  });

  it("count from 0 where one of them does", async () => {
    const set = await one(xml([["nut", 0, 21, 30, 40]]));
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 0,21,30,40"]);
    expect(set.notes).toEqual(["corners are pixels from 0, not from 1 as the devkit's: set/a.xml:3 begins at 0,21"]);
  });

  it("are difficult, or not, or do not say", async () => {
    const set = await one(
      xml([
        [...nut.slice(0, 5), "<difficult>1</difficult>"] as unknown as Box,
        ["bolt", 1, 1, 9, 9, ""],
        ["bolt", 2, 2, 9, 9, "<difficult>true</difficult>"],
        ["bolt", 3, 3, 9, 9, "<difficult>maybe</difficult>"],
      ]),
    );
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual([
      "nut 10,20,30,40 difficult",
      "bolt 0,0,9,9",
      "bolt 1,1,9,9 difficult",
    ]);
    expect(set.problems.map(({ error }) => error.message)).toEqual([
      'set/a.xml:9: difficult is "maybe"; it is 0 or 1; correct or remove the object',
    ]);
    expect(set.rows).toBe(4);
  });

  it("have parts, polygons and turned boxes", async () => {
    const part =
      "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>";
    const set = await one(
      `<annotation>${xml([
        ["nut", 11, 21, 30, 40, `${part}<polygon><x1>1</x1><y1>1</y1><x2>9</x2><y2>9</y2></polygon>`],
      ])
        .replace(/^<annotation>|<\/annotation>$/g, "")
        .replace(/\n/g, "")}
      <object><name>bolt</name><polygon><x1>10</x1><y1>10</y1><x2>40</x2><y2>20</y2><x3>20</x3><y3>30.5</y3></polygon></object>
      <object><name>bolt</name><robndbox><cx>50</cx><cy>40</cy><w>20</w><h>10</h><angle>${Math.PI / 2}</angle></robndbox></object>
      </annotation>`,
    );
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,30,40", "bolt 10,10,40,30.5", "bolt 45,30,55,50"]);
    expect(set.classes).toEqual(["bolt", "nut"]);
  });

  it.each([
    [
      "no bndbox",
      "<object><name>nut</name></object>",
      "set/a.xml:1: the object has no bndbox; correct or remove the object",
    ],
    ["no name", "<object><bndbox/></object>", "set/a.xml:1: the object has no name; correct or remove the object"],
    [
      "no number",
      "\n<object><name>nut</name><bndbox><xmin>x</xmin></bndbox></object>",
      'set/a.xml:2: xmin is "x"; it is a number of pixels; correct or remove the object',
    ],
  ])("%s is a problem of the row", async (_, object, message) => {
    const set = await one(`<annotation>${object}</annotation>`);
    expect(set.problems).toMatchObject([{ leavesOut: "row", error: { message } }]);
  });

  it("broken XML is a problem of the picture, an annotation without objects is background", async () => {
    const set = await openMemory({
      "a.jpg": picture,
      "a.xml": xml([nut]).slice(0, -20),
      "b.jpg": picture,
      "b.xml": xml([]),
    });
    expect(set.problems.map(({ error }: { error: PhinetsError }) => error.message)).toEqual([
      "set/a.xml:4: is not an annotation in XML: a tag does not end; correct or remove the file",
    ]);
    expect(splitNamesOf(set).train).toEqual(["b.jpg"]);
    expect(set.splits.train[0].labels).toEqual([]);
  });
});

describe("sizes", () => {
  const sized = (stated: readonly [number, number], own: readonly [number, number]) =>
    openMemory({ "a.jpg": own, "a.xml": xml([nut], { size: stated }) });

  it("are the picture's own where none is stated", async () => {
    expect(boxesOf(await sized([0, 0], [50, 50]), "a.jpg", [50, 50])).toEqual(["nut 10,20,30,40"]);
    const zero = xml([nut]).replace(/<width>.*<\/height>/, "<width>0</width><height>0</height>");
    expect(boxesOf(await openMemory({ "a.jpg": [50, 50], "a.xml": zero }), "a.jpg", [50, 50])).toEqual([
      "nut 10,20,30,40",
    ]);
  });

  it("that are scaled keep fractions and are counted", async () => {
    const set = await sized([500, 333], [224, 149]);
    expect(boxesOf(set, "a.jpg", [500, 333])).toEqual(["nut 10,20,30,40"]);
    expect(set.changes).toMatchObject([{ count: 1, what: expect.stringContaining("boxes are scaled") }]);
  });

  it.each([
    [
      "turned",
      [100, 80],
      [80, 100],
      "set/a.xml:2: states 100x80, but set/a.jpg is 80x100, which is the picture before",
    ],
    [
      "of another shape",
      [100, 80],
      [100, 50],
      "set/a.xml:2: states 100x80, but set/a.jpg is 100x50; where the boxes fit",
    ],
  ] as const)("%s are a problem", async (_, stated, own, message) => {
    const set = await sized(stated, own);
    expect(set.problems).toHaveLength(1);
    expect(set.problems[0].leavesOut).toBe("picture");
    expect(set.problems[0].error.message).toContain(message);
    expect(set.notRead).toEqual([]);
  });

  it("of pictures that are none are a problem", async () => {
    const set = await openMemory({ "a.jpg": "hello", "a.xml": xml([nut]) });
    expect(set.problems.map(({ error }) => error.message)).toEqual(["set/a.jpg: is not a picture"]);
  });
});

describe("classes", () => {
  it("are in the order of a list beside", async () => {
    const set = await openMemory({ ...devkit({ train: "1\n2" }), "labels.txt": "_background_\nscrew\nnut\nbolt\n" });
    expect(set.classes).toEqual(["screw", "nut", "bolt"]);
    expect(set.notes).toEqual(["the classes and their order are those of set/labels.txt; no box is a screw"]);
    const lacking = await openMemory({ ...devkit({ train: "1\n2" }), "classes.txt": "nut\n" });
    expect(lacking.classes).toEqual(["bolt", "nut"]);
    expect(lacking.notes).toEqual(["set/classes.txt lacks bolt, so the classes are in alphabetical order"]);
  });
});

it("other files never change what is read", async () => {
  const base = devkit({ train: "1\n2\n3\n", val: "4\n5\n" });
  const plain = await openMemory(base);
  const name = fc.stringMatching(/^[a-z]{1,6}$/);
  const folder = fc.constantFrom("", "docs/", "Annotations/", "ImageSets/Main/", "JPEGImages/", "tools/");
  const extension = fc.constantFrom(".md", ".csv", ".py", ".jpg", ".log", ".xml", ".zip");
  const file = fc.tuple(folder, name, extension).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 5 }), async (extra) => {
      const set = await openMemory({ ...Object.fromEntries(extra.map((path) => [path, "x"])), ...base });
      expect(set.classes).toEqual(plain.classes);
      expect(set.splits).toEqual(plain.splits);
      expect(set.problems).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
