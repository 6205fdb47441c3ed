/** Damaged or malicious data sets: each is refused with one line, quickly and with little memory. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { Survey } from "@phinets/core/data";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { dataFolder } from "../../../../test/data-folder.js";
import { readRegular, readRegularSync } from "../files/regular-file.js";
import { decodePicture } from "../picture/decode.js";
import { parseYaml } from "../text/yaml.js";
import { digestFiles } from "./digests.js";
import { doctorCommand } from "./doctor.js";
import { FolderTree } from "./folder-tree.js";
import { readKept, writeKept } from "./kept.js";
import { lookAtPictures } from "./looks.js";
import { openDataset } from "./open.js";

const { root, put, message } = dataFolder("hostile");
let png: Buffer;
beforeAll(async () => {
  png = await sharp({ create: { width: 8, height: 6, channels: 3, background: "#407090" } })
    .png()
    .toBuffer();
});

/** A YOLO data set with one picture and the test's label. */
function yoloSet(name: string, label?: string): string {
  put(`${name}/train/images/a.png`, png);
  put(`${name}/train/images/b.png`, png);
  put(`${name}/train/labels/b.txt`, "0 0.5 0.5 0.5 0.5\n");
  if (label !== undefined) put(`${name}/train/labels/a.txt`, label);
  return put(`${name}/data.yaml`, "train: train/images\nnames: [bolt]\n");
}

describe.skipIf(process.platform === "win32")("what is no regular file", () => {
  const pipe = (path: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    execFileSync("mkfifo", [join(root, path)]);
    return join(root, path);
  };

  it("is never opened: pipes, devices, folders", async () => {
    const fifo = pipe("one/pipe.txt");
    for (const read of [readRegular, async (path: string) => readRegularSync(path)]) {
      expect(await message(read(fifo))).toBe("ROOT/one/pipe.txt: is a pipe, where a file belongs; put one there");
      expect(await message(read("/dev/zero"))).toBe("/dev/zero: is a device, where a file belongs; put one there");
      expect(await message(read(root))).toBe("ROOT: is a folder, where a file belongs; put one there");
      expect(await message(read(join(root, "absent")))).toBe("ROOT/absent: does not exist");
    }
    expect(await message(openDataset([fifo]))).toMatch(/^ROOT\/one\/pipe\.txt: is a pipe; --data takes /);
    expect(await message(openDataset([pipe("one/x.zip")]))).toMatch(/^ROOT\/one\/x\.zip: is a pipe; /);
    expect(await message(decodePicture(root))).toMatch(/^ROOT: is a folder, where a file belongs; /);
    expect([...(await digestFiles([fifo])).values()]).toEqual(["missing"]);
  });

  it("is not read in place of labels and pictures, and said", async () => {
    const yaml = yoloSet("pipes");
    pipe("pipes/train/labels/a.txt");
    pipe("pipes/train/images/c.png");
    const report = await doctorCommand({ data: [yaml] });
    expect(report.badFiles.map(({ reason }) => reason.split("; ")[0].split(root).join("ROOT"))).toEqual([
      "ROOT/pipes/train/labels/a.txt: is missing",
    ]);
    expect(report.sets[0].notRead).toMatchObject([{ what: "entries that are no readable files", count: 2 }]);
  });

  it("folders where files belong are named", async () => {
    const yaml = yoloSet("folders");
    mkdirSync(join(root, "folders/train/labels/a.txt"));
    expect(await message(openDataset([yaml]))).toMatch(
      /^ROOT\/folders\/train\/labels\/a\.txt: is a folder, where the label file belongs; /,
    );
    mkdirSync(join(root, "idx/train-images-idx3-ubyte"), { recursive: true });
    mkdirSync(join(root, "idx/train-labels-idx1-ubyte"));
    expect(await message(openDataset([join(root, "idx")]))).toMatch(/^ROOT\/idx: the data set is empty; /);
  });

  it("links within a data set: what was read through one is not reported as not read; circles end", async () => {
    for (const n of [1, 2, 3]) {
      put(`links/all/${n}.png`, png);
      put(`links/all/${n}.txt`, "0 0.5 0.5 0.5 0.5\n");
    }
    put("links/rest/x.png", png);
    mkdirSync(join(root, "links/train"));
    symlinkSync("../all", join(root, "links/train/images"));
    symlinkSync("../rest/x.png", join(root, "links/train/x.png"));
    symlinkSync("../..", join(root, "links/train/up"));
    symlinkSync("itself", join(root, "links/itself"));
    symlinkSync("../rest", join(root, "links/all/there"));
    symlinkSync("../all", join(root, "links/rest/back"));
    put("links/data.yaml", "train: train/images\nnames: [a]\n");
    const { splits, sets } = await openDataset([join(root, "links")], { complete: false, bad: "leave out" });
    const files = splits.train.map(({ file }) => file.slice(root.length));
    expect(files.slice(0, 3)).toEqual([1, 2, 3].map((n) => `/links/train/images/${n}.png`));
    const notRead = sets[0].notRead.flatMap(({ what, examples }) => examples.map((each) => `${what} ${each}`));
    expect(notRead.filter((line) => /all\/\d/.test(line))).toEqual([]);
    expect(notRead.filter((line) => line.includes("lead nowhere"))).toHaveLength(3);
  });

  it("the same file has one identity over all its paths", async () => {
    const tree = new FolderTree(join(root, "links"));
    await Survey.of(tree);
    expect(tree.identity("train/images/1.png")).toBe(tree.identity("all/1.png"));
    expect(tree.identity("train/x.png")).toBe(tree.identity("rest/x.png"));
    const plain = new FolderTree(join(root, "folders"));
    await Survey.of(plain);
    expect(plain.identity("data.yaml")).toBeUndefined();
  });
});

