/**
 * Sample inputs in Pascal VOC, labelme and Create ML formats and class folders, as users have them: each opens with the
 * right values.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OpenedTree, openTree, splitNames } from "@phinets/core/data";
import { afterAll, describe, expect, it } from "vitest";
import { boxesOf } from "../../../../test/memory-set.js";
import { sharedCases, sharedData } from "../../../../test/shared.js";
import { decodePicture } from "../picture/decode.js";
import { FolderTree } from "./folder-tree.js";
import { nodeHost } from "./host.js";

const open = (folder: string): Promise<OpenedTree> => openTree(new FolderTree(folder), nodeHost);
const counts = ({ splits }: OpenedTree) => splitNames.map((split) => splits[split].length);
const said = ({ notes, changes, notRead, problems }: OpenedTree) => [
  ...notes,
  ...[...changes, ...notRead].map(({ what, count }) => `${count} ${what}`),
  ...problems.map(({ error }) => error.message),
];

describe.skipIf(!sharedCases)("objects", () => {
  const size = [96, 72] as const;
  const first = ["bolt 6,59,18,72", "nut 14,34,40,50"];

  it.each([
    ["v01-voc-plain", "Pascal VOC: Annotations, ImageSets/Main lists train val trainval", [8, 4, 0]],
    ["v04-voc-nosize", "Pascal VOC: Annotations, ImageSets/Main lists train val trainval", [8, 4, 0]],
    ["v05-voc-nodifficult", "Pascal VOC: Annotations, ImageSets/Main lists train val trainval", [8, 4, 0]],
    ["v07-voc-part-polygon-winpath", "Pascal VOC: Annotations, ImageSets/Main lists train val trainval", [8, 4, 0]],
    ["v08-roboflow-voc", "Pascal VOC: .xml beside the pictures in test, train, valid", [8, 4, 3]],
    ["v10-labelimg-images-annotations", "Pascal VOC: .xml in annotations, pictures in images", [8, 0, 0]],
    ["m01-labelme-flat", "labelme: .json with shapes beside the pictures", [8, 0, 0]],
    [
      "m03-createml-roboflow",
      "Create ML: test/_annotations.createml.json, train/_annotations.createml.json, valid/_annotations.createml.json",
      [8, 4, 3],
    ],
  ])("%s", async (name, recognised, pictures) => {
    const set = await open(join(sharedCases ?? "", "data", name));
    expect(set).toMatchObject({ task: "detect", classes: ["bolt", "nut"], recognised });
    expect(counts(set)).toEqual(pictures);
    expect(set.named).toEqual(splitNames.filter((_, n) => pictures[n] > 0 && pictures[1] > 0));
    expect(boxesOf(set, "train_0.jpg", size)).toEqual(first);
    expect(splitNames.flatMap((split) => set.splits[split]).every(({ labels }) => labels?.length === 2)).toBe(true);
    expect(said(set)).toEqual([]);
  });

  it("v02-voc-float", async () => {
    const set = await open(join(sharedCases ?? "", "data/v02-voc-float"));
    expect(counts(set)).toEqual([8, 4, 0]);
    expect(boxesOf(set, "train_0.jpg", size)).toEqual(["bolt 6.25,59.25,18.25,72", "nut 14.25,34.25,40.25,50.25"]);
    expect(said(set)).toEqual(["2 boxes that reach out of the picture are clipped"]);
  });

  it("the pixels agree: corners of VOC count from 1, those of the others from 0", async () => {
    for (const name of [
      "v01-voc-plain/JPEGImages",
      "v08-roboflow-voc/train",
      "v10-labelimg-images-annotations/images",
    ]) {
      const picture = await decodePicture(join(sharedCases ?? "", "data", name, "train_0.jpg"));
      const isBolt = (x: number, y: number) => {
        const [red, green] = picture.data.subarray((y * 96 + x) * 3);
        return red > 200 && green < 60;
      };
      const across = Array.from({ length: 40 }, (_, x) => x).filter((x) => isBolt(x, 65));
      const down = Array.from({ length: 72 }, (_, y) => y).filter((y) => isBolt(12, y));
      expect([across[0], down[0], across.at(-1), down.at(-1)], name).toEqual([6, 59, 17, 71]);
    }
  });
});

describe.skipIf(!sharedCases)("classes", () => {
  it.each([
    ["k02-Train-Test-capital", "Test, Train with folders bolt, nut, washer", [18, 0, 6], []],
    ["k03-Training-Testing", "Testing, Training with folders bolt, nut, washer", [18, 0, 6], []],
    ["k06-wrapper-folder", "folders bolt, nut, washer", [24, 0, 0], []],
    ["k14-bmp-class", "folders bolt, nut, washer", [24, 0, 0], []],
    ["k16-picture-in-root", "folders bolt, nut, washer", [24, 0, 0], ["1 pictures in no class folder"]],
    ["k20-tiny-two-per-class", "folders bolt, nut, washer", [6, 0, 0], []],
    ["k23-heic-class", "folders bolt, nut, washer", [24, 0, 0], []],
    [
      "k28-extra-folder-beside-split",
      "train, val with folders bolt, nut, washer",
      [18, 6, 0],
      ["2 pictures in folders beside train, val"],
    ],
    ["k30-stray-yaml", "folders bolt, nut, washer", [24, 0, 0], ["1 .yml files"]],
    [
      "k38-dot-in-split-test-unlabelled",
      "train with folders bolt, nut, washer",
      [18, 0, 0],
      ["6 pictures directly in test, of no class"],
    ],
  ])("%s", async (name, from, pictures, messages) => {
    const set = await open(join(sharedCases ?? "", "data", name));
    expect(set).toMatchObject({ task: "classify", classes: ["bolt", "nut", "washer"] });
    expect(set.recognised).toBe(`class folders${name.startsWith("k06") ? " in my-dataset/" : ""}: ${from}`);
    expect(counts(set)).toEqual(pictures);
    const each = [0, 1, 2].map((n) => set.splits.train.filter((sample) => sample.class === n).length);
    expect(each).toEqual(each.map(() => pictures[0] / 3));
    for (const { file, class: index } of splitNames.flatMap((split) => set.splits[split])) {
      expect(file).toContain(`/${set.classes[index as number]}/`);
    }
    expect(said(set)).toEqual(messages);
  });

  it("k13-empty-class-folder", async () => {
    const set = await open(join(sharedCases ?? "", "data/k13-empty-class-folder"));
    expect(set).toMatchObject({ task: "classify", classes: ["bolt", "washer"] });
    expect(counts(set)).toEqual([16, 0, 0]);
  });
});

describe("folders on disk", () => {
  const root = mkdtempSync(join(tmpdir(), "phinets-folders-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it("an empty class folder is named, and no class", async () => {
    for (const name of ["bolt", "nut", "washer"]) mkdirSync(join(root, "set", name), { recursive: true });
    for (const name of ["bolt", "washer"]) writeFileSync(join(root, "set", name, "1.jpg"), "");
    const set = await open(join(root, "set"));
    expect(set.classes).toEqual(["bolt", "washer"]);
    expect(said(set)).toEqual([`${root}/set/nut has no pictures: it is no class`, "1 empty folders"]);
  });
});

describe.skipIf(!sharedData)("real sets", () => {
  const perSplit = (set: OpenedTree, count: (labels: readonly { readonly ignore?: string }[]) => number) =>
    splitNames.map((split) => set.splits[split].reduce((sum, { labels = [] }) => sum + count(labels), 0));

  it("BCCD: the lists' splits, three classes, every box", async () => {
    const set = await open(join(sharedData ?? "", "bccd"));
    expect(set.classes).toEqual(["Platelets", "RBC", "WBC"]);
    expect(counts(set)).toEqual([205, 87, 72]);
    expect(perSplit(set, (labels) => labels.length).reduce((a, b) => a + b)).toBe(4888);
    expect([set.notes, set.changes, set.problems]).toEqual([[], [], []]);
  });

  it("VOC2007: the official numbers of pictures and objects; shrunk pictures are scaled, and said to be", async () => {
    const set = await open(join(sharedData ?? "", "voc2007"));
    expect(set.classes).toHaveLength(20);
    expect([set.classes[0], set.classes[19]]).toEqual(["aeroplane", "tvmonitor"]);
    expect(counts(set)).toEqual([2501, 2510, 4952]);
    // host.robots.ox.ac.uk/pascal/VOC/voc2007/dbstats.html counts objects without the difficult ones.
    expect(perSplit(set, (labels) => labels.filter(({ ignore }) => ignore === undefined).length)).toEqual([
      6301, 6307, 12032,
    ]);
    expect(perSplit(set, (labels) => labels.filter(({ ignore }) => ignore === "difficult").length)).toEqual([
      1543, 1511, 2944,
    ]);
    expect(boxesOf(set, "000007.jpg", [500, 333])).toEqual(["car 140,49,500,330"]);
    expect(set.changes).toMatchObject([{ count: 9963, what: expect.stringContaining("boxes are scaled") }]);
    expect(set.problems).toEqual([]);
  });
});
