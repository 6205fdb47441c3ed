import { describe, expect, it } from "vitest";
import { diagnose, formatDoctorReport } from "./doctor.js";
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
    index,
    [
      { file: "a.jpg", split: "train", size: { width: 64, height: 64 }, digest: "1" },
      { file: "b.jpg", split: "train", size: { width: 64, height: 64 }, digest: "2" },
      { file: "c.jpg", split: "val", size: { width: 128, height: 64 }, digest: "1" },
    ],
    [{ file: "d.jpg", reason: "d.jpg: cannot be decoded" }],
    { width: 64, height: 64 },
  );

  it("counts", () => {
    expect(report.splits.train).toEqual({ pictures: 2, background: 1, boxes: 3, perClass: { nut: 2, bolt: 1 } });
    expect(report.splits.val).toEqual({ pictures: 1, background: 0, boxes: 1, perClass: { nut: 1, bolt: 0 } });
    expect(report.pictureSizes).toEqual([
      { width: 64, height: 64, pictures: 2 },
      { width: 128, height: 64, pictures: 1 },
    ]);
  });

  it("finds boxes lost at the resolution", () => {
    expect(report.lost).toMatchObject({ boxes: 4, tooSmall: 1, sharedCell: 1, gridStride: 16, minBoxPixels: 4 });
    expect(report.boxSides.map((bin) => bin.boxes)).toEqual([0, 2, 1, 0, 1, 0, 0]);
    // Letterboxed, c.jpg's box is 12.8 x 6.4 pixels instead of 12.8 x 12.8.
    const letterboxed = diagnose(index, [{ file: "c.jpg", split: "val", size: { width: 128, height: 64 } }], [], {
      width: 64,
      height: 64,
      fit: "letterbox",
      minBoxPixels: 7,
    });
    expect(letterboxed.lost?.tooSmall).toBe(3);
  });

  it("finds copies across splits", () => {
    expect(report.duplicates).toEqual([{ files: ["a.jpg", "c.jpg"], acrossSplits: true }]);
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
    const classified = diagnose(classify, [], [], { width: 8, height: 8 });
    expect(classified.splits.train.perClass).toEqual({ a: 2, b: 0 });
    expect(classified.lost).toBeUndefined();
    expect(formatDoctorReport(classified)).toContain("no bad files");
  });
});
