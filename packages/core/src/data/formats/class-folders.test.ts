import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MemoryFile, memoryHost, memoryTree, openMemory } from "../../../../../test/memory-set.js";
import type { OpenedTree } from "./open.js";
import { openTree } from "./open.js";

const picture: MemoryFile = [8, 8];
const files = (...paths: readonly string[]): Record<string, MemoryFile> =>
  Object.fromEntries(paths.map((path) => [path, /\.(jpg|bmp|HEIC|png)$/.test(path) ? picture : "text"]));

/** `SPLIT CLASS PATH` of every picture, in order. */
function listed({ splits, classes }: OpenedTree): string[] {
  return (["train", "val", "test"] as const).flatMap((split) =>
    splits[split].map((sample) => `${split} ${classes[sample.class as number]} ${sample.file.slice("set/".length)}`),
  );
}

const said = ({ notes, changes, notRead, problems }: OpenedTree) => [
  ...notes,
  ...[...changes, ...notRead].map(({ what, count, examples }) => `${count} ${what} (${examples[0]})`),
  ...problems.map(({ error }) => error.message),
];

describe("places", () => {
  it("one level: classes by name, folders within a class belong to it", async () => {
    const set = await openMemory(files("nut/2.jpg", "bolt/1.jpg", "nut/deep/er/1.jpg", "nut/.hidden/1.jpg"));
    expect(set).toMatchObject({ task: "classify", classes: ["bolt", "nut"], named: [] });
    expect(set.recognised).toBe("class folders: folders bolt, nut");
    expect(listed(set)).toEqual(["train bolt bolt/1.jpg", "train nut nut/2.jpg", "train nut nut/deep/er/1.jpg"]);
    expect(said(set)).toEqual([]);
  });

  it.each([
    ["train", "valid", "test"],
    ["Train", "Validation", "Test"],
    ["Training", "val", "Testing"],
    ["TRAIN", "dev", "test_set"],
    ["seg_train", "seg_val", "seg_test"],
    ["train_images", "validate", "testing_data"],
  ])("split folders %s, %s, %s", async (train, val, test) => {
    const set = await openMemory(
      files(`${train}/a/1.jpg`, `${train}/b/1.jpg`, `${val}/a/2.jpg`, `${test}/b/3.jpg`, `${test}/b/4.jpg`),
    );
    expect(set).toMatchObject({ classes: ["a", "b"], named: ["train", "val", "test"] });
    expect(listed(set).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "train a",
      "train b",
      "val a",
      "test b",
      "test b",
    ]);
    expect(said(set)).toEqual([]);
  });

  it("the same split folder twice, containers and wrappers are passed through", async () => {
    const doubled = ["seg_train/seg_train/a/1.jpg", "seg_train/seg_train/b/1.jpg", "seg_test/seg_test/a/2.jpg"];
    const set = await openMemory(files(...doubled, "seg_pred/seg_pred/9.jpg"));
    expect(set).toMatchObject({ classes: ["a", "b"], named: ["train", "test"] });
    expect(said(set)).toEqual(["1 pictures in folders beside seg_test, seg_train (set/seg_pred/seg_pred/9.jpg)"]);
    const deep = await openMemory(
      files("x/y/images/train/a/1.jpg", "x/y/images/train/b/1.jpg", "x/y/images/val/a/1.jpg"),
    );
    expect(deep).toMatchObject({ classes: ["a", "b"], named: ["train", "val"] });
    const beside = await openMemory(files("x/a/1.jpg", "x/b/1.jpg", "docs/read.md"));
    expect(beside).toMatchObject({ classes: ["a", "b"], named: [] });
  });

  it("classes that hold the splits", async () => {
    const set = await openMemory(files("a/train/1.jpg", "a/test/2.jpg", "b/train/1.jpg", "b/test/2.jpg"));
    expect(set).toMatchObject({ classes: ["a", "b"], named: ["train", "test"] });
    expect(set.recognised).toBe("class folders: test, train with folders a, b");
    expect(listed(set)[2]).toBe("test a a/test/2.jpg");
  });

  it("without train: folders beside are train, or the whole is split anew", async () => {
    const beside = await openMemory(files("a/1.jpg", "b/1.jpg", "test/a/2.jpg", "test/b/2.jpg"));
    expect(beside).toMatchObject({ classes: ["a", "b"], named: ["train", "test"] });
    expect(said(beside)).toEqual(["the class folders beside test are the training split"]);
    const none = await openMemory(files("val/a/1.jpg", "val/b/1.jpg", "test/a/2.jpg", "test/b/2.jpg"));
    expect(none).toMatchObject({ classes: ["a", "b"], named: [] });
    expect(none.splits.train).toHaveLength(4);
    expect(said(none)).toEqual(["there is no folder of training pictures, so all of test, val is split anew"]);
  });

  it("within a split, a class may be called as splits are", async () => {
    const set = await openMemory(files("train/bus/1.jpg", "train/train/1.jpg", "test/train/2.jpg", "test/bus/2.jpg"));
    expect(set.classes).toEqual(["bus", "train"]);
    expect(listed(set)).toContain("test train test/train/2.jpg");
  });
});

