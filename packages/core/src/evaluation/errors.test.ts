import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { accumulateCoco, type CocoDetection, type CocoGroundTruth, evaluateCoco } from "./coco.js";
import { confidenceCurve, detectionConfusion } from "./confusion.js";
import { detectionErrors, errorKinds, pictureErrors } from "./errors.js";

const load = (name: string) => JSON.parse(readFileSync(`${goldens}/coco/${name}.json`, "utf8"));

const box = fc
  .tuple(fc.nat(60), fc.nat(60), fc.integer({ min: 4, max: 50 }), fc.integer({ min: 4, max: 50 }))
  .map((b): number[] => b);
const place = { image_id: fc.nat(2), category_id: fc.integer({ min: 1, max: 3 }), bbox: box };
const truths = fc.array(fc.record({ ...place, iscrowd: fc.constantFrom(0, 0, 0, 1) }), { maxLength: 15 });
const found = fc.array(fc.record({ ...place, score: fc.nat(20).map((s) => s / 20) }), { maxLength: 30 });
const world = (annotations: CocoGroundTruth["annotations"]): CocoGroundTruth => ({
  images: [0, 1, 2].map((id) => ({ id })),
  categories: [1, 2, 3].map((id) => ({ id })),
  annotations,
});
const at = (x: number, category_id = 1, width = 10) => ({ image_id: 0, category_id, bbox: [x, 0, width, 10] });

describe("error breakdown", () => {
  it.skipIf(!goldens)("starts from COCO's AP at IoU .5", () => {
    for (const name of ["val2014_100", "mot17_dpm_09_11", "synth_500img_20cat_20k"]) {
      const { AP, errors } = detectionErrors(load(`${name}.gt`), load(`${name}.dt`));
      expect(Math.abs(AP - load(`${name}.golden`).stats.AP50), name).toBeLessThanOrEqual(1e-12);
      for (const kind of errorKinds) expect(errors[kind].costAP).toBeGreaterThanOrEqual(0);
    }
  });

  it("names the cause of every error, and its cost", () => {
    const truth = world([at(0), at(100), at(200, 2), at(300)]);
    const list: CocoDetection[] = [
      { ...at(0), score: 0.9 },
      { ...at(1), score: 0.8 }, // duplicate
      { ...at(106), score: 0.7 }, // localisation: IoU 1/4
      { ...at(200), score: 0.6 }, // class
      { ...at(206, 1), score: 0.5 }, // both: IoU 1/4 with class 2
      { ...at(500), score: 0.4 }, // background
    ];
    const { AP, errors } = detectionErrors(truth, list);
    for (const kind of errorKinds) expect(errors[kind].count, kind).toBe(1);
    // Class 1: the first detection finds 1 of 3 truths; class 2: none. Recalls 0 to .33 have precision 1.
    expect(AP).toBeCloseTo(34 / 101 / 2, 12);
    expect(errors.missed.costAP).toBeCloseTo((51 - 34) / 101 / 2, 12); // 1 of 2
    expect(errors.class.costAP).toBeCloseTo(1 / 2, 12); // class 2 becomes perfect
    expect(errors.localisation.costAP).toBeCloseTo((33 * (2 / 3)) / 101 / 2, 12); // recalls .34 to .66
    for (const kind of ["duplicate", "background", "both"] as const) expect(errors[kind].costAP).toBe(0);
  });

  it("costs what wrong detections ahead of the right ones take away", () => {
    const wrong = { ...at(400), score: 0.9 };
    const { AP, errors } = detectionErrors(world([at(0)]), [wrong, { ...at(0), score: 0.5 }]);
    expect(AP).toBeCloseTo(0.5, 12);
    expect(errors.background).toEqual({ count: 1, costAP: expect.closeTo(0.5, 12) });
    expect(detectionErrors(world([at(0)]), []).errors.missed.costAP).toBe(1);
    expect(detectionErrors(world([]), [wrong]).AP).toBe(-1);
  });

  it("never has a negative cost, counts every detection once, and none when all is found", () => {
    fc.assert(
      fc.property(truths, found, (list, detections) => {
        const { AP, errors } = detectionErrors(world(list), detections);
        expect(AP).toBeCloseTo(evaluateCoco(world(list), detections).AP50, 12);
        for (const kind of errorKinds) expect(errors[kind].costAP).toBeGreaterThanOrEqual(-1e-12);
        const verdicts = accumulateCoco(world(list), detections).flatMap((c) => [...c.accumulation.verdicts]);
        const wrong = errorKinds.filter((kind) => kind !== "missed").reduce((sum, kind) => sum + errors[kind].count, 0);
        expect(wrong).toBe(verdicts.filter((verdict) => verdict === 0).length);
        const own = list.filter(({ iscrowd }) => !iscrowd).map((t, i) => ({ ...t, score: 1 - i / 100 }));
        const perfect = detectionErrors(world(list.filter(({ iscrowd }) => !iscrowd)), own);
        for (const kind of errorKinds) expect(perfect.errors[kind]).toEqual({ count: 0, costAP: 0 });
      }),
    );
  });
});

