/** Data sets in memory for tests of formats: files by path; pictures consist of their size only. */
import { type DataHost, MemoryTree, type OpenedTree, openTree } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";

/** The text of a file, or the width and height of a picture. */
export type MemoryFile = string | readonly [width: number, height: number];

export function memoryTree(files: Readonly<Record<string, MemoryFile>>, name = "set"): MemoryTree {
  const encoder = new TextEncoder();
  const content = (file: MemoryFile) => encoder.encode(typeof file === "string" ? file : `picture ${file.join("x")}`);
  return new MemoryTree(
    name,
    Object.entries(files).map(([path, file]) => [path, content(file)] as const),
  );
}

/** Returns the sizes of `memoryTree`'s pictures; parses YAML as JSON. */
export const memoryHost: DataHost = {
  parseYaml: (text) => {
    try {
      return JSON.parse(text);
    } catch {
      throw new Error("1:1: is not YAML");
    }
  },
  gunzip: (bytes) => bytes,
  inflate: (bytes) => bytes,
  async pictureSize(tree, file) {
    const text = new TextDecoder().decode(await tree.read(file));
    const size = /^picture (\d+)x(\d+)$/.exec(text);
    if (size === null)
      throw new PhinetsError("data.picture", `${tree.locate(file)}: is not a picture`, tree.locate(file));
    return { width: Number(size[1]), height: Number(size[2]) };
  },
};

export function openMemory(files: Readonly<Record<string, MemoryFile>>, format?: string): Promise<OpenedTree> {
  return openTree(memoryTree(files), memoryHost, { format });
}

/** Boxes of one picture as `CLASS left,top,right,bottom` in pixels of a size, rounded to a hundredth. */
export function boxesOf(set: OpenedTree, picture: string, [width, height]: readonly [number, number]): string[] {
  const samples = [...set.splits.train, ...set.splits.val, ...set.splits.test];
  const sample = samples.find(({ file }) => file.endsWith(`/${picture}`));
  if (sample?.labels === undefined) throw new Error(`${picture} is no sample with boxes`);
  return sample.labels.map((box) => {
    const corners = [box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2];
    const pixels = corners.map((value, n) => Math.round(value * (n % 2 === 0 ? width : height) * 100) / 100);
    return `${set.classes[box.class]} ${pixels.join()}${box.ignore === undefined ? "" : ` ${box.ignore}`}`;
  });
}

/** Names of the pictures in `train`, `val` and `test`. */
export function splitNamesOf(set: OpenedTree): Record<"train" | "val" | "test", string[]> {
  const names = (split: "train" | "val" | "test") => set.splits[split].map(({ file }) => file.replace(/^set\//, ""));
  return { train: names("train"), val: names("val"), test: names("test") };
}
