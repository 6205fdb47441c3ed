import { describe, expect, it } from "vitest";
import { openMemory } from "../../../../../test/memory-set.js";
import type { DatasetIndex } from "../types.js";
import {
  indexedPath,
  parseWrittenIndex,
  type WrittenIndex,
  writtenIndexFile,
  writtenIndexOf,
} from "./written-index.js";

const hash = (letter: string): string => letter.repeat(64);
const box = { class: 1, x: 0.1 + 0.2, y: 1 / 3, width: 0.25, height: 1.5 };
const detections: DatasetIndex = {
  task: "detect",
  classes: ["nut", "bolt"],
  splits: {
    train: [
      { file: "/data/a.jpg", labels: [box, { ...box, class: 0, ignore: "crowd" }], group: "video" },
      { file: "/data/set.zip!/b/c.jpg", labels: [], labelSize: { height: 10, width: 20 } },
    ],
    val: [{ file: "/data/train-images-idx3-ubyte#7", labels: [{ ...box, trackId: 3, ignore: "difficult" }] }],
    test: [],
  },
};

const place = (path: string) => {
  const [, disk, inside] = /^(.*?)(!\/.*|#\d+)?$/.exec(path)!;
  const name = disk.slice(disk.lastIndexOf("/") + 1);
  return { file: { sha256: hash(name === "a.jpg" ? "a" : "b"), bytes: 3, name }, inside: inside ?? "" };
};

const filesOf = (index: WrittenIndex): Record<string, string> => ({
  [writtenIndexFile]: JSON.stringify(index),
  ...Object.fromEntries(index.files.map((file) => [indexedPath(file), "x"])),
});

describe("an index that was written", () => {
  it("is the same samples again, number for number and in their order", async () => {
    const written = writtenIndexOf(detections, place);
    expect(written.files.map(indexedPath)).toHaveLength(3);
    const { task, classes, splits, problems, notRead } = await openMemory(filesOf(written));
    expect({ task, classes, problems, notRead }).toEqual({
      task: "detect",
      classes: ["nut", "bolt"],
      problems: [],
      notRead: [],
    });
    for (const split of ["train", "val", "test"] as const)
      expect(JSON.stringify(splits[split])).toBe(
        JSON.stringify(
          detections.splits[split].map((sample) => {
            const { file, inside } = place(sample.file);
            return { file: `set/${indexedPath(file)}${inside}`, ...withoutFile(sample) };
          }),
        ),
      );
  });

  it("says which picture is gone", async () => {
    const { [indexedPath(place("/data/a.jpg").file)]: _, ...files } = filesOf(writtenIndexOf(detections, place));
    const { problems, splits } = await openMemory(files);
    expect(problems.map(({ error }) => error.message)).toEqual([
      `set/${writtenIndexFile}: there is no set/${hash("a")}/a.jpg; restore it`,
    ]);
    expect(splits.train).toHaveLength(1);
  });

  const sample = { file: 0, labels: [] };
  const base = { format: "phinets-data-1", task: "detect", classes: ["nut"], files: [], splits: {} };
  const file = { sha256: hash("a"), bytes: 1, name: "a.jpg" };
  const whole = { ...base, files: [file], splits: { train: [sample], val: [], test: [] } };
  const train = (...samples: readonly unknown[]) => ({ ...whole, splits: { train: samples, val: [], test: [] } });
  it.each([
    ["[", /not JSON/],
    ["[".repeat(200) + "]".repeat(200), /nested/],
    [{ ...whole, format: "phinets-data-2" }, /format is "phinets-data-2"; "phinets-data-1" is needed/],
    [{ ...whole, more: 1 }, /has "more", which is no field of it/],
    ['{"__proto__": {}}', /has "__proto__"/],
    [{ ...whole, splits: { train: [] } }, /splits lacks val/],
    [{ ...whole, files: [{ ...file, name: "../../etc/passwd" }] }, /files\[0\]\.name is "\.\.\/\.\.\/etc\/passwd"/],
    [{ ...whole, files: [{ ...file, name: ".." }] }, /files\[0\]\.name/],
    [{ ...whole, files: [{ ...file, name: "C:a" }] }, /files\[0\]\.name/],
    [{ ...whole, files: [{ ...file, name: "a\\b" }] }, /files\[0\]\.name/],
    [{ ...whole, files: [{ ...file, name: "a\u0000" }] }, /files\[0\]\.name/],
    [{ ...whole, files: [{ ...file, sha256: "../a" }] }, /files\[0\]\.sha256 is "\.\.\/a"; 64 hexadecimal digits/],
    [{ ...whole, files: [{ ...file, bytes: -1 }] }, /files\[0\]\.bytes is -1/],
    [train({ ...sample, file: 1 }), /splits\.train\[0\]\.file is 1; a place below 1/],
    [train({ ...sample, inside: "/../b" }), /inside is "\/\.\.\/b"/],
    [train({ ...sample, labels: [{ ...box, class: 1 }] }), /labels\[0\]\.class is 1; a class below 1/],
    [train({ ...sample, labels: [{ ...box, class: 0, x: "1" }] }), /labels\[0\]\.x is "1"; a number/],
    [train({ ...sample, class: 0 }), /class is 0; none, as there are boxes/],
    [{ ...train(sample), task: "classify" }, /labels is \[\]; none, as classes are told apart/],
  ])("%# is refused with the field", (document, message) => {
    const text = typeof document === "string" ? document : JSON.stringify(document);
    expect(() => parseWrittenIndex(text, "index")).toThrow(message);
  });
});

function withoutFile({ file: _, ...others }: DatasetIndex["splits"]["train"][number]) {
  return others;
}
