import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDataset } from "@phinets/node/dataset";
import { savePicture } from "@phinets/node/picture";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-init-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Initiated {
  readonly format?: string;
  readonly classes?: string[];
  readonly pictures?: object;
  readonly written: string[];
  readonly kept: string[];
  readonly next: string;
}

/** Makes a folder of small pictures and text files. */
async function make(name: string, files: Readonly<Record<string, string | undefined>>): Promise<string> {
  const root = join(folder, name);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    if (text !== undefined) writeFileSync(join(root, path), text);
    else {
      const data = new Uint8Array(8 * 8 * 3).map(
        (_, i) => (i * (path.length + path.charCodeAt(path.length - 5))) % 256,
      );
      await savePicture(join(root, path), { width: 8, height: 8, channels: 3, data });
    }
  }
  return root;
}

const row = (n: number) => `${n} .5 .5 .25 .25\n`;
const config = (root: string) => parse(readFileSync(join(root, "phinets.yaml"), "utf8"));

describe("phinets init", () => {
  it("describes YOLO labels that no file describes, with their names and splits", async () => {
    const root = await make("named", {
      "images/train/a.png": undefined,
      "labels/train/a.txt": row(1),
      "images/train/b.png": undefined,
      "labels/train/b.txt": row(0),
      "images/val/c.png": undefined,
      "labels/val/c.txt": row(0),
      "classes.txt": "nut\n4: yes\n",
    });
    const before = await openDataset([root]);
    const done = await phinetsJson<Initiated>("init", root);
    expect(done).toMatchObject({
      format: "yolo",
      classes: ["nut", "4: yes"],
      pictures: { train: 2, val: 1, test: 0 },
      written: [join(root, "data.yaml"), join(root, "phinets.yaml")],
      next: `phinets ship --cfg ${join(root, "phinets.yaml")}`,
    });
    expect(parse(readFileSync(join(root, "data.yaml"), "utf8"))).toEqual({
      train: "images/train",
      val: "images/val",
      names: { 0: "nut", 1: "4: yes" },
    });
    expect(config(root)).toEqual({ data: "data.yaml", target: "stm32h743" });
    const { splits, classes } = await openDataset([join(root, "data.yaml")]);
    expect({ splits, classes }).toEqual({ splits: before.splits, classes: before.classes });
  });

  it("gives numbers names to be written where the labels have none", async () => {
    const root = await make("unnamed", {
      "images/a.png": undefined,
      "labels/a.txt": row(2),
      "test/b.png": undefined,
      "test/b.txt": row(0),
    });
    const { stderr, exitCode } = await phinets("init", root);
    expect({ stderr, exitCode }).toEqual({
      exitCode: 0,
      stderr: `note: the labels have numbers and no names: write the names of the classes into ${join(root, "data.yaml")}\n`,
    });
    const { classes, splits } = await openDataset([join(root, "data.yaml")], { complete: false });
    expect(classes).toEqual(["class0", "class1", "class2"]);
    expect([splits.train.length, splits.test.length]).toEqual([1, 1]);
  });

  it("writes a config alone for what describes itself, which still is read as it was", async () => {
    const classes = await make("classes", { "dark/a.png": undefined, "light/b.png": undefined });
    const coco = await make("coco", {
      "a.png": undefined,
      "instances.json": JSON.stringify({
        images: [{ id: 1, file_name: "a.png", width: 8, height: 8 }],
        categories: [{ id: 1, name: "nut" }],
        annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [1, 1, 4, 4] }],
      }),
    });
    for (const [root, format] of [
      [classes, "folders"],
      [coco, "coco"],
    ]) {
      const before = await openDataset([root], { complete: false });
      expect(await phinetsJson("init", root)).toMatchObject({ format, written: [join(root, "phinets.yaml")] });
      expect(config(root)).toEqual({ data: ".", target: "stm32h743" });
      const after = await openDataset([root], { complete: false });
      expect([after.sets[0].format, after.classes, after.splits]).toEqual([format, before.classes, before.splits]);
    }
  });

  it("writes both to fill in where there is nothing yet, and never over what is there", async () => {
    const root = join(folder, "new folder");
    const first = await phinets("init", root);
    expect(first.stdout.trimEnd().split("\n").at(-1)).toBe(`next: phinets doctor '${root}'`);
    expect(readdirSync(root).sort()).toEqual(["data.yaml", "phinets.yaml"]);
    writeFileSync(join(root, "phinets.yaml"), "# mine\n");
    const again = await phinetsJson<Initiated>("init", root);
    expect(again).toMatchObject({ written: [], kept: [join(root, "data.yaml"), join(root, "phinets.yaml")] });
    expect(readFileSync(join(root, "phinets.yaml"), "utf8")).toBe("# mine\n");
  });

  it("says what is wrong, and leaves nothing behind", async () => {
    const root = await make("bad", { "images/a.png": undefined, "notes.txt": "see below" });
    const { exitCode, stderr } = await phinets("init", root);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/^error: .*bad: /) });
    expect(readdirSync(root).sort()).toEqual(["images", "notes.txt"]);
    expect(await phinets("init", join(root, "notes.txt"))).toMatchObject({ exitCode: 2 });
  });

  it("writes a config that ship and train take", async () => {
    const root = join(folder, "classes");
    const { stderr } = await phinets("ship", "--cfg", join(root, "phinets.yaml"), "--out", join(folder, "out"));
    expect(stderr).toMatch(/data: .*classes is class folders/);
    expect(stderr).toMatch(/error: classes: nothing would be left to test on/);
  });
});