describe("confusion matrix with background", () => {
  it("has truths in rows, detections in columns, background last", () => {
    const { counts, classes } = detectionConfusion(world([at(0), at(100, 2), at(300, 3)]), [
      { ...at(0), score: 0.9 },
      { ...at(100, 1), score: 0.8 },
      { ...at(600, 2), score: 0.7 },
      { ...at(300, 3), score: 0.4 },
    ]);
    expect(classes).toEqual(["1", "2", "3"]);
    expect([...counts]).toEqual([...[1, 0, 0, 0], ...[1, 0, 0, 0], ...[0, 0, 0, 1], ...[0, 1, 0, 0]]);
  });

  it("adds up to the truths and the detections, with what COCO calls right on the diagonal", () => {
    fc.assert(
      fc.property(truths, found, fc.constantFrom(0, 0.5), (list, detections, confidence) => {
        const { counts } = detectionConfusion(world(list), detections, { confidence });
        const kept = detections.filter(({ score }) => score >= confidence);
        const judged = accumulateCoco(world(list), kept);
        for (const [c, { accumulation, id }] of judged.entries()) {
          const verdicts = [...accumulation.verdicts];
          expect(counts[c * 4 + c]).toBe(verdicts.filter((v) => v === 1).length);
          const row = counts.subarray(c * 4, c * 4 + 4).reduce((a, b) => a + b, 0);
          expect(row).toBe(list.filter((t) => !t.iscrowd && t.category_id === id).length);
          const column = [0, 1, 2, 3].reduce((sum, r) => sum + counts[r * 4 + c], 0);
          expect(column).toBe(verdicts.filter((v) => v !== 2).length);
        }
        expect(counts[15]).toBe(0);
      }),
    );
  });
});

describe("F1 over confidence", () => {
  it("is what counting the kept detections gives, at every confidence", () => {
    fc.assert(
      fc.property(truths, found, (list, detections) => {
        const curve = confidenceCurve(accumulateCoco(world(list), detections).map((c) => c.accumulation));
        expect(curve.map(({ confidence }) => Number(confidence.toFixed(12)))).toEqual(
          Array.from({ length: 101 }, (_, i) => i / 100),
        );
        for (const step of [0, 30, 50, 100]) {
          const { confidence, f1, recall, precision } = curve[step];
          const kept = detections.filter(({ score }) => score >= confidence);
          const verdicts = accumulateCoco(world(list), kept).flatMap((c) => [...c.accumulation.verdicts]);
          const right = verdicts.filter((v) => v === 1).length;
          const wrong = verdicts.filter((v) => v === 0).length;
          const all = list.filter(({ iscrowd }) => !iscrowd).length;
          expect(recall).toBeCloseTo(all === 0 ? 0 : right / all, 12);
          expect(precision).toBeCloseTo(right === 0 ? 0 : right / (right + wrong), 12);
          expect(f1).toBeCloseTo(right === 0 ? 0 : (2 * right) / (right + wrong + all), 12);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("the errors of one picture", () => {
  const truth = (x: number, kind = 0, ignore?: "crowd") => ({
    ...{ class: kind, x: x + 0.05, y: 0.05, width: 0.1, height: 0.1 },
    ...(ignore && { ignore }),
  });
  const find = (x: number, score: number, kind = 0) => ({ class: kind, score, x, y: 0, width: 0.1, height: 0.1 });

  it("are named box by box, in the order of the boxes", () => {
    const truths = [truth(0), truth(0.2), truth(0.4, 1), truth(0.6), truth(0.8, 0, "crowd")];
    const detections = [
      find(0.95, 0.4),
      find(0.01, 0.8),
      find(0, 0.9),
      find(0.26, 0.7),
      find(0.4, 0.6),
      find(0.45, 0.5, 2),
      find(0.8, 0.3),
    ];
    expect(pictureErrors({ truths, detections })).toEqual({
      detections: ["background", "duplicate", "right", "localisation", "class", "both", "left out"],
      missed: [3],
    });
  });

  it("are as many as those that are counted over all", () => {
    fc.assert(
      fc.property(truths, found, (annotations, list) => {
        const one = annotations.map((each) => ({ ...each, image_id: 0 }));
        const boxes = list.map((each) => ({ ...each, image_id: 0 }));
        const counted = detectionErrors(world(one), boxes).errors;
        const picture = pictureErrors({
          truths: one.map(({ bbox: [x, y, width, height], category_id, iscrowd }) => ({
            ...{ class: category_id, x: x + width / 2, y: y + height / 2, width, height },
            ...(iscrowd ? { ignore: "crowd" as const } : {}),
          })),
          detections: boxes.map(({ bbox: [x, y, width, height], category_id, score }) => ({
            ...{ class: category_id, score, x, y, width, height },
          })),
        });
        for (const kind of errorKinds) {
          const own =
            kind === "missed" ? picture.missed.length : picture.detections.filter((each) => each === kind).length;
          expect(own, kind).toBe(counted[kind].count);
        }
      }),
    );
  });
});
