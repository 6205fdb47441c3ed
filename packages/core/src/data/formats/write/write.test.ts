import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type MemoryFile, memoryHost, memoryTree } from "../../../../../../test/memory-set.js";
import { PhinetsError } from "../../../tensor/index.js";
import { baseName } from "../../files/tree.js";
import {
  type BoxLabel,
  type DatasetIndex,
  type PictureSize,
  type Sample,
  type SplitName,
  splitNames,
} from "../../types.js";
import { type OpenedTree, openTree } from "../open.js";
import { datasetWriters, writeDataset, writerFor } from "./index.js";
import { fitName, PictureNames, whyUnfit } from "./names.js";

const host = { ...memoryHost, parseYaml: (text: string) => parse(text) };

/** A data set with the sizes of its pictures. */
interface Sized {
  readonly index: DatasetIndex;
  readonly sizes: ReadonlyMap<string, PictureSize>;
}

/** Writes a data set into memory and opens it again. */
async function through({ index, sizes }: Sized, id: string): Promise<{ opened: OpenedTree; sized: Sized }> {
  const sizeOf = (file: string) => sizes.get(file) as PictureSize;
  const written = writeDataset(writerFor(id, index.task), { index, sizeOf });
  const files: Record<string, MemoryFile> = {};
  for (const { path, text } of written.files) {
    expect(files[path]).toBeUndefined();
    files[path] = text;
  }
  for (const { from, to } of written.pictures) {
    expect(files[to]).toBeUndefined();
    files[to] = [sizeOf(from).width, sizeOf(from).height];
  }
  const opened = await openTree(memoryTree(files), host);
  const again = new Map(written.pictures.map(({ from, to }) => [`set/${to}`, sizeOf(from)]));
  return { opened, sized: { index: opened, sizes: again } };
}

type Contents = Record<SplitName, Record<string, readonly (readonly [string, ...number[], string])[] | string>>;

/** Labels by split and picture name, with classes by name. */
function contentsOf({ classes, splits }: DatasetIndex): Contents {
  const rows = (labels: readonly BoxLabel[]) =>
    labels
      .map((l) => [classes[l.class], l.x, l.y, l.width, l.height, l.ignore ?? ""] as const)
      .sort((a, b) => (JSON.stringify(a.slice(1, 3)) < JSON.stringify(b.slice(1, 3)) ? -1 : 1));
  const of = (samples: readonly Sample[]) =>
    Object.fromEntries(
      samples.map(({ file, labels, class: label }) => [
        baseName(file),
        label === undefined ? rows(labels ?? []) : classes[label],
      ]),
    );
  return { train: of(splits.train), val: of(splits.val), test: of(splits.test) };
}

function expectClose(got: Contents, wanted: Contents, digits: number): void {
  for (const split of splitNames) {
    expect(Object.keys(got[split]).sort()).toEqual(Object.keys(wanted[split]).sort());
    for (const [name, content] of Object.entries(wanted[split])) {
      if (typeof content === "string") expect(got[split][name]).toBe(content);
      else
        expect(got[split][name], `${split} ${name}`).toEqual(
          content.map((row) => row.map((v) => (typeof v === "number" ? expect.closeTo(v, digits) : v))),
        );
    }
  }
}

const className = fc
  .array(fc.constantFrom("a", "B", "7", "é", "零", "-", "_", "&", "<", '"', "'", ":", "#", "\\", ", ", " x"), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => `n${parts.join("")}z`);

const fractions = fc.integer({ min: 0, max: 10_000_000 }).map((n) => n / 10_000_000);

const box = (classes: number, ignores: readonly (BoxLabel["ignore"] | undefined)[]): fc.Arbitrary<BoxLabel> =>
  fc
    .record({
      class: fc.nat(classes - 1),
      xs: fc.tuple(fractions, fractions).filter(([a, b]) => Math.abs(a - b) > 0.03),
      ys: fc.tuple(fractions, fractions).filter(([a, b]) => Math.abs(a - b) > 0.03),
      ignore: fc.constantFrom(...ignores),
    })
    .map(({ class: label, xs, ys, ignore }) => ({
      ...{ class: label, x: (xs[0] + xs[1]) / 2, y: (ys[0] + ys[1]) / 2 },
      ...{ width: Math.abs(xs[0] - xs[1]), height: Math.abs(ys[0] - ys[1]) },
      ...(ignore !== undefined && { ignore }),
    }));

