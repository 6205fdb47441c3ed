import { describe, expect, it } from "vitest";
import { analyseDetection } from "./analysis.js";
import { evaluateCoco, vocAsCoco } from "./index.js";

const truth = new Map([
  ["a", [{ name: "cat", bbox: [1, 1, 1, 1] as const, difficult: false }]],
  [
    "b",
    [
      { name: "cat", bbox: [5, 5, 24, 24] as const, difficult: false },
      { name: "dog", bbox: [50, 50, 59, 59] as const, difficult: true },
    ],
  ],
]);
const found = (images: string[], scores: number[], boxes: number[]) => ({
  ...{ file: "d.txt", images, lines: Int32Array.from(images, (_, i) => i + 1) },
  scores: Float64Array.from(scores),
  boxes: Float64Array.from(boxes),
});

describe("VOC's boxes in COCO's form", () => {
  const { truth: gt, found: dt } = vocAsCoco(
    truth,
    new Map([
      ["cat", found(["b", "a"], [0.4, 0.9], [5, 5, 24, 24, 1, 1, 1, 1])],
      ["dog", found(["b"], [0.8], [50, 50, 59, 59])],
    ]),
  );

  it("count the last pixel, and a difficult object neither way", () => {
    expect(gt.annotations.map(({ bbox }) => bbox)).toEqual([
      [1, 1, 1, 1],
      [5, 5, 20, 20],
      [50, 50, 10, 10],
    ]);
    const { AP, categories } = evaluateCoco(gt, dt);
    expect(AP).toBeCloseTo(1, 12);
    expect(categories.map(({ AP: each }) => each)).toEqual([expect.closeTo(1, 12), -1]);
  });

  it("are analysed: plain data, with the diagonal that is right", () => {
    const analysis = analyseDetection(gt, [...dt, { image_id: 0, category_id: 0, bbox: [70, 70, 5, 5], score: 0.1 }]);
    expect(JSON.parse(JSON.stringify(analysis))).toEqual(analysis);
    expect(analysis.confidences.length).toBe(101);
    const { classes, counts, confidence } = analysis.confusion;
    expect(classes).toEqual(["cat", "dog"]);
    // With a threshold from .4 down to just above .1, both cats are found and nothing else.
    expect(confidence).toBeGreaterThan(0.1);
    expect(confidence).toBeLessThanOrEqual(0.4);
    expect(counts).toEqual([2, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(analysis.errors.errors.background.count).toBe(1);
  });
});
