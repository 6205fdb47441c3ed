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
const categories = [
  { id: 3, name: "bolt", supercategory: "none" },
  { id: 17, name: "nut", supercategory: "none" },
];

interface Parts {
  readonly images?: readonly object[];
  readonly annotations?: readonly object[];
  readonly categories?: readonly object[];
}

/** A bolt in the first of two pictures. */
function json({ images, annotations, categories: own = categories }: Parts = {}): string {
  return JSON.stringify({
    info: {},
    images: images ?? [
      { id: 1, file_name: "a.jpg", width: 100, height: 80 },
      { id: 2, file_name: "b.jpg", width: 100, height: 80 },
    ],
    annotations: annotations ?? [{ id: 1, image_id: 1, category_id: 3, bbox: [10, 20, 30, 40], iscrowd: 0 }],
    categories: own,
  });
}

const box = (more: object) => ({ image_id: 1, category_id: 3, bbox: [10, 20, 30, 40], ...more });
const pair = (folder: string) => ({ [`${folder}a.jpg`]: picture, [`${folder}b.jpg`]: picture });
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

  it("a picture of another split is not it", async () => {
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

  it("a thousand pictures of one name, each in its folder, are told apart in no time", async () => {
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

describe("categories", () => {
  it("become classes in the order of their ids, texts too", async () => {
    const classes = async (list: readonly object[]) => {
      const annotations = [box({ category_id: (list[0] as { id: number }).id })];
      return (await openMemory({ "c.json": json({ categories: list, annotations }), ...pair("") })).classes;
    };
    expect(
      await classes([
        { id: 90, name: "z" },
        { id: 7, name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(
      await classes([
        { id: "10", name: "z" },
        { id: "9", name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(
      await classes([
        { id: "b", name: "z" },
        { id: "a", name: "y" },
      ]),
    ).toEqual(["y", "z"]);
    expect(await classes([{ id: 1 }])).toEqual(["class 1"]);
  });

  it("ids are the same as number and as text", async () => {
    const annotations = [box({ image_id: "1", category_id: "17" })];
    const set = await openMemory({ "c.json": json({ annotations }), ...pair("") });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["nut 10,20,40,60"]);
  });

  it("a super-category without boxes is left out, and said", async () => {
    const list = [
      { id: 0, name: "parts", supercategory: "none" },
      { id: 1, name: "bolt", supercategory: "parts" },
    ];
    const set = await openMemory({
      "c.json": json({ categories: list, annotations: [box({ category_id: 1 })] }),
      ...pair(""),
    });
    expect([set.classes, set.notes]).toEqual([
      ["bolt"],
      ['category 0 "parts" is the super-category of others and no box is of it; it is left out'],
    ]);
    const used = await openMemory({
      "c.json": json({ categories: list, annotations: [box({ category_id: 0 })] }),
      ...pair(""),
    });
    expect(used.classes).toEqual(["parts", "bolt"]);
  });

  it("of one name are one class; of one id and two names, an error", async () => {
    const same = [
      { id: 1, name: "bolt" },
      { id: 2, name: "bolt" },
    ];
    const annotations = [box({ category_id: 1 }), box({ category_id: 2, bbox: [0, 0, 5, 5] })];
    const set = await openMemory({ "c.json": json({ categories: same, annotations }), ...pair("") });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60", "bolt 0,0,5,5"]);
    expect(set.notes).toEqual(['set/c.json: categories 1 and 2 are both named "bolt"; they are one class']);
    const clash = [
      { id: 1, name: "bolt" },
      { id: 1, name: "nut" },
    ];
    await expect(openMemory({ "c.json": json({ categories: clash, annotations }), ...pair("") })).rejects.toThrow(
      'set/c.json: categories[1] "nut" has the id 1 of categories[0] "bolt"; ids differ',
    );
  });
});

describe("annotations", () => {
  const open = (...annotations: readonly object[]) => openMemory({ "coco.json": json({ annotations }), ...pair("") });
  const boxes = async (...annotations: readonly object[]) => boxesOf(await open(...annotations), "a.jpg", [100, 80]);

  it("may be crowds, masks without a box, and none", async () => {
    expect(await boxes(box({ iscrowd: 1 }))).toEqual(["bolt 10,20,40,60 crowd"]);
    const polygon = [[10, 20, 40, 20, 40, 60]];
    expect(await boxes(box({ bbox: undefined, segmentation: polygon }))).toEqual(["bolt 10,20,40,60"]);
    expect(await boxes(box({ bbox: [], segmentation: polygon }))).toEqual(["bolt 10,20,40,60"]);
    // 80 rows: from row 20 of column 10, one column of 40 pixels.
    const runs = { size: [80, 100], counts: [820, 40, 7140] };
    expect(await boxes(box({ bbox: undefined, segmentation: runs }))).toEqual(["bolt 10,20,11,60"]);
    expect((await open(box({}))).splits.train.map(({ labels }) => labels?.length)).toEqual([1, 0]);
  });

  it.each<[object, string]>([
    [box({ bbox: [1, 2, -3, 4] }), "[0].bbox has width -3; widths must be positive"],
    [box({ bbox: [1, 2, 3, -4] }), "[0].bbox has height -4; heights must be positive"],
    [box({ bbox: [1, 2, 3] }), "[0].bbox has 3 numbers; it is [left, top, width, height] in pixels"],
    [box({ bbox: [1, 2, 3, "x"] }), "[0].bbox is [1, 2, 3, NaN]; its values are numbers"],
    [box({ bbox: null }), "[0] has no bbox and no segmentation; draw one or remove it"],
    [box({ image_id: 99 }), "[0].image_id is 99; no image has that id; correct or remove it"],
    [box({ category_id: 4 }), "[0].category_id is 4; no category has that id; correct or remove it"],
    [box({ image_id: undefined }), "[0] has no image_id; give it the id of its image or remove it"],
    [box({ bbox: [50, 20, 80, 40] }), "[0]: the box is 50,20 to 130,60; the picture is 100x80; correct or remove it"],
  ])("%j is left out", async (bad, message) => {
    const set = await open(bad, box({}));
    expect(messages(set)).toEqual([`set/coco.json: annotations${message}`]);
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60"]);
    expect(set.rows).toBe(2);
  });

  it("without an area or a little outside are put right, and counted", async () => {
    const set = await open(box({ bbox: [1, 2, 0, 4] }), box({ bbox: [-1, 20, 30, 40] }), box({}), box({}));
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 0,20,29,60", "bolt 10,20,40,60"]);
    expect(set.changes.map(({ what, count, examples }) => [count, what, examples[0]])).toEqual([
      [1, "boxes without an area are left out", "set/coco.json: annotations[0]"],
      [1, "boxes that reach out of the picture are clipped", "set/coco.json: annotations[1]"],
      [1, "rows equal to one before are left out", "set/coco.json: annotations[3]"],
    ]);
  });

  it("of pictures whose size the file does not say are in the picture's own pixels", async () => {
    for (const size of [{}, { width: 0, height: 0 }, { width: null }]) {
      const images = [{ id: 1, file_name: "a.jpg", ...size }];
      const set = await openMemory({ "c.json": json({ images }), "a.jpg": [200, 160] });
      expect(boxesOf(set, "a.jpg", [200, 160])).toEqual(["bolt 10,20,40,60"]);
    }
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

describe("sizes that the file states", () => {
  it("are compared with the pictures': of the same shape, boxes are scaled; of another, it is a problem", async () => {
    const scaled = await openMemory({ "c.json": json(), "a.jpg": [200, 160], "b.jpg": [200, 160] });
    expect(boxesOf(scaled, "a.jpg", [200, 160])).toEqual(["bolt 20,40,80,120"]);
    expect(scaled.changes.map(({ count }) => count)).toEqual([2]);
    const turned = await openMemory({ "c.json": json(), "a.jpg": [80, 100], "b.jpg": picture });
    expect(messages(turned)[0]).toContain("set/c.json: images[0]: states 100x80, but set/a.jpg is 80x100");
    expect(splitNamesOf(turned).train).toEqual(["b.jpg"]);
  });
});

describe("pictures", () => {
  it("that are absent, listed twice or unnamed are problems", async () => {
    const images = [
      { id: 1, file_name: "a.jpg" },
      { id: 1, file_name: "b.jpg" },
      { id: 3, file_name: "gone.jpg" },
      { id: 4 },
    ];
    expect(messages(await openMemory({ "c.json": json({ images }), ...pair("") }))).toEqual([
      "set/c.json: images[1] has the id 1 of an image before; ids differ",
      "set/c.json: images[2] gone.jpg is not there; put the picture there or remove it from the labels",
      "set/c.json: images[3] has no file_name; give it one or remove it",
    ]);
  });

  it("listed twice under one name are one picture", async () => {
    const images = [
      { id: 1, file_name: "a.jpg" },
      { id: 2, file_name: "a.jpg" },
    ];
    const annotations = [box({}), box({ image_id: 2, bbox: [0, 0, 5, 5] })];
    const set = await openMemory({ "c.json": json({ images, annotations }), "a.jpg": picture });
    expect(boxesOf(set, "a.jpg", [100, 80])).toEqual(["bolt 10,20,40,60", "bolt 0,0,5,5"]);
  });

  it("none of which is there are one error", async () => {
    await expect(openMemory({ "c.json": json(), "x.jpg": picture })).rejects.toThrow(
      "set/c.json: none of its 2 pictures (a.jpg, ...) is in set; put the pictures there",
    );
  });

  it("a damaged file is an error with its line", async () => {
    await expect(openMemory({ "c.json": `${json().slice(0, -1)}\n`, ...pair("") })).rejects.toThrow(
      "set/c.json:2: the file ends within the JSON; it was cut off",
    );
  });
});