function detection(ignores: readonly (BoxLabel["ignore"] | undefined)[]): fc.Arbitrary<Sized> {
  return fc
    .uniqueArray(className, { minLength: 1, maxLength: 4, selector: (name) => name.toLowerCase() })
    .chain((classes) =>
      fc
        .tuple(
          ...[1, 0, 0].map((minLength) =>
            fc.array(
              fc.record({
                labels: fc.array(box(classes.length, ignores), { maxLength: 4 }),
                size: fc.record({
                  width: fc.integer({ min: 40, max: 4000 }),
                  height: fc.integer({ min: 40, max: 4000 }),
                }),
                extension: fc.constantFrom("jpg", "png", "bmp"),
              }),
              { minLength, maxLength: 4 },
            ),
          ),
        )
        .map((parts) => {
          const sizes = new Map<string, PictureSize>();
          const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
          for (const [s, list] of parts.entries()) {
            for (const [n, { labels, size, extension }] of list.entries()) {
              const file = `C:/x/${splitNames[s]}/p${s}${n}.${extension}`;
              sizes.set(file, size);
              splits[splitNames[s]].push({ file, labels });
            }
          }
          return { index: { task: "detect", classes, splits }, sizes };
        }),
    );
}

/** A COCO file without any box is taken for another kind of file when it is read. */
const hasBoxes = ({ index }: Sized) =>
  splitNames.every((split) => {
    const samples = index.splits[split];
    return samples.length === 0 || samples.some(({ labels }) => labels?.length);
  });
const detectors = datasetWriters.filter(({ task }) => task === "detect").map(({ id }) => id);

