/**
 * Sample inputs in COCO, Edge Impulse, Open Images and CSV formats as users have them, also as zips: each opens with
 * the right values.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type OpenedTree, openTree, type Sample, splitNames } from "@phinets/core/data";
import { afterAll, describe, expect, it } from "vitest";
import { buildZip } from "../../../../test/build-zip.js";
import { boxesOf } from "../../../../test/memory-set.js";
import { sharedCases } from "../../../../test/shared.js";
import { openArchive } from "../files/archives.js";
import { decodePicture } from "../picture/decode.js";
import { fileOnDisk } from "../picture/idx-files.js";
import { loadPictures } from "./cache.js";
import { digestFiles } from "./digests.js";
import { FolderTree } from "./folder-tree.js";
import { nodeHost } from "./host.js";
import { openDataset } from "./open.js";

const scratch = mkdtempSync(join(tmpdir(), "phinets-cases-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const caseFolder = (name: string) => join(sharedCases ?? "", "data", name);
const openFolder = (name: string): Promise<OpenedTree> => openTree(new FolderTree(caseFolder(name)), nodeHost);
const counts = ({ splits }: Pick<OpenedTree, "splits">) => splitNames.map((split) => splits[split].length);
const said = ({ changes, notRead, problems }: OpenedTree) => [
  ...[...changes, ...notRead].map(({ what, count }) => `${count} ${what}`),
  ...problems.map(({ error }) => error.message),
];

/** A zip of a folder's files, with or without the folder's name as a prefix. */
function zipOf(folder: string, name: string, prefix = ""): string {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort()
    .map((path) => ({
      name: `${prefix}${path}`,
      content: Uint8Array.from(readFileSync(join(folder, path))),
      deflate: !path.endsWith(".jpg"),
    }));
  const path = join(scratch, name);
  writeFileSync(path, buildZip(files));
  return path;
}