describe("what is odd", () => {
  it("pictures outside class folders are left out and counted", async () => {
    const set = await openMemory(files("preview.png", "a/1.jpg", "b/1.jpg", "conda.yml"));
    expect(listed(set)).toHaveLength(2);
    expect(said(set)).toEqual(["1 pictures in no class folder (set/preview.png)", "1 .yml files (set/conda.yml)"]);
    const split = await openMemory(
      files("train/a/1.jpg", "train/b/1.jpg", "train/x.jpg", "test/1.jpg", "test/2.jpg", "samples/1.jpg", "docs/a.md"),
    );
    expect(split).toMatchObject({ classes: ["a", "b"], named: ["train"] });
    expect(said(split)).toEqual([
      "1 pictures in folders beside train (set/samples/1.jpg)",
      "2 pictures directly in test, of no class (set/test/1.jpg)",
      "1 pictures directly in train, of no class (set/train/x.jpg)",
      "1 .md files (set/docs/a.md)",
    ]);
    const flat = await openMemory(files("a/1.jpg", "b/1.jpg", "test/1.jpg"));
    expect(flat.classes).toEqual(["a", "b"]);
    expect(said(flat)).toEqual(["1 pictures directly in test, of no class (set/test/1.jpg)"]);
  });

  it("a folder train beside class folders is unclear", async () => {
    await expect(openMemory(files("bus/1.jpg", "car/1.jpg", "train/1.jpg"))).rejects.toThrow(
      "set/train: lies beside the class folders bus, car; if it is a class, rename it; if it is the training split, put a folder for each class into it",
    );
  });

  it("a class that train lacks is a problem of its pictures", async () => {
    const set = await openMemory(
      files("train/a/1.jpg", "train/b/1.jpg", "train/d/.keep", "train/e/1.cr2", "val/c/1.jpg", "val/d/1.jpg"),
    );
    expect(set.classes).toEqual(["a", "b"]);
    expect(said(set)).toEqual([
      "set/train/d, set/train/e (1 other files) have no pictures: they are no classes",
      "1 .cr2 files (set/train/e/1.cr2)",
      "1 empty folders (set/train/d)",
      'set/val/c/1.jpg: its class "c" has no folder in train, whose classes are a, b; add pictures there or remove it',
      'set/val/d/1.jpg: its class "d" has no pictures in train, whose classes are a, b; add pictures there or remove it',
    ]);
  });

  it("names that differ in case are matched between splits, kept within one", async () => {
    const set = await openMemory(files("train/Bolt/1.jpg", "train/nut/1.jpg", "test/bolt/1.jpg", "test/NUT/1.jpg"));
    expect(set.classes).toEqual(["Bolt", "nut"]);
    expect(said(set)).toEqual(["2 folders are matched to a class whose name differs in case (set/test/NUT)"]);
    expect(listed(set).slice(2)).toEqual(["test nut test/NUT/1.jpg", "test Bolt test/bolt/1.jpg"]);
    const twins = await openMemory(files("Bolt/1.jpg", "bolt/1.jpg"));
    expect(twins.classes).toEqual(["Bolt", "bolt"]);
    expect(said(twins)).toEqual(["the classes Bolt and bolt differ in case only; they are two classes"]);
  });

  it("bitmaps and HEIC are pictures", async () => {
    const set = await openMemory(files("a/1.bmp", "b/1.HEIC", "c/1.png"));
    expect(set.classes).toEqual(["a", "b", "c"]);
  });

  it("a folder `images` beside classes is none of them", async () => {
    const set = await openMemory(files("a/1.jpg", "b/1.jpg", "images/1.jpg"));
    expect(set.classes).toEqual(["a", "b"]);
    expect(said(set)).toEqual(["1 pictures in images, which is no class (set/images/1.jpg)"]);
    expect((await openMemory(files("mask/1.jpg", "no_mask/1.jpg"))).classes).toEqual(["mask", "no_mask"]);
  });
});