describe("writing and reading again", () => {
  it.each(detectors)("%s keeps boxes, classes and splits, and has nothing to say", async (id) => {
    const ignores =
      id === "coco"
        ? [undefined, "crowd" as const, "difficult" as const]
        : id === "voc"
          ? [undefined, "difficult" as const]
          : [undefined];
    await fc.assert(
      fc.asyncProperty(detection(ignores).filter(hasBoxes), async (sized) => {
        const { opened } = await through(sized, id);
        expect(opened.format).toBe(id);
        expect(opened.classes).toEqual(sized.index.classes);
        expect([opened.problems, opened.changes, opened.notRead]).toEqual([[], [], []]);
        expect(opened.named).toEqual(splitNames.filter((split) => sized.index.splits[split].length > 0));
        expectClose(contentsOf(opened), contentsOf(sized.index), id === "yolo" ? 15 : 9);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  const pairs = detectors.flatMap((a) => detectors.filter((b) => b !== a).map((b) => [a, b] as const));
  it.each(pairs)("%s to %s and back", async (a, b) => {
    await fc.assert(
      fc.asyncProperty(detection([undefined]).filter(hasBoxes), async (sized) => {
        const there = await through(sized, a);
        const back = await through((await through(there.sized, b)).sized, a);
        expect(back.opened.classes).toEqual(sized.index.classes);
        expectClose(contentsOf(back.opened), contentsOf(sized.index), 9);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  it("folders keep classes and splits", async () => {
    const classes = fc.uniqueArray(
      fc
        .stringMatching(/^[a-zé零][a-z0-9é零_ -]{0,6}[a-z]$/)
        .filter(
          (name) =>
            !/^(train|val|test|dev|valid|img|image|mask|label|set|data|obj|seg|mot|the|split|folder)/.test(name),
        ),
      { minLength: 2, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(classes, fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 20 }), async (names, more) => {
        const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
        for (const [n] of names.entries()) splits.train.push({ file: `a/c${n}.png`, class: n });
        for (const [n, [label, split]] of more.entries())
          splits[splitNames[split]].push({ file: `b/${n}.jpg`, class: label % names.length });
        const index: DatasetIndex = { task: "classify", classes: names, splits };
        const sizes = new Map(splitNames.flatMap((s) => splits[s].map(({ file }) => [file, { width: 9, height: 9 }])));
        const { opened } = await through({ index, sizes }, "folders");
        expect(opened).toMatchObject({
          task: "classify",
          classes: [...names].sort((x, y) => (x < y ? -1 : 1)),
          problems: [],
        });
        expectClose(contentsOf(opened), contentsOf(index), 0);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});

const one = (labels: readonly BoxLabel[], classes = ["nut"]): DatasetIndex => ({
  ...{ task: "detect", classes },
  splits: { train: [{ file: "d/a.jpg", labels }], val: [], test: [] },
});
const whole = { class: 0, x: 0.5, y: 0.5, width: 1, height: 1 };
const write = (id: string, index: DatasetIndex) =>
  writeDataset(writerFor(id, index.task), { index, sizeOf: () => ({ width: 640, height: 480 }) });
const textOf = (id: string, index: DatasetIndex, path: string) =>
  write(id, index).files.find((each) => each.path === path)?.text;

describe("what is written", () => {
  it("YOLO: data.yaml and rows with every digit", () => {
    const third = { class: 1, x: 1 / 3, y: 0.5, width: 0.1, height: 1 / 7 };
    const index = one([third], ['say "nut"', "7"]);
    expect(textOf("yolo", index, "data.yaml")).toBe('train: train/images\nnames:\n  0: "say \\"nut\\""\n  1: "7"\n');
    expect(textOf("yolo", index, "train/labels/a.txt")).toBe("1 0.3333333333333333 0.5 0.1 0.14285714285714285\n");
  });

  it("VOC: pixels from 1; COCO: from 0", () => {
    const corner = { class: 0, x: 0.05, y: 0.05, width: 0.1, height: 0.1 };
    expect(textOf("voc", one([corner]), "Annotations/a.xml")).toContain(
      "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>64</xmax><ymax>48</ymax></bndbox>",
    );
    const coco = JSON.parse(textOf("coco", one([whole, corner]), "annotations/instances_train.json") as string);
    expect(coco.images).toEqual([{ id: 1, file_name: "a.jpg", width: 640, height: 480 }]);
    expect(coco.categories).toEqual([{ id: 1, name: "nut" }]);
    expect(coco.annotations.map(({ bbox }: { bbox: number[] }) => bbox)).toEqual([
      [0, 0, 640, 480],
      [0, 0, 64, 48],
    ]);
  });

  it("what a format cannot hold is counted", () => {
    const labels: BoxLabel[] = [
      { ...whole, ignore: "crowd" },
      { ...whole, x: 0.4, width: 0.2, ignore: "difficult" },
      { ...whole, x: 0.2, width: 0.1, trackId: 3 },
    ];
    const said = (id: string) => write(id, one(labels)).changes.map(({ what, count }) => `${count} ${what}`);
    expect(said("yolo")).toEqual([
      "1 crowd regions are left out: YOLO has none",
      "1 difficult boxes are left out: YOLO has none",
      "1 pictures lose the track ids of boxes",
    ]);
    expect(said("voc")).toEqual([
      "1 crowd regions become difficult boxes: VOC has no crowds",
      "1 pictures lose the track ids of boxes",
    ]);
    expect(said("coco")).toEqual(["1 pictures lose the track ids of boxes"]);
    const thin = one([{ ...whole, x: 1 - 0.25 / 640, width: 0.5 / 640 }]);
    expect(write("voc", thin).changes.map(({ what }) => what)).toEqual([
      "boxes narrower than a pixel are widened to one",
    ]);
    expect(textOf("voc", thin, "Annotations/a.xml")).toContain("<xmin>640</xmin><ymin>1</ymin><xmax>640</xmax>");
    const out = write(
      "voc",
      one([
        { ...whole, x: 0.9, width: 0.4 },
        { ...whole, x: -2, width: 0.4 },
      ]),
    ).changes;
    expect(out.map(({ what }) => what)).toEqual([
      "boxes that reach out of the picture are clipped",
      "boxes outside of their pictures are left out",
    ]);
  });

  it("pictures of one name do not collide, also with other extensions or case", () => {
    const names = new PictureNames();
    const given = ["a/x/1.jpg", "b/x/1.jpg", "b/y/1.png", "c/1.JPG", "c/1.jpg", "1.jpg", "C:\\d\\1.jpg"].map((file) =>
      names.nameFor(file),
    );
    expect(given).toEqual(["1.jpg", "x_1.jpg", "y_1.png", "c_1.jpg", "1-2.jpg", "1-1.jpg", "d_1.jpg"]);
    expect(new Set(given).size).toBe(given.length);
    expect(names.nameFor("b/y/1.png")).toBe("y_1.png");
    expect(names.nameFor("b/y/1.png", "val")).toBe("1.png");
    expect(names.nameFor("m/train-images-idx3-ubyte.gz#17")).toBe("train-00017.png");
    expect(new PictureNames({ blanks: false }).nameFor("a/my nut.jpg")).toBe("my_nut.jpg");
  });

  it("names fit every file system, and lead nowhere", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        if (whyUnfit(fitName(text)) !== undefined) throw new Error(JSON.stringify(fitName(text)));
      }),
    );
    expect(["..", "a/b", "CON.jpg", "x:y", ".a", ""].map(fitName)).toEqual(["_", "a_b", "_CON.jpg", "x_y", "_a", "_"]);
    const classes = (name: string) => ({
      task: "classify" as const,
      classes: ["a", name],
      splits: { train: [{ file: "1.jpg", class: 1 }], val: [], test: [] },
    });
    for (const name of ["../up", "..", "a\\b", "nul", "", "a.", ".hidden", "train", "images", "A"]) {
      expect(() => write("folders", classes(name)), name).toThrow(PhinetsError);
    }
    expect(() => write("folders", classes("../up"))).toThrow(
      'class "../up" cannot be a folder\'s name: it has "/"; rename it',
    );
    expect(write("folders", classes("b")).notes).toEqual(["classes without a picture have no folder and are lost: a"]);
  });

  it("folders say where splits are lost", () => {
    const splits = { train: [], val: [], test: [{ file: "a.jpg", class: 0 }] };
    const what = "pictures of no training split are split anew when they are read";
    const { changes } = write("folders", { task: "classify", classes: ["a"], splits });
    expect(changes).toMatchObject([{ what, count: 1, examples: ["a.jpg"] }]);
  });

  it("formats that do not hold the labels are refused", () => {
    expect(() => writerFor("folders", "detect")).toThrow(
      "--to folders does not hold boxes; the data set has boxes, so --to is coco, yolo, voc",
    );
    expect(() => writerFor("yolo", "classify")).toThrow(/--to is folders$/);
    expect(() => writerFor("xyz", "detect")).toThrow(/^--to xyz is not known/);
    const untrained = { ...one([]), splits: { ...one([]).splits, train: [], val: one([whole]).splits.train } };
    expect(() => write("yolo", untrained)).toThrow(/has none; --to coco takes it$/);
  });

  it("a class that the training split lacks has no folder there, which are the classes", () => {
    const sample = (file: string, label: number) => ({ file, class: label });
    const splits = { train: [sample("1.jpg", 0), sample("2.jpg", 1)], val: [sample("3.jpg", 2)], test: [] };
    expect(() => write("folders", { task: "classify", classes: ["a", "b", "c"], splits })).toThrow(
      'class "c" has pictures in val and none in train, whose folders are the classes; add some to train',
    );
  });

  it("a class with blanks around it would be another one in COCO", () => {
    expect(() => write("coco", one([whole], [" nut"]))).toThrow(
      'class " nut" has blanks around it, which readers of COCO take away; rename it',
    );
  });

  it("a picture of two splits has one annotation in VOC, and it is said where their boxes differ", () => {
    const twice = (other: readonly BoxLabel[]) => {
      const index = one([whole]);
      const [sample] = index.splits.train;
      const splits = { train: [sample], val: [], test: [{ ...sample, labels: other }] };
      return writeDataset(writerFor("voc", "detect"), {
        index: { ...index, splits },
        sizeOf: () => ({ width: 10, height: 10 }),
      }).changes.map(({ what }) => what);
    };
    expect(twice([whole])).toEqual([]);
    expect(twice([])).toEqual(["pictures of several splits keep the boxes of the first"]);
  });
});
