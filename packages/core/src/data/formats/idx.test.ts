import { describe, expect, it } from "vitest";
import { memoryHost } from "../../../../../test/memory-set.js";
import { MemoryTree } from "../files/tree.js";
import { openTree } from "./open.js";

const bytesOf = (...words: readonly number[]) =>
  words.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
const images = (count: number) => Uint8Array.from([...bytesOf(0x803, count, 2, 2), ...new Array(4 * count).fill(7)]);
const labels = (...classes: readonly number[]) => Uint8Array.from([...bytesOf(0x801, classes.length), ...classes]);

function open(files: Readonly<Record<string, Uint8Array>>, chosen?: string) {
  return openTree(new MemoryTree("set", Object.entries(files)), memoryHost, {
    ...(chosen !== undefined && { chosen }),
  });
}

describe("idx files", () => {
  it.each([
    ["as MNIST names them", (split: string, what: string, n: number) => `${split}-${what}-idx${n}-ubyte`],
    ["with a point", (split: string, what: string, n: number) => `${split}-${what}.idx${n}-ubyte`],
    [
      "as torchvision leaves them",
      (split: string, what: string, n: number) => `MNIST/raw/${split}-${what}-idx${n}-ubyte`,
    ],
    [
      "as EMNIST names them",
      (split: string, what: string, n: number) =>
        `emnist-letters-${split.replace("t10k", "test")}-${what}-idx${n}-ubyte`,
    ],
  ])("%s", async (_, name) => {
    const set = await open({
      [name("train", "images", 3)]: images(3),
      [name("train", "labels", 1)]: labels(0, 1, 2),
      [name("t10k", "images", 3)]: images(1),
      [name("t10k", "labels", 1)]: labels(1),
    });
    expect(set).toMatchObject({ format: "idx", classes: ["0", "1", "2"], named: ["train", "test"], notRead: [] });
    expect(set.splits.train.map(({ file, class: c }) => `${file} ${c}`)).toEqual(
      [0, 1, 2].map((n) => `set/${name("train", "images", 3)}#${n} ${n}`),
    );
  });

  it("that lie there plain and gzipped are read once", async () => {
    const set = await open({
      "train-images-idx3-ubyte": images(1),
      "train-images-idx3-ubyte.gz": images(1),
      "train-labels-idx1-ubyte": labels(4),
    });
    expect([set.splits.train.length, set.notRead.map(({ what, examples }) => [what, ...examples])]).toEqual([
      1,
      [["gzipped copies", "set/train-images-idx3-ubyte.gz"]],
    ]);
  });

  it("one of them may be named as the data set; several sets in a folder may not", async () => {
    const files = { "train-images-idx3-ubyte": images(1), "train-labels-idx1-ubyte": labels(4) };
    expect((await open(files, "train-images-idx3-ubyte")).format).toBe("idx");
    await expect(open({ ...files, "emnist-train-images-idx3-ubyte": images(1) })).rejects.toThrow(
      "set: has several data sets (emnist-train-images-idx3-ubyte, train-images-idx3-ubyte); put each in a folder of its own",
    );
  });
});
