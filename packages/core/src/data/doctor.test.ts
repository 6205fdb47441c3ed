import { describe, expect, it } from "vitest";
import { diagnose, type PictureFinding } from "./doctor.js";
import { formatDoctorReport } from "./doctor-text.js";
import { findLeaks } from "./leaks.js";
import type { DatasetIndex } from "./types.js";

const box = (x: number, y: number, width: number, height: number, c = 0) => ({ class: c, x, y, width, height });
const index: DatasetIndex = {
  task: "detect",
  classes: ["nut", "bolt"],
  splits: {
    train: [
      { file: "a.jpg", labels: [box(0.5, 0.5, 0.5, 0.5), box(0.52, 0.52, 0.1, 0.1, 1), box(0.1, 0.1, 0.02, 0.5)] },
      { file: "b.jpg", labels: [] },
    ],
    val: [{ file: "c.jpg", labels: [box(0.9, 0.1, 0.2, 0.2)] }],
    test: [],
  },
};

describe("doctor", () => {
  const report = diagnose(
    {
      index,
      sets: [
        {
          ...{ path: "parts", format: "yolo", recognised: "YOLO: data.yaml with train, val, names", rows: 5 },
          notes: ["classes are numbered from 1"],
          changes: [{ what: "rows equal to one before are left out", count: 2, examples: ["a.txt:3", "a.txt:4"] }],
          notRead: [{ what: ".csv files", count: 4, examples: ["parts/1.csv", "parts/2.csv", "parts/3.csv"] }],
        },
      ],
      findings: [
        { file: "a.jpg", split: "train", size: { width: 64, height: 64 }, digest: "1" },
        { file: "b.jpg", split: "train", size: { width: 64, height: 64 }, digest: "2" },
        { file: "c.jpg", split: "val", size: { width: 128, height: 64 }, digest: "1" },
      ],
      badFiles: [{ file: "d.jpg", reason: "d.jpg: cannot be decoded" }],
      badRows: [{ file: "a.txt", reason: "a.txt:7: class is 5" }],
    },
    { width: 64, height: 64 },
  );

  it("counts", () => {
    expect(report.splits.train).toEqual({
      ...{ pictures: 2, background: 1, boxes: 3, ignored: 0 },
      perClass: { nut: 2, bolt: 1 },
    });
    expect(report.splits.val).toEqual({
      ...{ pictures: 1, background: 0, boxes: 1, ignored: 0 },
      perClass: { nut: 1, bolt: 0 },
    });
    expect(report.pictureSizes).toEqual([
      { width: 64, height: 64, pictures: 2 },
      { width: 128, height: 64, pictures: 1 },
    ]);
  });

  it("finds boxes lost at the resolution", () => {
    expect(report.lost).toMatchObject({ boxes: 4, tooSmall: 1, sharedCell: 1, gridStride: 16, minBoxPixels: 4 });
    expect(report.boxSides.map((bin) => bin.boxes)).toEqual([0, 2, 1, 0, 1, 0, 0]);
    // With letterboxing, c.jpg's box is 12.8 x 6.4 pixels instead of 12.8 x 12.8.
    const findings: PictureFinding[] = [{ file: "c.jpg", split: "val", size: { width: 128, height: 64 } }];
    const options = { width: 64, height: 64, fit: "letterbox", minBoxPixels: 7 } as const;
    const letterboxed = diagnose({ index, findings, badFiles: [] }, options);
    expect(letterboxed.lost?.tooSmall).toBe(3);
  });

  it("finds copies across splits", () => {
    expect(report.duplicates).toEqual([{ files: ["a.jpg", "c.jpg"], acrossSplits: true }]);
    expect(report.leaks).toEqual([
      {
        ...{ split: "val", pictures: 1, left: 0, shared: { "same file": 0, copy: 1, "near copy": 0 } },
        examples: [{ file: "c.jpg", like: "a.jpg", in: "train", kind: "copy" }],
      },
    ]);
    expect(report.disagreeing).toEqual([{ files: ["a.jpg", "c.jpg"], labels: ["3 boxes", "1 box"] }]);
  });

  it("counts what val and test share with the splits before them, once a picture", () => {
    const cells = Uint8Array.from({ length: 72 }, (_, i) => (i * 89) % 251);
    const leaks = findLeaks([
      { file: "t1", split: "train", digest: "1", cells },
      { file: "t2", split: "train", digest: "2" },
      { file: "t1", split: "val", digest: "1", cells },
      { file: "v2", split: "val", digest: "2" },
      { file: "v3", split: "val", digest: "3" },
      { file: "v4", split: "val", digest: "4", cells: cells.map((v) => v ^ 1) },
      { file: "e1", split: "test", digest: "3" },
      { file: "e2", split: "test", digest: "5" },
      { file: "e3", split: "test", digest: "5" },
    ]);
    expect(leaks.map(({ split, shared, left }) => ({ split, ...shared, left }))).toEqual([
      { split: "val", "same file": 1, copy: 1, "near copy": 1, left: 1 },
      { split: "test", "same file": 0, copy: 1, "near copy": 0, left: 2 },
    ]);
    expect(leaks[1].examples).toEqual([{ file: "e1", like: "v3", in: "val", kind: "copy" }]);
  });

  it("reports that val equals train, but not that a file is a copy of itself", () => {
    const same = { ...index, splits: { ...index.splits, val: index.splits.train } };
    const findings = (["train", "val"] as const).flatMap((split) =>
      same.splits[split].map(({ file }) => ({ file, split, digest: file })),
    );
    const told = diagnose({ index: same, findings, badFiles: [] }, { width: 64, height: 64 });
    expect(told.duplicates).toEqual([]);
    const text = formatDoctorReport(told);
    expect(text).toContain("val is train: all its 2 pictures are the same files");
    expect(text).not.toContain(" = ");
  });

  it("counts ignored boxes apart", () => {
    const ignored = { ...box(0.5, 0.5, 0.2, 0.2), ignore: "crowd" } as const;
    const crowd = {
      ...index,
      splits: { ...index.splits, train: [{ file: "a.jpg", labels: [box(0.5, 0.5, 0.2, 0.2), ignored] }] },
    };
    const told = diagnose({ index: crowd, findings: [], badFiles: [] }, { width: 64, height: 64 });
    expect(told.splits.train).toMatchObject({ boxes: 1, ignored: 1, background: 0 });
    expect(formatDoctorReport(told)).toMatch(/split +pictures +background +boxes +ignored\n/);
  });

  it("renders as text", () => {
    expect(formatDoctorReport(report)).toMatchSnapshot();
  });

  it("counts pictures of each class for classification", () => {
    const classify: DatasetIndex = {
      task: "classify",
      classes: ["a", "b"],
      splits: {
        train: [
          { file: "1", class: 0 },
          { file: "2", class: 0 },
        ],
        val: [{ file: "3", class: 1 }],
        test: [],
      },
    };
    const classified = diagnose({ index: classify, findings: [], badFiles: [] }, { width: 8, height: 8 });
    expect(classified.splits.train.perClass).toEqual({ a: 2, b: 0 });
    expect(classified.lost).toBeUndefined();
    expect(formatDoctorReport(classified)).toContain("no bad files");
  });
});
