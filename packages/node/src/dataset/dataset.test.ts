import { appendFileSync, mkdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { splitNames } from "@phinets/core/data";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { dataFolder, jpeg } from "../../../../test/data-folder.js";
import { decodePicture } from "../picture/decode.js";
import { loadPictures } from "./cache.js";
import { doctorCommand, formatDoctorReport } from "./doctor.js";
import { openDataset } from "./open.js";

const { root, put, yolo, message } = dataFolder("data");

describe("YOLO data sets", () => {
  it("open, by file or by folder", async () => {
    const file = await yolo("good");
    const index = await openDataset([file]);
    expect(index.task).toBe("detect");
    expect(index.classes).toEqual(["nut", "bolt"]);
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([3, 2, 1]);
    expect(index.splits.train[0]).toEqual({
      file: join(root, "good/train/images/0.jpg"),
      labels: [
        { class: 0, x: 0.5, y: 0.5, width: 0.2, height: 0.4 },
        { class: 1, x: 0.25, y: 0.25, width: 0.1, height: 0.1 },
      ],
    });
    expect(index.splits.train[1].labels).toEqual([]);
    const { sets: _, ...byFolder } = await openDataset([join(root, "good")]);
    expect(index).toMatchObject(byFolder);
  });

  it("take lists, a path key, and ../ that means the yaml's own folder", async () => {
    await yolo("lists");
    put("lists/train.txt", "train/images/0.jpg\n./train/images/2.jpg\n\n");
    put("lists/a.yaml", "path: .\ntrain: train.txt\nval: ../val/images\nnames: {0: nut, 1: bolt}\n");
    const index = await openDataset([join(root, "lists/a.yaml")]);
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([2, 2, 0]);
  });

  it("make missing splits, the same wherever the data lies", async () => {
    const names = async (name: string) => {
      const file = await yolo(name, { train: 20, val: 0, test: 0 }, "train: train/images\nnames: [nut, bolt]\n");
      const { splits } = await openDataset([file], { seed: 3 });
      return splitNames.map((split) => splits[split].map((s) => s.file.slice(root.length + name.length + 1)));
    };
    const first = await names("unsplit");
    expect(first.map((list) => list.length)).toEqual([16, 2, 2]);
    expect(await names("elsewhere/unsplit")).toEqual(first);
  });

  it("give a share of their training pictures, the same wherever they lie", async () => {
    const names = async (folder: string, fraction?: number) => {
      const files = [];
      for (const name of ["a", "b"]) files.push(await yolo(`${folder}/${name}`, { train: 20, val: 2, test: 0 }));
      const { splits } = await openDataset(files, { seed: 5, fraction });
      return splitNames.map((split) => splits[split].map(({ file }) => file.slice(root.length + folder.length + 1)));
    };
    const [all, ...rest] = await names("share");
    const [first, ...others] = await names("share", 0.3);
    expect([all.length, first.length]).toEqual([40, 12]);
    expect(all.filter((name) => first.includes(name))).toEqual(first);
    expect(others).toEqual(rest);
    expect(await names("far/away/share", 0.3)).toEqual([first, ...others]);
  });

  it("count some classes only, and join by these", async () => {
    const a = await yolo("some/a");
    const c = await yolo("some/c", undefined, "train: train/images\nval: val/images\nnames: [bolt, screw]\n");
    const both = await openDataset([a, c], { only: ["Bolt"] });
    expect(both.classes).toEqual(["Bolt"]);
    expect(splitNames.map((s) => both.splits[s].length)).toEqual([6, 4, 1]);
    expect(both.splits.train[0].labels).toEqual([{ class: 0, x: 0.25, y: 0.25, width: 0.1, height: 0.1 }]);
    expect(both.splits.train[3].labels).toEqual([{ class: 0, x: 0.5, y: 0.5, width: 0.2, height: 0.4 }]);
    expect(await message(openDataset([a, c], { only: ["nut"] }))).toBe(
      'ROOT/some/c/data.yaml: has no class "nut"; its classes are bolt, screw',
    );
    expect(await message(openDataset([a], { only: ["nut"], moves: [{ from: "train", to: "test" }] }))).toContain(
      "the training split has no pictures",
    );
  });

  it("to be measured on need no pictures to train on", async () => {
    const file = await yolo("measured");
    const moves = [{ from: "train", to: "test" }] as const;
    const index = await openDataset([file], { moves, toTrain: false });
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([0, 2, 4]);
    expect(await message(openDataset([file], { moves }))).toContain("the training split has no pictures");
  });

  it("join when their classes agree", async () => {
    const [a, b] = [await yolo("a"), await yolo("b")];
    const both = await openDataset([a, b]);
    expect(splitNames.map((s) => both.splits[s].length)).toEqual([6, 4, 2]);
    const c = await yolo("c", undefined, "train: train/images\nval: val/images\nnames: [nut, screw]\n");
    expect(await message(openDataset([a, c]))).toBe(
      'ROOT/c/data.yaml: cannot join ROOT/a/data.yaml: class 1 is "screw", there "bolt"; make names and order agree',
    );
  });

  it("name a missing label file, and take it as background when told so", async () => {
    const file = await yolo("nolabel");
    rmSync(join(root, "nolabel/val/labels/0.txt"));
    expect(await message(openDataset([file]))).toBe(
      'ROOT/nolabel/val/labels/0.txt: is missing; write it (empty if ROOT/nolabel/val/images/0.jpg shows nothing), or put "missing_labels: background" into data.yaml (--skip-bad would go on without 1 picture of 6; phinets doctor lists them)',
    );
    appendFileSync(file, "missing_labels: background\n");
    expect((await openDataset([file])).splits.val[0].labels).toEqual([]);
    rmSync(join(root, "nolabel/val/labels"), { recursive: true });
    const [set] = (await openDataset([file])).sets;
    expect(set.named).toEqual(["train", "test"]);
    expect(set.notes.join().split(root).join("ROOT")).toContain(
      "val is left out: its 2 pictures have no label files, as ROOT/nolabel/val/labels/0.txt would be",
    );
    rmSync(join(root, "nolabel/train/labels"), { recursive: true });
    expect(await message(openDataset([file]))).toBe(
      "ROOT/nolabel/train/labels: does not exist; the labels of ROOT/nolabel/train/images belong there, one .txt a picture",
    );
  });

  it("name the first bad label and count the rest", async () => {
    const file = await yolo("badlabel");
    put("badlabel/train/labels/0.txt", "0 0.5 0.5 0.2 0.4\n0 1.7 0.5 0.2 0.4\n");
    expect(await message(openDataset([file]))).toBe(
      "ROOT/badlabel/train/labels/0.txt:2: x is 1.7; values are fractions 0..1 of the picture; correct or remove the line (--skip-bad would go on without 1 row of 8; phinets doctor lists them)",
    );
    put("badlabel/val/labels/0.txt", "7 0.5 0.5 0.2 0.4\n");
    put("badlabel/test/labels/0.txt", "0 0.5\n");
    expect(await message(openDataset([file]))).toBe(
      "ROOT/badlabel/train/labels/0.txt:2: x is 1.7; values are fractions 0..1 of the picture; correct or remove the line (and 2 more problems; --skip-bad would go on without 3 rows of 6; phinets doctor lists them)",
    );
  });

  it("lie outside the data.yaml's folder", async () => {
    await yolo("outside/parts");
    const yaml = (text: string) => put("outside/yaml/data.yaml", `${text}\nnames: [nut, bolt]\n`);
    const found = async (file: string) => {
      const { splits, sets } = await openDataset([file]);
      expect(sets[0].problems).toEqual([]);
      expect(splits.train[0].labels).toHaveLength(2);
      return splits.train.map((sample) => sample.file.slice(root.length));
    };
    const expected = [0, 1, 2].map((n) => `/outside/parts/train/images/${n}.jpg`);
    const val = "val: val/images";
    expect(await found(yaml(`path: ../parts\ntrain: train/images\n${val}`))).toEqual(expected);
    expect(await found(yaml(`path: ${root}/outside/parts\ntrain: train/images\n${val}`))).toEqual(expected);
    expect(await found(yaml(`train: ${root}/outside/parts/train/images\nval: ../parts/val/images`))).toEqual(expected);
    put("outside/yaml/train.txt", `${root}/outside/parts/train/images/0.jpg\n../parts/train/images/2.jpg\n`);
    expect(await found(yaml("train: train.txt\nval: ../parts/val/images"))).toEqual([expected[0], expected[2]]);
    // An absolute path into the data set's own folder is allowed.
    const own = await yolo("outside/own", undefined, `train: ${root}/outside/own/train/images\nnames: [nut, bolt]\n`);
    const [{ notRead }] = (await openDataset([own])).sets;
    expect(notRead.map(({ count, what }) => `${count} ${what}`)).toEqual(["3 pictures", "3 .txt files"]);
  });

  it("name what is wrong with the data.yaml", async () => {
    expect(await message(openDataset([put("y1/data.yaml", "train: [\nnames: a")]))).toMatch(
      /^ROOT\/y1\/data.yaml:\d+:\d+: is not YAML: /,
    );
    expect(await message(openDataset([put("y2/data.yaml", "train: nowhere\nnames: [a]")]))).toBe(
      "ROOT/y2/data.yaml: train is nowhere, but ROOT/y2/nowhere does not exist; correct the path",
    );
    mkdirSync(join(root, "y3/images"), { recursive: true });
    expect(await message(openDataset([put("y3/data.yaml", "train: images\nnames: [a]")]))).toMatch(
      /^ROOT\/y3\/images: has no pictures/,
    );
    expect(await message(openDataset([put("y4/data.yaml", "path: gone\ntrain: images\nnames: [a]")]))).toMatch(
      /path is gone, but ROOT\/y4\/gone does not exist/,
    );
  });

  it("say what a data set is when there is none", async () => {
    expect(await message(openDataset([join(root, "absent")]))).toMatch(
      /^ROOT\/absent: there is no such file or folder; --data takes a folder or \.zip of pictures/,
    );
    mkdirSync(join(root, "hollow"));
    expect(await message(openDataset([join(root, "hollow")]))).toMatch(/^ROOT\/hollow: the data set is empty/);
    expect(await message(openDataset([put("x.json", "{}")]))).toMatch(/^ROOT\/?.*: is no data set/);
    await yolo("noyaml");
    rmSync(join(root, "noyaml/data.yaml"));
    expect(await message(openDataset([join(root, "noyaml")]))).toMatch(
      /has YOLO labels but no names of classes; .*; write the 2 names, .* or a data\.yaml/,
    );
    expect(await message(openDataset([]))).toMatch(/^no data set is named/);
  });
});

describe("class folders and idx files", () => {
  it("open one level, split by seed within each class", async () => {
    for (let n = 0; n < 20; n++) put(`folders/${n % 2 ? "cat" : "dog"}/${n}.jpg`, await jpeg(8, 8, n));
    const index = await openDataset([join(root, "folders")]);
    expect(index).toMatchObject({ task: "classify", classes: ["cat", "dog"] });
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([16, 2, 2]);
    expect(index.splits.test.map((s) => s.class).sort()).toEqual([0, 1]);
  });

  it("refuse a single class", async () => {
    put("one/cat/0.jpg", await jpeg(8, 8, 1));
    expect(await message(openDataset([join(root, "one")]))).toMatch(
      /^ROOT\/one: is no data set that is known: 1 file: 1 \.jpg; nearest: class folders \(folders cat\) but it has one class \(cat\), and a classifier tells at least 2 apart \(add a folder with pictures of another\); --data takes/,
    );
  });

  it("are not pictures alone: what can be done with those is said", async () => {
    for (const n of [1, 2]) put(`bare/${n}.jpg`, await jpeg(8, 8, n));
    expect(await message(openDataset([join(root, "bare")]))).toMatch(
      /^ROOT\/bare: is no data set that is known: 2 files: 2 \.jpg; nearest: .*; for labels draw boxes with "phinets studio ROOT\/bare", or put each class's pictures into a folder of its own; --data takes/,
    );
  });

  it("open idx files, plain or gzipped", async () => {
    const images = (n: number) =>
      Uint8Array.of(0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 2, 0, 0, 0, 3, ...Array.from({ length: 6 * n }, (_, i) => i));
    const labels = (...c: number[]) => Uint8Array.of(0, 0, 8, 1, 0, 0, 0, c.length, ...c);
    put("idx/train-images-idx3-ubyte.gz", gzipSync(images(10)));
    put("idx/train-labels-idx1-ubyte.gz", gzipSync(labels(0, 1, 2, 0, 1, 2, 0, 1, 2, 0)));
    put("idx/t10k-images-idx3-ubyte", images(2));
    const lone = await message(openDataset([join(root, "idx")]));
    expect(lone).toBe("ROOT/idx: has t10k-images-idx3-ubyte but no labels (idx1-ubyte) beside it");
    put("idx/t10k-labels-idx1-ubyte", labels(2, 1));
    const index = await openDataset([join(root, "idx")], { val: 0.34 });
    expect(index.classes).toEqual(["0", "1", "2"]);
    expect(splitNames.map((s) => index.splits[s].length)).toEqual([7, 3, 2]);
    expect(index.splits.test[1]).toEqual({ file: join(root, "idx/t10k-images-idx3-ubyte#1"), class: 1 });
    const picture = await decodePicture(index.splits.test[1].file);
    expect(picture).toEqual({ width: 3, height: 2, channels: 1, data: Uint8Array.of(6, 7, 8, 9, 10, 11) });
    const cached = await loadPictures(index.splits.test, { width: 3, height: 2, channels: 1, use: "evaluation" });
    expect(cached.at(1)).toEqual({
      picture: { ...picture, data: new Uint8Array(picture.data) },
      labels: undefined,
      class: 1,
    });
    put("idx/t10k-labels-idx1-ubyte", labels(2, 1, 0));
    expect(await message(openDataset([join(root, "idx")]))).toContain("has 3 labels for the 2 pictures");
  });
});

describe("decoding", () => {
  const plain = (background: string, channels: 3 | 4 = 3) =>
    sharp({ create: { width: 20, height: 10, channels, background } });

  it("makes every kind of picture upright 8-bit RGB", async () => {
    const kinds: [string, Buffer, number[]][] = [
      ["rgb.jpg", await plain("#c83214").jpeg().toBuffer(), [200, 50, 20]],
      ["grey.png", await plain("#c8c8c8").toColourspace("b-w").png().toBuffer(), [200, 200, 200]],
      ["grey16.png", await plain("#c8c8c8").toColourspace("grey16").png().toBuffer(), [200, 200, 200]],
      ["rgb16.png", await plain("#c83214").toColourspace("rgb16").png().toBuffer(), [200, 50, 20]],
      ["palette.png", await plain("#c83214").png({ palette: true }).toBuffer(), [200, 50, 20]],
      ["alpha.png", await plain("rgba(200, 50, 20, 0)", 4).png().toBuffer(), [114, 114, 114]],
      ["cmyk.jpg", await plain("#c8c8c8").toColourspace("cmyk").jpeg().toBuffer(), [200, 200, 200]],
      ["a.webp", await plain("#c83214").webp({ lossless: true }).toBuffer(), [200, 50, 20]],
    ];
    for (const [name, bytes, colour] of kinds) {
      const picture = await decodePicture(put(`kinds/${name}`, bytes));
      expect(picture, name).toMatchObject({ width: 20, height: 10, channels: 3 });
      expect(picture.data, name).toHaveLength(600);
      for (let c = 0; c < 3; c++)
        expect(Math.abs(picture.data[300 + c] - colour[c]), name).toBeLessThan(name === "cmyk.jpg" ? 16 : 6);
    }
  });

  it("turns by EXIF", async () => {
    const file = put("kinds/turned.jpg", await plain("#888").withMetadata({ orientation: 6 }).jpeg().toBuffer());
    expect(await decodePicture(file)).toMatchObject({ width: 10, height: 20 });
  });

  it("names truncated, foreign, empty and absent files", async () => {
    const whole = await jpeg(200, 200, 1);
    expect(await message(decodePicture(put("bad/cut.jpg", whole.subarray(0, whole.length >> 1))))).toMatch(
      /^ROOT\/bad\/cut.jpg: is truncated or damaged; replace the picture or remove it/,
    );
    expect(await message(decodePicture(put("bad/text.jpg", "hello")))).toMatch(
      /^ROOT\/bad\/text.jpg: is not a picture/,
    );
    expect(await message(decodePicture(put("bad/empty.jpg", "")))).toMatch(/^ROOT\/bad\/empty.jpg: is empty/);
    expect(await message(decodePicture(join(root, "bad/none.jpg")))).toMatch(/^ROOT\/bad\/none.jpg: does not exist/);
  });
});

describe("doctor", () => {
  it("lists every bad file with its reason and counts the rest", async () => {
    const file = await yolo("sick");
    truncateSync(join(root, "sick/train/images/1.jpg"), 300);
    put("sick/train/images/3.jpg", readFileSync(join(root, "sick/val/images/0.jpg")));
    put("sick/train/labels/3.txt", "0 0.5 0.5 0.5 0.5\n");
    rmSync(join(root, "sick/train/labels/2.txt"));
    put("sick/test/labels/0.txt", "5 0.5 0.5 0.2 0.4\n");
    const report = await doctorCommand({ data: [file], width: 32, height: 32 });
    expect(report.badFiles.map((bad) => bad.reason.split(root).join("").split(";")[0])).toEqual([
      "/sick/train/images/1.jpg: is truncated or damaged",
      "/sick/train/labels/2.txt: is missing",
    ]);
    expect(report.badRows.map((bad) => bad.reason.split(root).join("").split(";")[0])).toEqual([
      "/sick/test/labels/0.txt:1: class is 5",
    ]);
    expect(report.splits.train).toMatchObject({ pictures: 3, background: 1, boxes: 3 });
    expect(report.lost).toMatchObject({ input: { width: 32, height: 32 }, tooSmall: 2 });
    expect(report.duplicates).toHaveLength(1);
    expect(report.duplicates[0].acrossSplits).toBe(true);
    const text = formatDoctorReport(report);
    expect(text).toContain("2 bad files");
    expect(text).toContain("1 bad row of ");
    expect(text).toContain(`${join(root, "sick/data.yaml")} is YOLO: data.yaml with train, val, test, names\n`);
    expect(text).toContain("val shares 1 of its 2 pictures with train (1 copy); without them 1 would be left");
    expect(JSON.parse(JSON.stringify(report))).toMatchObject({
      badFiles: [{}, {}],
      badRows: [{}],
      sets: [{ format: "yolo" }],
    });
  });
});
