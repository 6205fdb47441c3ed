import { describe, expect, it } from "vitest";
import {
  filesBySplit,
  labelled,
  openYolo,
  type YoloFiles,
  yoloBox,
  yoloFailure,
  yoloRow,
} from "../../../../../test/memory-yolo.js";

describe("paths", () => {
  const set = { ...labelled("train"), ...labelled("valid", 1), ...labelled("test", 1) };
  const withPaths = (yaml: object, more: YoloFiles = {}) => ({
    ...set,
    ...more,
    "data.yaml": { names: ["nut"], ...yaml },
  });

  it.each([
    [{ train: "../train/images", val: "../valid/images" }],
    [{ train: "my-parts-1/train/images", val: "my-parts-1/valid/images" }],
    [{ path: "/home/someone/parts", train: "train/images", val: "valid/images" }],
    [{ path: "C:\\data\\parts", train: "train\\images", val: "valid\\images" }],
    [{ train: "D:\\parts\\train\\images\\", val: "/content/parts/valid/images/" }],
    [{ train: "Train/Images", val: "VALID/images" }],
    [{ train: "./train/images/", val: ["valid/images"] }],
    [{ train: "train/../train/images", val: "valid" }],
  ])("%j leads to the folders beside the file", async (yaml) => {
    const opened = await openYolo(withPaths(yaml));
    expect(filesBySplit(opened)).toEqual([["train/images/0.jpg", "train/images/1.jpg"], ["valid/images/0.jpg"], []]);
  });

  it("say what was read in their place", async () => {
    expect((await openYolo(withPaths({ train: "old/train/images", val: "valid/images" }))).notes).toEqual([
      "set/data.yaml: not every path is as written: train old/train/images is read as train/images",
    ]);
  });

  it("never end at another split's folder", async () => {
    const yaml = { train: "train/images", names: ["nut"], val: "/x/valid/images" };
    const { notes, named } = await openYolo({ ...labelled("train"), ...labelled(""), "data.yaml": yaml });
    expect(named).toEqual(["train"]);
    expect(notes).toEqual([
      "set/data.yaml: val is /x/valid/images, but neither /x/valid/images nor set/valid/images exists; the data set has no val pictures then",
    ]);
  });

  it("that lead nowhere are an error for train, with both places", async () => {
    expect(await yoloFailure(withPaths({ train: "/x/y/pictures" }))).toBe(
      "set/data.yaml: train is /x/y/pictures, but neither /x/y/pictures nor set/pictures exists; correct the path",
    );
    expect(await yoloFailure(withPaths({ path: "/x", train: "pictures" }))).toBe(
      "set/data.yaml: path is /x and train is pictures, but neither /x/pictures nor set/pictures exists; correct path, or leave it out for the file's own folder",
    );
    expect(await yoloFailure(withPaths({ path: "gone", train: "pictures" }))).toBe(
      "set/data.yaml: path is gone, but set/gone does not exist, and train is pictures, but neither set/gone/pictures nor set/pictures exists; correct path, or leave it out for the file's own folder",
    );
  });

  it("of lists: backslashes, another machine's folders, equal names in two splits", async () => {
    const lists = {
      "train.txt": "\ufeff.\\train\\images\\0.jpg\r\n/old/parts/train/images/1.jpg\r\n",
      "val.txt": "/old/obj/valid/0.jpg\n",
    };
    const opened = await openYolo(withPaths({ train: "train.txt", val: "val.txt" }, lists));
    expect(filesBySplit(opened)).toEqual([["train/images/0.jpg", "train/images/1.jpg"], ["valid/images/0.jpg"], []]);
    expect(opened.notes).toContain(
      "set/train.txt: 1 of 2 paths are not as written: /old/parts/train/images/1.jpg is read as train/images/1.jpg",
    );
  });

  it("of lists that fit several pictures or none", async () => {
    const lists = { "train.txt": "train/images/0.jpg\n/old/0.jpg\ngone.jpg\n" };
    expect(await yoloFailure(withPaths({ train: "train.txt" }, lists))).toBe(
      [
        "set/train.txt:2: /old/0.jpg may be test/images/0.jpg or train/images/0.jpg or valid/images/0.jpg; write which",
        "set/train.txt:3: gone.jpg does not exist (looked for set/gone.jpg); correct the path or remove the line",
      ].join("\n"),
    );
  });

  it("of lists without any picture", async () => {
    const lists = { "obj.data": "train = train.txt\nnames = obj.names", "obj.names": "nut", "obj/0.txt": yoloRow };
    expect(await yoloFailure({ ...lists, "train.txt": "data/obj/0.jpg\ndata/obj/1.jpg\n" })).toBe(
      "set/train.txt: none of its 2 pictures is there; line 1: data/obj/0.jpg does not exist (looked for set/data/obj/0.jpg); correct the path or remove the line",
    );
    expect(await yoloFailure({ ...lists, "train.txt": "" })).toBe(
      "set/train.txt: lists no pictures that are there; set/obj.data names it as train; put pictures there or correct the path",
    );
  });

  it("say what a folder without pictures has", async () => {
    const yaml = { train: "raw", names: ["nut"] };
    expect(await yoloFailure({ "raw/a.xyz": "", "raw/b.xyz": "", "data.yaml": yaml })).toBe(
      "set/raw: has no pictures, but 2 .xyz files; set/data.yaml names it as train; put pictures there or correct the path",
    );
    const val = await openYolo({
      ...labelled("train"),
      "v/a.xyz": "",
      "data.yaml": { train: "train", val: "v", names: ["nut"] },
    });
    expect(val.notes).toEqual(["set/v: has no pictures, but 1 .xyz file; the data set has no val pictures from it"]);
  });
});