describe("what is no set of class folders", () => {
  const refused = async (...paths: readonly string[]) => {
    const error = await openTree(memoryTree(files(...paths)), memoryHost).catch((e: Error) => e);
    return (error as Error).message;
  };

  it.each([
    [
      ["cat/1.jpg", "cat/2.jpg"],
      "class folders (folders cat) but it has one class (cat), and a classifier tells at least 2",
    ],
    [["train/cat/1.jpg", "val/cat/2.jpg"], "class folders (train, val with folders cat) but it has one class (cat)"],
    [
      ["train/1.jpg", "test/2.jpg"],
      "class folders (pictures directly in test, train) but it has no folder for each class",
    ],
    [["images/1.jpg", "labels/1.png"], "class folders (2 pictures) but it has no folder for each class"],
    [["JPEGImages/1.jpg", "Annotations/1.tsv"], "class folders (1 picture) but it has no folder for each class"],
    [["image/1.jpg", "mask/1.png"], "class folders (2 pictures) but it has no folder for each class"],
    [["1.jpg", "2.jpg"], "class folders (2 pictures) but it has no folder for each class"],
    [
      ["a/1.jpg", "a/1.txt", "b/2.jpg", "b/2.txt", "b/3.jpg"],
      "class folders (folders a, b) but 2 of 3 pictures have a .txt file of their own, as objects have",
    ],
  ])("%j", async (paths, message) => {
    expect(await refused(...paths)).toContain(message);
  });
});

it("other files never change what is read", async () => {
  const base = files("train/a/1.jpg", "train/b/1.jpg", "train/b/2.jpg", "val/a/3.jpg", "test/b/4.jpg");
  const plain = await openMemory(base);
  const folder = fc.constantFrom("", "docs/", "train/", "train/a/", "val/", "__MACOSX/train/a/", "samples/", ".git/");
  const file = fc.tuple(
    folder,
    fc.stringMatching(/^[a-z]{1,6}$/),
    fc.constantFrom(".md", ".csv", ".py", ".jpg", ".yml"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 6 }), async (extra) => {
      // A picture in a class folder correctly adds a sample.
      const paths = extra.map((parts) => parts.join("")).filter((path) => !/^train\/a\/.*jpg$/.test(path));
      const set = await openMemory({ ...files(...paths), ...base });
      expect(set.classes).toEqual(plain.classes);
      expect(set.splits).toEqual(plain.splits);
      expect(set.problems).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

it("opens 50,000 pictures of 1,000 classes quickly", async () => {
  const paths = Array.from({ length: 50_000 }, (_, n) => `${n < 10_000 ? "test" : "train"}/c${n % 1000}/${n}.jpg`);
  const folders = new Map<string, { folders: Set<string>; files: Set<string> }>();
  const at = (folder: string) => {
    const known = folders.get(folder) ?? { folders: new Set(), files: new Set() };
    folders.set(folder, known);
    return known;
  };
  for (const path of paths) {
    const [split, name, file] = path.split("/");
    at("").folders.add(split);
    at(split).folders.add(name);
    at(`${split}/${name}`).files.add(file);
  }
  // MemoryTree scans all files to list a folder; this one has listings ready, as a disk does.
  const listed = new Map(
    [...folders].map(([folder, { folders, files }]) => [
      folder,
      { folders: [...folders].sort(), files: [...files].sort(), brokenLinks: [] },
    ]),
  );
  const tree = {
    name: "set",
    list: (folder: string) => listed.get(folder),
    read: () => new Uint8Array(),
    locate: (file: string) => file,
  };
  const set = await openTree(tree, memoryHost);
  expect(set.classes).toHaveLength(1000);
  expect([set.splits.train.length, set.splits.test.length]).toEqual([40_000, 10_000]);
});