describe("YAML", () => {
  const layers = "bcdefghi".split("").map((name, n) => {
    const before = "abcdefgh"[n];
    return `${name}: &${name} [${`*${before},`.repeat(10).slice(0, -1)}]`;
  });
  it.each([
    [
      "a glob",
      "train: *.jpg\n",
      /^1:8: \*\.jpg stands for nothing before it; put text that begins with \* into quotes/,
    ],
    ["an alias of nothing", "a: 1\nval: *x\n", /^2:6: \*x stands for nothing/],
    ["a billion laughs", `a: &a [x,x,x,x,x,x,x,x,x]\n${layers.join("\n")}\nnames: *i\n`, /aliases unfold to/],
    ["a circle", "names: &n\n  0: *n\n", /an alias leads into its own anchor/],
    ["brackets", `names: ${"[".repeat(20000)}`, /deeper than 100/],
    ["brackets that end", `names: ${"[".repeat(500)}${"]".repeat(500)}`, /deeper than 100/],
    ["two of one key", "train: a\ntrain: b\n", /^2:1: is not YAML: Map keys must be unique/],
    ["two documents", "a: 1\n---\nb: 2\n", /multiple documents/],
  ])("%s is one line", async (_, text, expected) => {
    const error = await parseYaml(text).then(
      () => new Error("none"),
      (reason) => reason as Error,
    );
    expect(error.message).toMatch(expected);
    expect(error.message).not.toContain("\n");
  });

  it("aliases and merges that end are read; so are very many keys", async () => {
    expect(await parseYaml("a: &a [1, 2]\nb: *a\n")).toEqual({ a: [1, 2], b: [1, 2] });
    const keys = Array.from({ length: 30_000 }, (_, n) => `  ${n}: c${n}\n`).join("");
    expect(Object.keys((await parseYaml(`names:\n${keys}`)) as object)).toEqual(["names"]);
  });

  it("of a named file is told; so are classes without end", async () => {
    expect(await message(openDataset([put("yaml/glob.yaml", "train: *.jpg\nnames: [a]\n")]))).toMatch(
      /^ROOT\/yaml\/glob\.yaml:1:8: \*\.jpg stands for nothing/,
    );
    expect(await message(openDataset([put("nc/data.yaml", "train: x\nnc: 400000000\n")]))).toBe(
      "ROOT/nc/data.yaml: nc is 400000000; at most 100000 classes are read",
    );
  });
});

