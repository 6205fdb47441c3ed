import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Detection } from "../detection/index.js";
import { evaluateClassification } from "./classification.js";
import { evaluateDetection } from "./detection.js";

describe("evaluateDetection", () => {
  const truth = { class: 0, x: 0.5, y: 0.5, width: 0.2, height: 0.4 };
  const hit = (score: number, category = 0): Detection => ({
    class: category,
    score,
    x: 0.4,
    y: 0.3,
    width: 0.2,
    height: 0.4,
  });
  const miss = (score: number, category = 0): Detection => ({ ...hit(score, category), x: 0, y: 0 });

  it("chooses the confidence of the best f1 and reports precision and recall there", () => {
    // By score: right .9, wrong .8, right .7, wrong .6, wrong .5; three labels. f1: 2/4, 2/5, 4/6, 4/7, 4/8.
    const metrics = evaluateDetection(
      [
        { truths: [truth], detections: [hit(0.9), miss(0.6)] },
        { truths: [truth], detections: [miss(0.8), hit(0.7), miss(0.5)] },
        { truths: [truth], detections: [] },
      ],
      ["person"],
    );
    expect(metrics.confidence).toBe(0.7);
    expect(metrics.precision).toBeCloseTo(2 / 3, 12);
    expect(metrics.recall).toBeCloseTo(2 / 3, 12);
    expect(metrics.f1).toBeCloseTo(2 / 3, 12);
    // Recalls 0...33 have precision 1, 34...66 have 2/3, beyond 0.
    expect(metrics.AP50).toBeCloseTo((34 + 33 * (2 / 3)) / 101, 12);
    expect(metrics.AP).toBeCloseTo(metrics.AP50, 12);
    expect(metrics.prCurve.length).toBe(101);
    expect(metrics.prCurve[40].precision).toBeCloseTo(2 / 3, 12);
    expect(metrics.images).toBe(3);
    expect(metrics.perClass[0]).toMatchObject({ name: "person", truths: 3, AP50: metrics.AP50, f1: metrics.f1 });
  });

  it("keeps classes apart, leaves classes without labels out of the means, and crowds out of the counts", () => {
    const metrics = evaluateDetection(
      [
        {
          truths: [truth, { ...truth, class: 1, x: 0.2, y: 0.2, crowd: true }, { ...truth, class: 1, x: 0.9 }],
          detections: [hit(0.9), { ...hit(0.8, 1), x: 0.15, y: 0.1, width: 0.1, height: 0.1 }, hit(0.7, 2)],
        },
      ],
      ["a", "b", "c"],
    );
    expect(metrics.perClass.map((c) => c.truths)).toEqual([1, 1, 0]);
    expect(metrics.perClass.map((c) => c.AP50)).toEqual([expect.closeTo(1, 12), 0, -1]);
    expect(metrics.AP50).toBeCloseTo(0.5, 12);
    expect(metrics.precision).toBe(1);
    expect(metrics.recall).toBe(0.5);
  });

  it("is honest about nothing", () => {
    expect(evaluateDetection([], ["a"])).toMatchObject({ images: 0, AP50: -1, AP: -1, precision: 0, recall: 0, f1: 0 });
    const nothing = evaluateDetection([{ truths: [truth], detections: [] }], ["a"]);
    expect(nothing).toMatchObject({ AP50: 0, AP: 0, precision: 0, recall: 0, f1: 0, confidence: 0 });
    expect(() => evaluateDetection([{ truths: [{ ...truth, class: 3 }], detections: [] }], ["a"])).toThrow("class 3");
  });

  it("never does worse in f1 at its confidence than at any other score", () => {
    const detection = fc.record({ score: fc.nat(20).map((s) => s / 20), right: fc.boolean() });
    fc.assert(
      fc.property(fc.array(fc.array(detection, { maxLength: 4 }), { minLength: 1, maxLength: 6 }), (pictures) => {
        const build = (least: number) =>
          pictures.map((list) => ({
            truths: [truth],
            detections: list.filter((d) => d.score >= least).map((d) => (d.right ? hit(d.score) : miss(d.score))),
          }));
        const best = evaluateDetection(build(0), ["a"]);
        for (const { score } of pictures.flat()) {
          // Counting by hand: every picture has one label, so at most one right detection.
          const kept = build(score);
          const right = kept.filter((p) => p.detections.some((d) => d.x > 0)).length;
          const found = kept.reduce((n, p) => n + p.detections.length, 0);
          expect(best.f1).toBeGreaterThanOrEqual((2 * right) / (found + pictures.length) - 1e-12);
        }
      }),
    );
  });
});

describe("evaluateClassification", () => {
  it("counts top 1, top 5 and who is taken for whom", () => {
    const scores = Float32Array.from([
      ...[9, 1, 2, 3, 4, 5, 6], // label 0: first
      ...[1, 2, 3, 4, 5, 6, 7], // label 2: fifth, taken for 6
      ...[1, 2, 3, 4, 5, 6, 7], // label 1: sixth
    ]);
    const { top1, top5, confusion, perClass, images } = evaluateClassification(scores, [0, 2, 1], 7);
    expect(images).toBe(3);
    expect(top1).toBeCloseTo(1 / 3, 12);
    expect(top5).toBeCloseTo(2 / 3, 12);
    expect([...confusion.subarray(0, 7)]).toEqual([1, 0, 0, 0, 0, 0, 0]);
    expect(confusion[2 * 7 + 6]).toBe(1);
    expect(perClass[0]).toEqual({ class: 0, images: 1, precision: 1, recall: 1, f1: 1 });
    expect(perClass[6]).toEqual({ class: 6, images: 0, precision: 0, recall: 0, f1: 0 });
  });

  it("agrees with sorting the scores", () => {
    const row = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(row, fc.nat(7)), { minLength: 1, maxLength: 10 }), (list) => {
        const place = list.map(([scores, label]) =>
          scores
            .map((_, c) => c)
            .sort((a, b) => scores[b] - scores[a] || a - b)
            .indexOf(label),
        );
        const result = evaluateClassification(
          Float32Array.from(list.flatMap(([scores]) => scores)),
          list.map(([, label]) => label),
          8,
        );
        expect(result.top1).toBeCloseTo(place.filter((p) => p === 0).length / list.length, 12);
        expect(result.top5).toBeCloseTo(place.filter((p) => p < 5).length / list.length, 12);
        let diagonal = 0;
        for (let c = 0; c < 8; c++) diagonal += result.confusion[c * 8 + c];
        expect(diagonal / list.length).toBeCloseTo(result.top1, 12);
      }),
    );
  });

  it("counts NaN as wrong, and refuses what does not fit", () => {
    expect(evaluateClassification(Float32Array.of(Number.NaN, Number.NaN), [0], 2).top1).toBe(0);
    expect(evaluateClassification(new Float32Array(0), [], 3)).toMatchObject({ images: 0, top1: 0, top5: 0 });
    expect(() => evaluateClassification(new Float32Array(4), [0, 2], 2)).toThrow("label of image 1 is 2");
    expect(() => evaluateClassification(new Float32Array(3), [0, 1], 2)).toThrow("need 4 scores, got 3");
  });
});
