import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitNames } from "@phinets/core/data";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";
import { decodePicture } from "../picture/decode.js";
import { savePicture } from "../picture/files.js";
import { convertDataset } from "./convert.js";
import { openDataset } from "./open.js";

let root = "";
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "phinets-convert-"));
  for (const [s, split] of ["train", "valid"].entries()) {
    for (const part of ["images", "labels"]) mkdirSync(join(root, "source", split, part), { recursive: true });
    for (let n = 0; n < 3; n++) {
      const data = Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * (n + 3) + 50 * s) & 255);
      // Equal names in both splits.
      await savePicture(join(root, "source", split, `images/${n}.png`), { width: 40, height: 30, channels: 3, data });
      const row = `${n % 2} ${0.3 + 0.1 * s} 0.5 0.123456789 ${0.25 + n / 8}\n`;
      writeFileSync(join(root, "source", split, `labels/${n}.txt`), n === 2 ? "" : row);
    }
  }
  writeFileSync(join(root, "source/data.yaml"), "train: train/images\nval: valid/images\nnames: [nut, bolt]\n");
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, name);
const left = () => readdirSync(root).filter((name) => name.startsWith("."));

it("takes classes, pictures and splits that are asked for", async () => {
  const done = await convertDataset({
    ...{ from: at("source"), into: at("parts"), to: "yolo" },
    ...{ only: ["bolt"], moves: [{ from: "val", to: "train" }], background: 0.5 },
  });
  // One of three pictures in each split has a bolt; half of the other four are kept.
  expect(done.pictures).toEqual({ train: 4, val: 0, test: 0 });
  expect(done.boxes).toBe(2);
  expect(readFileSync(at("parts/data.yaml"), "utf8")).toContain('0: "bolt"');
  const { exitCode, stderr } = await phinets(
    "convert",
    at("source"),
    at("no"),
    "--to",
    "yolo",
    "--move",
    "val:train,val:test",
  );
  expect(exitCode).toBe(2);
  expect(stderr).toContain("pairs of train, val and test");
});

/** Boxes of each split, sorted by the pictures' content. */
async function contents(path: string) {
  const { splits, classes } = await openDataset([path], { complete: false });
  return splitNames.map((split) =>
    splits[split]
      .map(({ file, labels = [] }) => ({
        bytes: readFileSync(file).toString("base64"),
        labels: labels.map((l) => [classes[l.class], ...[l.x, l.y, l.width, l.height].map((v) => v.toFixed(9))]),
      }))
      .sort((a, b) => (a.bytes < b.bytes ? -1 : 1)),
  );
}