describe("sizes that are stated", () => {
  const header = (...sizes: number[]) => {
    const bytes = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
    bytes.setUint32(0, 0x800 + sizes.length);
    for (const [n, size] of sizes.entries()) bytes.setUint32(4 + 4 * n, size);
    return new Uint8Array(bytes.buffer);
  };

  it("idx files: no side, more than the file holds, a gzip bomb", async () => {
    put("zero/train-labels-idx1-ubyte", header(40).length > 0 ? Buffer.concat([header(40), Buffer.alloc(40)]) : "");
    put("zero/train-images-idx3-ubyte", header(40, 0, 28));
    expect(await message(openDataset([join(root, "zero")]))).toBe(
      "ROOT/zero/train-images-idx3-ubyte: its pictures are 28x0; both sides are at least 1; get the file again",
    );
    put("zero/train-images-idx3-ubyte", header(40, 2 ** 31, 2 ** 31));
    expect(await message(openDataset([join(root, "zero")]))).toMatch(
      /^ROOT\/zero\/train-images-idx3-ubyte: has 16 bytes; /,
    );
    rmSync(join(root, "zero/train-images-idx3-ubyte"));
    put("zero/train-images-idx3-ubyte.gz", gzipSync(Buffer.alloc(2 ** 26 + 2 ** 20)));
    expect(await message(openDataset([join(root, "zero")]))).toMatch(/\.gz: cannot be gunzipped \(/);
  });

  it("pictures: by the header, before they are decoded; SVG in no case", async () => {
    const bomb = Buffer.from(png);
    bomb.writeUInt32BE(16383, 16);
    bomb.writeUInt32BE(16383, 20);
    const files = [
      put("big/a/1.png", bomb),
      put("big/b/1.ppm", "P3 9999 9999 255 1"),
      put("big/b/2.bmp", bitmap(9000, 9000)),
    ];
    const svg = put("big/a/2.png", '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>');
    expect(await message(decodePicture(files[0]))).toBe(
      "ROOT/big/a/1.png: is 16383x16383, more than the 100000000 pixels that are decoded; make it smaller",
    );
    for (const file of files.slice(1)) expect(await message(decodePicture(file))).toContain("is truncated or damaged");
    expect(await message(decodePicture(svg))).toMatch(/: is an SVG drawing, which is not read; /);
    const looks = await lookAtPictures([...files, svg]);
    expect([...looks.values()].map(({ cells }) => cells)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it("a label row of 300,000 columns is a polygon like others", async () => {
    const { splits } = await openDataset([yoloSet("wide", `0${" 0.25 0.75".repeat(150_000)} 0.5 0.5\n`)], {
      complete: false,
    });
    expect(splits.train[0].labels).toEqual([{ class: 0, x: 0.375, y: 0.625, width: 0.25, height: 0.25 }]);
  });
});

/** Header of an uncompressed bitmap of 24 bits. */
function bitmap(width: number, height: number): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(60));
  bytes.setUint16(0, 0x424d);
  bytes.setUint32(10, 54, true);
  bytes.setUint32(14, 40, true);
  bytes.setInt32(18, width, true);
  bytes.setInt32(22, height, true);
  bytes.setUint16(26, 1, true);
  bytes.setUint16(28, 24, true);
  return new Uint8Array(bytes.buffer);
}

describe("what is kept of files", () => {
  it("is not believed where a letter of it has changed", () => {
    const path = join(root, "kept.json");
    const kept = new Map([["/a", ["stamp", "digest"]]]);
    writeKept(path, kept, () => true);
    expect(readKept(path, 2)).toEqual(kept);
    expect(readKept(path, 3).size).toBe(0);
    const text = Buffer.from(readRegularSync(path)).toString();
    for (const other of [text.replace("digest", "digesu"), text.slice(1), "[]", "null", '{"entries":[[1]]}', ""]) {
      writeFileSync(path, other);
      expect(readKept(path, 2).size).toBe(0);
    }
    expect(readKept(root, 2).size).toBe(0);
  });
});
