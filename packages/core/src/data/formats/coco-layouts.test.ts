import { describe, expect, it } from "vitest";
import { json, pair, picture } from "../../../../../test/coco-set.js";
import {
  boxesOf,
  type MemoryFile,
  memoryHost,
  memoryTree,
  openMemory,
  splitNamesOf,
} from "../../../../../test/memory-set.js";
import { openTree } from "./open.js";

const messages = (set: Awaited<ReturnType<typeof openMemory>>) => set.problems.map(({ error }) => error.message);

describe("layouts", () => {
  it.each<[string, Record<string, MemoryFile>, string[][], string]>([
    [
      "COCO 2017",
      {
        "annotations/instances_train2017.json": json(),
        "annotations/instances_val2017.json": json(),
        ...pair("train2017/"),
        ...pair("val2017/"),
      },
      [["train2017/a.jpg", "train2017/b.jpg"], ["val2017/a.jpg", "val2017/b.jpg"], []],
      "annotations/instances_train2017.json, annotations/instances_val2017.json",
    ],
    [
      "Roboflow",
      {
        "train/_annotations.coco.json": json(),
        "valid/_annotations.coco.json": json(),
        "test/_annotations.coco.json": json(),
        ...pair("train/"),
        ...pair("valid/"),
        ...pair("test/"),
      },
      [
        ["train/a.jpg", "train/b.jpg"],
        ["valid/a.jpg", "valid/b.jpg"],
        ["test/a.jpg", "test/b.jpg"],
      ],
      "train/_annotations.coco.json, valid/_annotations.coco.json, test/_annotations.coco.json",
    ],
    [
      "CVAT",
      { "annotations/instances_default.json": json(), ...pair("images/default/") },
      [["images/default/a.jpg", "images/default/b.jpg"], [], []],
      "annotations/instances_default.json",
    ],
    [
      "images/train and images/val, in a folder of everything",
      {
        "all/annotations/train.json": json(),
        "all/annotations/val.json": json(),
        ...pair("all/images/train/"),
        ...pair("all/images/val/"),
      },
      [["all/images/train/a.jpg", "all/images/train/b.jpg"], ["all/images/val/a.jpg", "all/images/val/b.jpg"], []],
      "all/annotations/train.json, all/annotations/val.json",
    ],
    [
      "one JSON beside the pictures",
      { "labels.json": json(), ...pair("") },
      [["a.jpg", "b.jpg"], [], []],
      "labels.json",
    ],
    [
      "one JSON, pictures in the folders of splits",
      {
        "coco.json": json({
          images: [
            { id: 1, file_name: "train/a.jpg", width: 100, height: 80 },
            { id: 2, file_name: "val/a.jpg", width: 100, height: 80 },
          ],
        }),
        "train/a.jpg": picture,
        "val/a.jpg": picture,
      },
      [["train/a.jpg"], ["val/a.jpg"], []],
      "coco.json",
    ],
  ])("%s", async (_, files, splits, from) => {
    const set = await openMemory(files);
    expect(set).toMatchObject({ format: "coco", task: "detect", classes: ["bolt", "nut"], problems: [], notRead: [] });
    expect(set.recognised.endsWith(`: ${from}`)).toBe(true);
    expect(Object.values(splitNamesOf(set))).toEqual(splits);
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60"]);
    expect(set.splits.train[0].labels?.length).toBe(1);
    expect(set.named.length).toBe(splits[1].length === 0 ? 0 : splits.filter(({ length }) => length > 0).length);
  });

  it("names of other machines lead to the picture", async () => {
    for (const name of [
      "images\\a.jpg",
      "/home/me/set/images/a.jpg",
      "C:\\set\\a.jpg",
      "./a.jpg",
      "A.JPG",
      "a.png",
      "images/%61.jpg",
      "a",
    ]) {
      const images = [{ id: 1, file_name: name, width: 100, height: 80 }];
      const set = await openMemory({ "result.json": json({ images }), "images/a.jpg": picture });
      expect(boxesOf(set, "images/a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60"]);
    }
  });

  it("of pictures of one name, the one whose folders agree; of no folders, an error", async () => {
    const images = [{ id: 1, file_name: "/data/cam2/a.jpg", width: 100, height: 80 }];
    const files = { "c.json": json({ images }), "x/cam1/a.jpg": picture, "x/cam2/a.jpg": picture };
    expect(splitNamesOf(await openMemory(files)).train).toEqual(["x/cam2/a.jpg"]);
    const ambiguous = json({
      images: [
        { id: 1, file_name: "a.jpg" },
        { id: 2, file_name: "b.jpg" },
      ],
    });
    const set = await openMemory({ ...files, "c.json": ambiguous, "b.jpg": picture });
    expect(messages(set)).toEqual([
      "set/c.json: images[0] a.jpg is the name of several pictures; name it with its folder",
    ]);
  });

  it("a picture of another split does not match", async () => {
    const files = {
      "train/_annotations.coco.json": json(),
      "valid/_annotations.coco.json": json(),
      ...pair("train/"),
      "valid/b.jpg": picture,
    };
    const set = await openMemory(files);
    expect(splitNamesOf(set)).toMatchObject({ train: ["train/a.jpg", "train/b.jpg"], val: ["valid/b.jpg"] });
    expect(messages(set)).toEqual([
      "set/valid/_annotations.coco.json: images[0] a.jpg is not there; put the picture there or remove it from the labels",
    ]);
  });

  it("a split without annotations is background", async () => {
    const empty = json({ annotations: [] });
    const files = { "train/c.coco.json": json(), "valid/c.coco.json": empty, ...pair("train/"), ...pair("valid/") };
    const set = await openMemory(files);
    expect(set.splits.val.map(({ labels }) => labels)).toEqual([[], []]);
    expect(set.notes).toEqual(["set/valid/c.coco.json has no annotations: its pictures are background"]);
  });

  it("a thousand pictures of one name, each in its folder, are told apart quickly", async () => {
    const name = (n: number) => `/home/me/set/${n}/image.jpg`;
    const images = Array.from({ length: 1000 }, (_, n) => ({ id: n, file_name: name(n), width: 100, height: 80 }));
    const there = Object.fromEntries(images.map((_, n) => [`scans/${n}/image.jpg`, picture]));
    const set = await openMemory({ "scans/coco.json": json({ images }), ...there });
    expect(splitNamesOf(set).train.slice(0, 3)).toEqual([
      "scans/0/image.jpg",
      "scans/1/image.jpg",
      "scans/2/image.jpg",
    ]);
    expect(set.problems).toEqual([]);
  });

  it("of instances, keypoints and captions the instances are read", async () => {
    const captions = JSON.stringify({
      images: [{ id: 1, file_name: "a.jpg" }],
      annotations: [{ image_id: 1, caption: "x" }],
    });
    const set = await openMemory({
      "annotations/captions_train2017.json": captions,
      "annotations/person_keypoints_train2017.json": json(),
      "annotations/instances_train2017.json": json(),
      ...pair("train2017/"),
    });
    expect(set.recognised).toBe("COCO: annotations/instances_train2017.json");
    expect(set.notRead.map(({ what, examples }) => [what, ...examples])).toEqual([
      ["COCO files of captions", "set/annotations/captions_train2017.json"],
      ["COCO files beside those of instances", "set/annotations/person_keypoints_train2017.json"],
    ]);
  });

  it("two files that label the same pictures are not joined; of different ones they are", async () => {
    await expect(openMemory({ "one.json": json(), "two.json": json(), ...pair("") })).rejects.toThrow(
      "set/one.json and set/two.json both label set/a.jpg; name the one that is meant, as --data set/one.json",
    );
    const two = json({ images: [{ id: 1, file_name: "c.jpg" }], categories: [{ id: 3, name: "nut" }] });
    const set = await openMemory({ "one.json": json(), "two.json": two, ...pair(""), "c.jpg": picture });
    expect(boxesOf(set, "c.jpg", [100, 80])).toEqual(["nut 10,20,40,60"]);
  });

  it("a named JSON is the data set, its pictures beside it or one level up", async () => {
    const files = { "annotations/a.json": json(), "annotations/b.json": json(), ...pair("images/") };
    const whole = memoryTree(files);
    const inner = memoryTree({ "a.json": json(), "b.json": json() }, "set/annotations");
    const tree = Object.assign(inner, { outside: (folder: string) => (folder === ".." ? whole : undefined) });
    const set = await openTree(tree, memoryHost, { chosen: "a.json" });
    expect(splitNamesOf(set).train).toEqual(["images/a.jpg", "images/b.jpg"]);
    expect(set.notRead.map(({ examples }) => examples)).toEqual([["set/annotations/b.json"]]);
  });

  it.each([
    [[{ image_id: 1, category_id: 3, bbox: [1, 2, 3, 4], score: 0.5 }], "it is a list of results (image_id, score)"],
    [{ images: [], annotations: [{ image_id: 1, caption: "x" }] }, "its annotations are captions"],
    [
      { images: [], annotations: [{ image_id: 1, category_id: 3 }] },
      "its annotations have neither bbox nor segmentation",
    ],
  ])("%j is no data set", async (value, message) => {
    await expect(openMemory({ "x.json": JSON.stringify(value), "a.jpg": picture })).rejects.toThrow(message);
  });
});

describe("several data sets", () => {
  it("side by side are not joined", async () => {
    const one = (folder: string) => ({ [`${folder}train/_annotations.coco.json`]: json(), ...pair(`${folder}train/`) });
    await expect(openMemory({ ...one("x/"), ...one("y/") }, "coco")).rejects.toThrow(
      "set: is not COCO: its files are of 2 data sets; name one of set/x, set/y",
    );
    expect(splitNamesOf(await openMemory({ ...one(""), ...one("y/") })).train).toEqual(["train/a.jpg", "train/b.jpg"]);
  });
});