/** Labels by picture name, rounded to six decimals. */
function labelsByName({ splits }: Pick<OpenedTree, "splits">): Record<string, unknown> {
  const all = splitNames.flatMap((split) => splits[split]);
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  return Object.fromEntries(
    all.map(({ file, labels = [], class: label }) => [
      file.replace(/^.*\//, ""),
      label ?? labels.map(({ class: c, x, y, width, height }) => [c, ...[x, y, width, height].map(round)]),
    ]),
  );
}

describe.skipIf(!sharedCases)("sample inputs", () => {
  const cases: [string, string, string[], number[]][] = [
    [
      "c01-roboflow-coco",
      "COCO: train/_annotations.coco.json, valid/_annotations.coco.json, test/_annotations.coco.json",
      ["bolt", "nut"],
      [8, 4, 3],
    ],
    ["c03-labelstudio-coco", "COCO: result.json", ["bolt", "nut"], [8, 0, 0]],
    [
      "c04-coco2017-layout",
      "COCO: annotations/instances_train2017.json, annotations/instances_val2017.json",
      ["bolt", "nut"],
      [8, 4, 0],
    ],
    [
      "e01-edgeimpulse-boxes",
      "Edge Impulse: info.labels, testing/bounding_boxes.labels, testing/info.labels, training/bounding_boxes.labels",
      ["bolt", "nut"],
      [8, 0, 3],
    ],
    ["m05-openimages-csv", "Open Images: train-annotations-bbox.csv", ["/m/00", "/m/01"], [8, 0, 0]],
  ];

  it.each(cases)("%s", async (name, recognised, classes, pictures) => {
    const set = await openFolder(name);
    expect(set).toMatchObject({ task: "detect", recognised, classes });
    expect(counts(set)).toEqual(pictures);
    expect(said(set)).toEqual([]);
    const [bolt, nut] = classes;
    expect(boxesOf(set, "train_0.jpg", [96, 72])).toEqual([`${bolt} 6,59,18,72`, `${nut} 14,34,40,50`]);
    expect(splitNames.flatMap((split) => set.splits[split]).every(({ labels }) => labels?.length === 2)).toBe(true);
  });

  it("the same pictures have the same boxes in all of them, and in Pascal VOC", async () => {
    const right = labelsByName(await openFolder("v08-roboflow-voc"));
    expect(Object.keys(right).length).toBe(15);
    for (const [name] of cases) expect(right).toMatchObject(labelsByName(await openFolder(name)));
  });

  it("k25-images-csv-classes", async () => {
    const set = await openFolder("k25-images-csv-classes");
    expect(set).toMatchObject({ task: "classify", classes: ["bolt", "nut", "washer"], named: [] });
    expect(set.recognised).toBe("pictures and a CSV of classes: labels.csv with filename,label");
    expect([counts(set), said(set)]).toEqual([[24, 0, 0], []]);
    const rows = readFileSync(join(caseFolder("k25-images-csv-classes"), "labels.csv"), "utf8")
      .trim()
      .split(/\r?\n/)
      .slice(1);
    const byName = labelsByName(set);
    for (const [file, label] of rows.map((row) => row.split(",")))
      expect(set.classes[byName[file] as number]).toBe(label);
  });

  it("a JSON of annotations/ as --data finds the pictures beside its folder", async () => {
    const file = join(caseFolder("c04-coco2017-layout"), "annotations/instances_train2017.json");
    const { sets, splits } = await openDataset([file], { val: 0, test: 0, look: async () => new Map() });
    expect(sets[0].recognised).toBe("COCO: instances_train2017.json");
    expect(splits.train.map(({ file: each }) => each.replace(/^.*c04/, ""))).toContain(
      "-coco2017-layout/train2017/train_0.jpg",
    );
  });

  it("results are no data set", async () => {
    const results = join(caseFolder("x09-seg-only"), "res.json");
    await expect(openDataset([results])).rejects.toThrow(
      "it is a list of results (image_id, score), which phinets eval takes",
    );
  });

  it.each([...cases.map(([name]) => name), "k25-images-csv-classes"])("%s in a zip", async (name) => {
    const folder = await openFolder(name);
    for (const prefix of ["", "export/"]) {
      const path = zipOf(caseFolder(name), `${name}.zip`, prefix);
      const set = await openTree(await openArchive(path), nodeHost);
      expect([set.classes, counts(set), said(set)]).toEqual([folder.classes, counts(folder), said(folder)]);
      expect(labelsByName(set)).toEqual(labelsByName(folder));
      expect(
        splitNames.flatMap((split) => set.splits[split]).every(({ file }) => file.startsWith(`${path}!/${prefix}`)),
      ).toBe(true);
    }
  });

  it("a zip has the splits, pixels and digests that its folder has", async () => {
    const name = "k25-images-csv-classes";
    const path = zipOf(caseFolder(name), "k25.zip");
    const options = { seed: 3 };
    const [folder, zip] = [await openDataset([caseFolder(name)], options), await openDataset([path], options)];
    const within = (root: string, samples: readonly Sample[]) => samples.map(({ file }) => file.slice(root.length));
    for (const split of splitNames) {
      expect(within(`${path}!`, zip.splits[split])).toEqual(within(caseFolder(name), folder.splits[split]));
    }
    const [inZip, onDisk] = [zip.splits.train[0].file, folder.splits.train[0].file];
    expect(await decodePicture(inZip)).toEqual(await decodePicture(onDisk));
    expect(fileOnDisk(inZip)).toBe(path);
    expect([...(await digestFiles([fileOnDisk(inZip)])).values()][0]).toMatch(/^[0-9a-f]{64}$/);
    const loading = { height: 16, width: 16, use: "evaluation" as const, folder: join(scratch, "cache") };
    for (let round = 0; round < 2; round++) {
      const [a, b] = [await loadPictures(zip.splits.val, loading), await loadPictures(folder.splits.val, loading)];
      for (let n = 0; n < a.length; n++) expect(a.at(n).picture).toEqual(b.at(n).picture);
    }
    // A changed archive is read again.
    writeFileSync(path, buildZip([{ name: "x/a.jpg", content: new Uint8Array(3) }]));
    await expect(decodePicture(inZip)).rejects.toThrow(`${inZip}: does not exist`);
  });
});

it("idx files in a zip", async () => {
  const bigEndian = (...values: number[]) =>
    values.flatMap((value) => [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 255));
  const pixels = Array.from({ length: 12 }, (_, n) => n * 20);
  const images = Uint8Array.from([...bigEndian(0x803, 3, 2, 2), ...pixels]);
  const labels = Uint8Array.from([...bigEndian(0x801, 3), 0, 1, 0]);
  const path = join(scratch, "mnist.zip");
  const gzipped = Uint8Array.from(gzipSync(images));
  const files = [
    { name: "train-images-idx3-ubyte.gz", content: gzipped },
    { name: "train-labels-idx1-ubyte", content: labels, deflate: true },
  ];
  writeFileSync(path, buildZip(files));
  const set = await openTree(await openArchive(path), nodeHost);
  const third = `${path}!/train-images-idx3-ubyte.gz#2`;
  expect(set.splits.train.map(({ class: c }) => c)).toEqual([0, 1, 0]);
  expect(set.splits.train[2].file).toBe(third);
  expect(fileOnDisk(third)).toBe(path);
  expect([...(await decodePicture(third)).data]).toEqual(pixels.slice(8));
});

it("a zip in a zip is not read, and said so; a damaged one is an error", async () => {
  const picture = { content: new Uint8Array(4) };
  const inner = buildZip([{ name: "c.jpg", ...picture }]);
  const path = join(scratch, "nested.zip");
  writeFileSync(
    path,
    buildZip([
      { name: "bolt/a.jpg", ...picture },
      { name: "nut/b.jpg", ...picture },
      { name: "more.zip", content: inner },
    ]),
  );
  const set = await openTree(await openArchive(path), nodeHost);
  expect([set.classes, said(set)]).toEqual([["bolt", "nut"], ["1 .zip files"]]);
  const broken = join(scratch, "broken.zip");
  writeFileSync(broken, readFileSync(path).subarray(0, 100));
  await expect(openDataset([broken])).rejects.toThrow(
    `${broken}: has no directory at its end; it is cut off, damaged or no zip archive`,
  );
});
