import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Detection } from "../detection/index.js";
import { evaluateClassification } from "./classification.js";
import { evaluateCoco } from "./coco.js";
import { evaluateDetection } from "./detection.js";
import { evaluateVoc } from "./voc.js";

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
          truths: [truth, { ...truth, class: 1, x: 0.2, y: 0.2, ignore: "crowd" }, { ...truth, class: 1, x: 0.9 }],
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
          // Counted by hand: every picture has one label, so at most one right detection.
          const kept = build(score);
          const right = kept.filter((p) => p.detections.some((d) => d.x > 0)).length;
          const found = kept.reduce((n, p) => n + p.detections.length, 0);
          expect(best.f1).toBeGreaterThanOrEqual((2 * right) / (found + pictures.length) - 1e-12);
        }
      }),
    );
  });
});

describe("labels that do not count", () => {
  const scored = fc.nat(50).map((n) => n / 50);
  const side = fc.integer({ min: 2, max: 40 });
  const box = { class: fc.nat(1), x: fc.nat(60), y: fc.nat(60), width: side, height: side };
  const names = ["a", "b"];

  it("are COCO's iscrowd where they are crowds", () => {
    const truths = fc.array(fc.record({ ...box, crowd: fc.boolean() }), { maxLength: 6 });
    const detections = fc.array(fc.record({ ...box, score: scored }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.record({ truths, detections }), { minLength: 1, maxLength: 4 }), (pictures) => {
        // Pictures of 128 pixels: fractions and centres are exact.
        const size = 128;
        const own = evaluateDetection(
          pictures.map((picture) => ({
            truths: picture.truths.map(({ crowd, ...t }) => ({
              class: t.class,
              x: (t.x + t.width / 2) / size,
              y: (t.y + t.height / 2) / size,
              width: t.width / size,
              height: t.height / size,
              ...(crowd && { ignore: "crowd" as const }),
            })),
            detections: picture.detections.map((d) => ({
              ...d,
              x: d.x / size,
              y: d.y / size,
              width: d.width / size,
              height: d.height / size,
            })),
          })),
          names,
        );
        const coco = evaluateCoco(
          {
            images: pictures.map((_, id) => ({ id })),
            categories: names.map((name, id) => ({ id, name })),
            annotations: pictures.flatMap((picture, image_id) =>
              picture.truths.map((t) => ({
                image_id,
                category_id: t.class,
                bbox: [t.x, t.y, t.width, t.height],
                iscrowd: t.crowd,
              })),
            ),
          },
          pictures.flatMap((picture, image_id) =>
            picture.detections.map((d) => ({
              image_id,
              category_id: d.class,
              bbox: [d.x, d.y, d.width, d.height],
              score: d.score,
            })),
          ),
        );
        expect(own.AP).toBeCloseTo(coco.AP, 12);
        expect(own.AP50).toBeCloseTo(coco.AP50, 12);
        for (const [c, each] of own.perClass.entries()) expect(each.AP50).toBeCloseTo(coco.categories[c].AP50, 12);
      }),
    );
  });

  it("are VOC's difficult objects, that any number of finds may be of", () => {
    // Objects of 30 pixels, each in its own quarter of the picture, and detections that overlap at most one of them: in
    // this case COCO and VOC match boxes in the same way.
    const find = fc
      .record({
        quarter: fc.nat(3),
        dx: fc.integer({ min: -9, max: 9 }),
        dy: fc.integer({ min: -9, max: 9 }),
        score: scored,
      })
      .filter(({ dx, dy }) => (30 - Math.abs(dx)) * (30 - Math.abs(dy)) !== 600); // excludes an IoU of exactly .5
    const picture = fc.record({
      kinds: fc.array(fc.constantFrom("none", "counts", "difficult"), { minLength: 4, maxLength: 4 }),
      finds: fc.array(find, { maxLength: 10 }),
    });
    const corner = (quarter: number) => [10 + 64 * (quarter % 2), 10 + 64 * Math.floor(quarter / 2)];
    fc.assert(
      fc.property(fc.array(picture, { minLength: 1, maxLength: 4 }), (pictures) => {
        const size = 128;
        const own = evaluateDetection(
          pictures.map(({ kinds, finds }) => ({
            truths: kinds.flatMap((kind, quarter) => {
              const [x, y] = corner(quarter);
              const place = { class: 0, x: (x + 15) / size, y: (y + 15) / size, width: 30 / size, height: 30 / size };
              if (kind === "none") return [];
              return [kind === "difficult" ? { ...place, ignore: "difficult" as const } : place];
            }),
            detections: finds.map(({ quarter, dx, dy, score }) => {
              const [x, y] = corner(quarter);
              return { class: 0, score, x: (x + dx) / size, y: (y + dy) / size, width: 30 / size, height: 30 / size };
            }),
          })),
          ["a"],
        );
        const truth = new Map(
          pictures.map(({ kinds }, p) => [
            String(p),
            kinds.flatMap((kind, quarter) => {
              const [x, y] = corner(quarter);
              const bbox = [x + 1, y + 1, x + 30, y + 30] as const;
              return kind === "none" ? [] : [{ name: "a", bbox, difficult: kind === "difficult" }];
            }),
          ]),
        );
        const finds = pictures.flatMap((each, p) => each.finds.map((found) => ({ ...found, image: String(p) })));
        const { classes } = evaluateVoc(
          truth,
          new Map([
            [
              "a",
              {
                file: "a.txt",
                images: finds.map(({ image }) => image),
                scores: Float64Array.from(finds, ({ score }) => score),
                boxes: Float64Array.from(
                  finds.flatMap(({ quarter, dx, dy }) => {
                    const [x, y] = corner(quarter);
                    return [x + dx + 1, y + dy + 1, x + dx + 30, y + dy + 30];
                  }),
                ),
                lines: Int32Array.from(finds, (_, i) => i + 1),
              },
            ],
          ]),
        );
        const [voc] = classes;
        expect(own.perClass[0].truths).toBe(voc.truths);
        if (voc.truths === 0) {
          expect(own.AP50).toBe(-1);
          return;
        }
        // COCO's 101 points on VOC's curve.
        let sum = 0;
        for (let r = 0; r <= 100; r++) {
          const reached = [...voc.recall.keys()].filter((i) => voc.recall[i] >= r * 0.01);
          sum += Math.max(0, ...reached.map((i) => voc.precision[i]));
        }
        expect(own.AP50).toBeCloseTo(sum / 101, 12);
      }),
      { numRuns: 300 },
    );
  });
});

describe("evaluateClassification", () => {
  it("counts top 1, top 5 and who is taken for whom", () => {
    const scores = Float32Array.from([
      ...[9, 1, 2, 3, 4, 5, 6], // label 0: first
      ...[1, 2, 3, 4, 5, 6, 7], // label 2: fifth, predicted as 6
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
