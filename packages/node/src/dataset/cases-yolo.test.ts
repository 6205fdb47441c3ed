/** Small YOLO data sets as other tools and careless users leave them, with the correct boxes. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, parse } from "node:path";
import { type BoxLabel, type OpenedTree, openTree, splitNames } from "@phinets/core/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedCases } from "../../../../test/shared.js";
import { FolderTree } from "./folder-tree.js";
import { nodeHost } from "./host.js";
import { openDataset } from "./open.js";

const cases = join(sharedCases ?? "", "data");
let copies = "";
beforeAll(() => {
  copies = mkdtempSync(join(tmpdir(), "phinets-cases-"));
});
afterAll(() => rmSync(copies, { recursive: true, force: true }));

const folderOf = (id: string) => join(cases, readdirSync(cases).find((name) => name.startsWith(`${id}-`)) ?? id);

/** The data set before splits are drawn. */
function open(path: string): Promise<OpenedTree> {
  const file = parse(path);
  return file.ext === ".yaml"
    ? openTree(new FolderTree(file.dir), nodeHost, { chosen: file.base })
    : openTree(new FolderTree(path), nodeHost);
}

const message = async (path: string): Promise<string> => {
  try {
    await openDataset([path]);
  } catch (error) {
    return (error as Error).message.replaceAll(cases, "CASES");
  }
  throw new Error("no error was thrown");
};

const counts = (set: OpenedTree) => splitNames.map((split) => set.splits[split].length);
const said = ({ notes, changes, notRead }: OpenedTree) =>
  [...notes, ...[...changes, ...notRead].map(({ count, what }) => `${count} ${what}`)]
    .join("\n")
    .replaceAll(cases, "CASES");

/** Rows parsed independently of our code: lower-case stem to `class x y width height`. */
function plainRows(folder: string): Map<string, number[][]> {
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /labels.*\.txt$/.test(file),
  );
  return new Map(
    texts.map((file) => {
      const rows = readFileSync(join(folder, file), "utf8").trim().split("\n").filter(Boolean);
      return [parse(file).name.toLowerCase(), [...new Set(rows)].map((row) => row.split(" ").map(Number))];
    }),
  );
}

const rowsOf = (labels: readonly BoxLabel[] = []) => labels.map((l) => [l.class, l.x, l.y, l.width, l.height]);

function expectRows(set: OpenedTree, expected: ReadonlyMap<string, number[][]>): void {
  for (const { file, labels } of splitNames.flatMap((split) => set.splits[split])) {
    expect(rowsOf(labels), file).toEqual(expected.get(parse(file).name.toLowerCase()));
  }
}