describe("phinets convert", () => {
  it.each(["coco", "voc", "yolo"])("to %s keeps pictures byte for byte, boxes and splits", async (to) => {
    const wanted = await contents(at("source"));
    const done = await phinetsJson("convert", at("source"), at(`to-${to}`), "--to", to);
    expect(done).toMatchObject({ was: "yolo", is: to, pictures: { train: 3, val: 3, test: 0 }, boxes: 4 });
    expect(await contents(at(`to-${to}`))).toEqual(wanted);
    const { exitCode, stdout, stderr } = await phinets("convert", at(`to-${to}`), at(`back-${to}`), "--to", "yolo");
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe(`${at(`back-${to}`)}: yolo, train 3, val 3 pictures, 4 boxes\n`);
    expect(await contents(at(`back-${to}`))).toEqual(wanted);
    expect(left()).toEqual([]);
  });

  it("keeps a set without splits as it is, or makes them", async () => {
    mkdirSync(at("unsplit"));
    for (const c of ["a", "b"]) {
      for (let n = 0; n < 4; n++) {
        mkdirSync(at(`unsplit/${c}`), { recursive: true });
        const data = new Uint8Array(8 * 8 * 3).fill(n + (c === "a" ? 0 : 100));
        await savePicture(at(`unsplit/${c}/${n}.png`), { width: 8, height: 8, channels: 3, data });
      }
    }
    await phinetsJson("convert", at("unsplit"), at("as-is"), "--to", "folders", "--link");
    expect(readdirSync(at("as-is")).filter((name) => !name.startsWith("."))).toEqual(["a", "b"]);
    expect(statSync(at("as-is/a/0.png")).ino).toBe(statSync(at("unsplit/a/0.png")).ino);
    const { pictures } = await phinetsJson("convert", at("unsplit"), at("made"), "--to", "folders", "--split");
    expect(pictures).toEqual({ train: 4, val: 2, test: 2 });
    const wrong = await phinets("convert", at("unsplit"), at("wrong"), "--to", "yolo");
    expect(wrong).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--to is folders") });
    expect(existsSync(at("wrong"))).toBe(false);
  });

  it("writes pictures of idx files as PNG", async () => {
    mkdirSync(at("idx"));
    const pixels = Uint8Array.from({ length: 4 * 6 }, (_, i) => 10 * i);
    writeFileSync(
      at("idx/train-images-idx3-ubyte"),
      Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 3, ...pixels),
    );
    writeFileSync(at("idx/train-labels-idx1-ubyte"), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1));
    await phinetsJson("convert", at("idx"), at("digits"), "--to", "folders");
    const { data } = await decodePicture(at("digits/1/train-00003.png"));
    expect([...data].filter((_, i) => i % 3 === 0)).toEqual([...pixels.subarray(18)]);
  });

  it("leaves out pictures that cannot be read, where asked to", async () => {
    await phinetsJson("convert", at("source"), at("spoilt"), "--to", "yolo");
    writeFileSync(at("spoilt/train/images/1.png"), "no picture");
    const strict = await phinets("convert", at("spoilt"), at("strict"), "--to", "coco");
    expect(strict).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("1.png: is not a picture") });
    const { exitCode, stderr, stdout } = await phinets(
      "convert",
      at("spoilt"),
      at("lenient"),
      "--to",
      "coco",
      "--skip-bad",
    );
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`skipped: ${at("spoilt/train/images/1.png")}: is not a picture`);
    expect(stdout).toContain("coco, train 2, val 3 pictures, 3 boxes");
  });

  it("never writes over what is there", async () => {
    const convert = (into: string, ...more: string[]) =>
      phinets("convert", at("source"), into, "--to", "yolo", ...more);
    mkdirSync(at("full"));
    writeFileSync(at("full/mine.txt"), "mine");
    expect((await convert(at("full"))).stderr).toMatch(/full: exists and is not empty/);
    expect((await convert(at("full"), "--exist-ok")).stderr).toMatch(
      /full: holds something else than an earlier conversion/,
    );
    expect(readdirSync(at("full"))).toEqual(["mine.txt"]);
    expect((await convert(at("source/out"))).stderr).toMatch(/lies in .*source and would be read with it/);
    expect((await convert(root, "--exist-ok")).stderr).toMatch(/holds .*source, which is to be read/);
    mkdirSync(at("hollow"));
    expect((await convert(at("hollow"))).exitCode).toBe(0);
    writeFileSync(at("hollow/train/labels/old.txt"), "");
    expect((await convert(at("hollow"))).exitCode).toBe(1);
    expect((await convert(at("hollow"), "--exist-ok")).exitCode).toBe(0);
    expect(existsSync(at("hollow/train/labels/old.txt"))).toBe(false);
  });

  it("leaves nothing behind when it is stopped or fails", async () => {
    const controller = new AbortController();
    const stopped = convertDataset({
      ...{ from: at("source"), into: at("stopped"), to: "coco", signal: controller.signal },
      onProgress: (what, done) => what === "writing" && done === 2 && controller.abort(),
    });
    await expect(stopped).rejects.toThrow();
    expect(existsSync(at("stopped"))).toBe(false);
    const gone = convertDataset({
      ...{ from: at("back-yolo"), into: at("gone"), to: "coco" },
      onProgress: (what, done) => what === "measuring" && done === 6 && rmSync(at("back-yolo/train/images/1.png")),
    });
    await expect(gone).rejects.toThrow();
    expect(existsSync(at("gone"))).toBe(false);
    expect(left()).toEqual([]);
  });
});