describe("labels of a data set", () => {
  const yaml = { train: "train/images", names: ["nut", "bolt"] };
  const withLabels = (texts: readonly string[], more: object = {}) => ({
    "data.yaml": { ...yaml, ...more },
    ...Object.fromEntries(
      texts.flatMap((text, n) => [
        [`train/images/${n}.jpg`, ""],
        [`train/labels/${n}.txt`, text],
      ]),
    ),
  });

  it("leaves out bad rows one by one", async () => {
    const opened = await openYolo(withLabels([`${yoloRow}\n0 0.5 1.2 0.1 0.1`, yoloRow]));
    expect(opened.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], [yoloBox]]);
    expect(opened.problems.map(({ leavesOut, error }) => [leavesOut, error.message])).toEqual([
      [
        "row",
        "set/train/labels/0.txt:2: y is 1.2; values are fractions 0..1 of the picture; correct or remove the line",
      ],
    ]);
    expect(opened.rows).toBe(3);
  });

  it("leaves out a picture that only has bad rows: it is not background", async () => {
    const opened = await openYolo(withLabels(["0 0.5 1.2 0.1 0.1", yoloRow, ""]));
    expect(opened.splits.train.map(({ file, labels }) => [file, labels])).toEqual([
      ["set/train/images/1.jpg", [yoloBox]],
      ["set/train/images/2.jpg", []],
    ]);
    expect(opened.notRead).toEqual([
      { what: "pictures without a good label row", count: 1, examples: ["set/train/images/0.jpg"] },
    ]);
  });

  it("counts what it puts right", async () => {
    const { changes, splits } = await openYolo(
      withLabels([`${yoloRow}\n${yoloRow}\n0 .5 .5 0 0`, `${yoloRow} .9\n1 0 0 1 0 1 1`]),
    );
    expect(splits.train[1].labels).toEqual([yoloBox, { class: 1, x: 0.5, y: 0.5, width: 1, height: 1 }]);
    expect(changes.map(({ what, count, examples }) => [count, what, ...examples])).toEqual([
      [1, "rows equal to one before are left out", "set/train/labels/0.txt:2"],
      [1, "boxes without an area are left out", "set/train/labels/0.txt:3"],
      [1, "rows have a confidence (column 6), which is not used", "set/train/labels/1.txt:1"],
      [1, "polygons are read as the boxes around them", "set/train/labels/1.txt:2"],
    ]);
  });

  it("reads keypoints that nothing announces as boxes, and says so", async () => {
    const opened = await openYolo(withLabels([`${yoloRow} 0.5 0.25 2 0.5 0.3 1`, `${yoloRow} 0 0 0 0.5 0.3 1`]));
    expect(opened.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], [yoloBox]]);
    expect(opened.notes).toEqual([
      "set/data.yaml: every label row fits a box with 2 keypoints of 3 values, so the boxes are read and the keypoints not; kpt_shape in a data.yaml would say so",
    ]);
  });

  it("says once that classes are counted from 1, or that values are pixels", async () => {
    expect(await yoloFailure(withLabels(["1 .5 .5 .1 .1", "2 .5 .5 .1 .1"]))).toBe(
      "set/data.yaml: all class ids are 1 too high: the labels have 1 to 2, the classes are 0 to 1 (nut, bolt); subtract 1 from the first column of every label file",
    );
    expect(await yoloFailure(withLabels(["0 412 300 80 60", yoloRow, "0 10 10 5 5"]))).toBe(
      "set/train/labels/0.txt:1: x is 412; it looks like pixels; values are fractions 0..1 of the picture; 2 of 3 rows are like that: divide x and width by the picture's width, y and height by its height",
    );
  });

  it("finds labels whose names differ in case or Unicode form", async () => {
    const opened = await openYolo({
      "data.yaml": yaml,
      "train/images/A.JPG": "",
      "train/images/u\u0308.jpg": "",
      "train/labels/a.txt": yoloRow,
      "train/labels/\u00fc.txt": yoloRow,
    });
    expect(opened.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], [yoloBox]]);
    expect(opened.changes[0]).toMatchObject({ count: 2 });
    const both = { "train/images/A.jpg": "", "train/images/a.jpg": "", "train/labels/a.txt": yoloRow };
    expect(await yoloFailure({ "data.yaml": yaml, ...both })).toMatch(/^set\/train\/labels\/A.txt: is missing/);
  });

  it("reads UTF-16 and a byte order mark", async () => {
    const utf16 = Uint8Array.from([0xff, 0xfe, ...[...yoloRow].flatMap((c) => [c.charCodeAt(0), 0])]);
    const opened = await openYolo({ ...withLabels([`\ufeff${yoloRow}`, ""]), "train/labels/1.txt": utf16 });
    expect(opened.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], [yoloBox]]);
  });

  it("names missing files of train; leaves out val and test without any", async () => {
    const missing = {
      ...withLabels([yoloRow, yoloRow], { val: "valid/images", test: "test/images" }),
      ...labelled("valid", 1),
      "train/images/x.jpg": "",
      "test/images/0.jpg": "",
    };
    const opened = await openYolo(missing);
    expect(opened.problems.map(({ error }) => error.message)).toEqual([
      'set/train/labels/x.txt: is missing; write it (empty if set/train/images/x.jpg shows nothing), or put "missing_labels: background" into data.yaml',
    ]);
    expect(opened.notes).toEqual([
      "1 of 3 train pictures have no label file",
      "test is left out: its only picture has no label file, as set/test/labels/0.txt would be",
    ]);
    expect(opened.named).toEqual(["train", "val"]);
    expect(opened.notRead).toEqual([
      { what: "test pictures without labels", count: 1, examples: ["set/test/images/0.jpg"] },
    ]);
    const background = await openYolo({ ...missing, "data.yaml": { ...yaml, missing_labels: "background" } });
    expect(background.splits.train.map(({ labels }) => labels)).toEqual([[yoloBox], [yoloBox], []]);
    expect(await yoloFailure({ "data.yaml": yaml, "train/images/0.jpg": "", "train/labels/z.txt": "" })).toMatch(
      /^set\/train\/labels\/0.txt: is missing; .* \(none of 1 train pictures has one\)$/,
    );
    expect(await yoloFailure({ "data.yaml": yaml, "train/images/0.jpg": "" })).toBe(
      "set/train/labels: does not exist; the labels of set/train/images belong there, one .txt a picture",
    );
  });

  it("says which pictures are in two splits, and which labels have no picture", async () => {
    const opened = await openYolo({
      ...withLabels([yoloRow, yoloRow], { val: "train/images" }),
      "train/labels/orphan.txt": yoloRow,
    });
    expect(opened.notes).toEqual([
      "all 2 pictures of val are in train as well; figures on val say nothing about new pictures then",
    ]);
    expect(opened.notRead).toEqual([
      { what: "label files without a picture", count: 1, examples: ["set/train/labels/orphan.txt"] },
    ]);
  });
});