describe.skipIf(!sharedCases)("the same 13 pictures, labelled in many ways", () => {
  const reference = () => plainRows(folderOf("y11"));

  it.each([
    ["l03", [8, 3, 2], ""],
    ["l04", [8, 3, 2], ""],
    ["l07", [8, 3, 2], "13 rows have a confidence"],
    ["l11", [8, 3, 2], ""],
    ["l18", [8, 3, 2], "26 rows equal to one before are left out"],
    ["l26", [8, 3, 2], "13 boxes without an area are left out"],
    ["n06", [8, 0, 0], "8 label files are found though case or Unicode form of their names differs"],
    ["n07", [8, 0, 0], ""],
    ["n08", [8, 0, 0], ""],
    ["n20", [8, 3, 0], "5 label files without a picture"],
    ["y02", [8, 3, 0], "train my-parts-1/train/images is read as train/images"],
    ["y04", [8, 3, 0], "train /home/someone/datasets/parts/train/images is read as train/images"],
    ["y11", [8, 3, 0], ""],
    ["y13", [8, 3, 0], ""],
    ["y20", [8, 8, 0], "all 8 pictures of val are in train as well"],
    ["y34", [11, 0, 0], ""],
    ["y35", [8, 0, 0], ""],
  ])("%s", async (id, expected, saying) => {
    const set = await open(folderOf(id));
    expect(counts(set)).toEqual(expected);
    expect([set.task, set.classes, set.problems]).toEqual(["detect", ["part"], []]);
    expectRows(set, reference());
    expect(said(set)).toContain(saying);
  });

  it("n11, a link to a folder", async () => {
    const copy = join(copies, "n11");
    cpSync(folderOf("n11"), copy, { recursive: true });
    symlinkSync("../store/a/images", join(copy, "images/cam2"));
    symlinkSync("../store/a/labels", join(copy, "labels/cam2"));
    const set = await open(copy);
    expect(counts(set)).toEqual([11, 0, 0]);
    expectRows(set, reference());
  });

  it("n14, a link that leads nowhere", async () => {
    const copy = join(copies, "n14");
    cpSync(folderOf("n14"), copy, { recursive: true });
    symlinkSync("/nowhere/x.jpg", join(copy, "train/images/gone.jpg"));
    const set = await open(copy);
    expect(counts(set)).toEqual([8, 3, 0]);
    expectRows(set, reference());
    expect(said(set)).toContain("1 links that lead nowhere");
    expect(said(set)).toContain("1 label files without a picture");
  });

  it("l19, classes counted from 1", async () => {
    expect(await message(folderOf("l19"))).toBe(
      "CASES/l19-class-from-1/data.yaml: all class ids are 1 too high: the labels have 1 to 1, the only class is 0 (part); subtract 1 from the first column of every label file",
    );
  });
});

describe.skipIf(!sharedCases)("other sets", () => {
  it("l43, one bad row", async () => {
    const folder = folderOf("l43");
    expect(await message(folder)).toMatch(/t3.txt:2: y is 1.2; .* without 1 row of 7; phinets doctor lists them\)$/);
    const set = await open(folder);
    const expected = plainRows(folder);
    expected.set("t3", [[0, 0.375, 0.486111, 0.4375, 0.277778]]);
    expect(counts(set)).toEqual([6, 0, 0]);
    expectRows(set, expected);
  });

  it.each([
    ["y42", [8, 4, 0], "test is ../test/images, but neither"],
    ["y43/setB", [8, 0, 0], "CASES/y43-parent-has-train-too/train/images is there too and is not read"],
    ["y43/setB/data.yaml", [8, 0, 0], "train ../train/images is read as train/images, which is beside the file"],
    ["y43", [8, 0, 0], "train/images is there too and is not read"],
    ["y47", [12, 0, 0], "/content/darknet/data/obj/t0.jpg is read as data/images/t0.jpg"],
    ["y49", [12, 0, 0], ""],
    ["y51", [8, 4, 0], "test is left out: its 3 pictures have no label files"],
    ["z02", [70, 10, 10], "10 rows equal to one before are left out"],
  ])("%s", async (path, expected, saying) => {
    const [id, ...rest] = path.split("/");
    const set = await open(join(folderOf(id), ...rest));
    expect(counts(set)).toEqual(expected);
    expect(set.problems).toEqual([]);
    expectRows(set, plainRows(id === "y43" ? join(folderOf(id), "setB") : folderOf(id)));
    expect(said(set)).toContain(saying);
  });

  it("y40, a data.yaml of class folders", async () => {
    const set = await open(folderOf("y40"));
    expect([set.task, set.classes, counts(set)]).toEqual(["classify", ["bolt", "nut", "washer"], [18, 6, 0]]);
    for (const sample of splitNames.flatMap((split) => set.splits[split])) {
      expect(basename(join(sample.file, ".."))).toBe(set.classes[sample.class ?? -1]);
    }
  });

  it("k30, another program's YAML beside class folders", async () => {
    const set = await open(folderOf("k30"));
    expect([set.task, set.format, counts(set)]).toEqual(["classify", "folders", [24, 0, 0]]);
    expect(said(set)).toContain("1 .yml files");
  });
});
