import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import type { VocDetections, VocObject } from "../data/index.js";
import { evaluateVoc } from "./voc.js";

interface Found {
  image: string;
  name: string;
  score: number;
  bbox: number[];
}

function columns(name: string, found: readonly Found[]): VocDetections {
  const own = found.filter((each) => each.name === name);
  return {
    file: `comp4_det_test_${name}.txt`,
    images: own.map(({ image }) => image),
    scores: Float64Array.from(own, ({ score }) => score),
    boxes: Float64Array.from(own.flatMap(({ bbox }) => bbox)),
    lines: Int32Array.from(own, (_, i) => i + 1),
  };
}

const byClass = (found: readonly Found[]) =>
  new Map([...new Set(found.map(({ name }) => name))].map((name) => [name, columns(name, found)]));

interface GoldenClass {
  npos_non_difficult: number;
  n_det: number;
  n_tp?: number;
  recall?: number[];
  precision?: number[];
  ap_11point_voc2007_stable_sort?: number;
  ap_area_voc2010_stable_sort?: number;
}

describe.skipIf(!goldens)("VOC average precision against py-faster-rcnn", () => {
  for (const name of ["cartucho_sample", "cartucho_sample_difficult20", "rafaelpadilla_sample"]) {
    it(name, () => {
      const read = (part: string) => JSON.parse(readFileSync(`${goldens}/voc/${name}.${part}.json`, "utf8"));
      const input = read("input");
      const truth = new Map<string, VocObject[]>(Object.entries(input.gt));
      const { thresholds } = read("golden");
      expect(Object.keys(thresholds).length).toBeGreaterThan(0);
      for (const [key, golden] of Object.entries<Record<string, number> & { classes: Record<string, GoldenClass> }>(
        thresholds,
      )) {
        const result = evaluateVoc(truth, byClass(input.dt), Number(key.slice("iou_".length)));
        expect(result.mAP11).toBeCloseTo(golden.map_11point_voc2007_stable_sort, 12);
        expect(result.mAPArea).toBeCloseTo(golden.map_area_voc2010_stable_sort, 12);
        const ours = new Map(result.classes.map((each) => [each.name, each]));
        for (const [className, theirs] of Object.entries(golden.classes)) {
          const own = ours.get(className)!;
          expect(own, className).toBeDefined();
          expect(own.truths, className).toBe(theirs.npos_non_difficult);
          expect(own.detections, className).toBe(theirs.n_det);
          if (theirs.n_tp !== undefined) expect(own.TP, className).toBe(theirs.n_tp);
          if (theirs.ap_11point_voc2007_stable_sort !== undefined) {
            expect(own.AP11, className).toBeCloseTo(theirs.ap_11point_voc2007_stable_sort, 12);
            expect(own.APArea, className).toBeCloseTo(theirs.ap_area_voc2010_stable_sort!, 12);
          }
        }
      }
    });
  }

  it("the published figures of the sample that ties decide: 24.57 % and 26.84 %", () => {
    const input = JSON.parse(readFileSync(`${goldens}/voc/rafaelpadilla_sample.input.json`, "utf8"));
    const result = evaluateVoc(new Map(Object.entries(input.gt)), byClass(input.dt), 0.3);
    expect((100 * result.mAPArea).toFixed(2)).toBe("24.57");
    expect((100 * result.mAP11).toFixed(2)).toBe("26.84");
  });
});

describe("VOC average precision", () => {
  const object = (x: number, difficult = false): VocObject => ({ name: "a", bbox: [x, 0, x + 9, 9], difficult });
  const found = (x: number, score: number, image = "1"): Found => ({ image, name: "a", score, bbox: [x, 0, x + 9, 9] });
  const figures = (truth: readonly VocObject[], list: readonly Found[]) =>
    evaluateVoc(new Map([["1", truth]]), byClass(list)).classes[0];

  it("takes no IoU of exactly the threshold", () => {
    // 10 x 10 pixels over 10 x 20: IoU 1/2.
    const twice: Found = { image: "1", name: "a", score: 1, bbox: [0, 0, 19, 9] };
    expect(figures([object(0)], [twice])).toMatchObject({ TP: 0, FP: 1 });
    expect(evaluateVoc(new Map([["1", [object(0)]]]), byClass([twice]), 0.499).classes[0]).toMatchObject({ TP: 1 });
  });

  it("counts a second find as false, one on a difficult object neither way", () => {
    expect(figures([object(0)], [found(0, 0.9), found(1, 0.8)])).toMatchObject({ TP: 1, FP: 1, APArea: 1 });
    expect(figures([object(0), object(50, true)], [found(50, 0.9), found(50, 0.8), found(0, 0.7)])).toMatchObject({
      truths: 1,
      TP: 1,
      FP: 0,
      APArea: 1,
    });
  });

  it("keeps the order of equal scores", () => {
    const right = found(0, 0.5);
    const wrong = found(500, 0.5);
    expect(figures([object(0)], [right, wrong]).APArea).toBe(1);
    expect(figures([object(0)], [wrong, right]).APArea).toBe(0.5);
  });

  it("leaves classes without objects out of the mean, but not those without detections", () => {
    const truth = new Map([["1", [object(0), { ...object(80), name: "b" }, { ...object(80, true), name: "c" }]]]);
    const result = evaluateVoc(truth, byClass([found(0, 1), { ...found(0, 1), name: "d" }]));
    expect(result.classes.map(({ name, truths }) => [name, truths])).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 0],
      ["d", 0],
    ]);
    expect(result.mAPArea).toBe(0.5);
    expect(result.classes[3].APArea).toBeNaN();
    expect(evaluateVoc(new Map(), new Map()).mAP11).toBeNaN();
  });

  it("names the row of a picture that is not evaluated", () => {
    expect(() => figures([object(0)], [found(0, 1), found(0, 1, "7")])).toThrow(
      "comp4_det_test_a.txt:2: picture 7 is not among the 1",
    );
  });

  it("does not depend on the order of distinctly scored detections, nor on the names of pictures", () => {
    const place = fc.tuple(fc.constantFrom("1", "2", "3"), fc.nat(20));
    fc.assert(
      fc.property(fc.array(place, { maxLength: 20 }), fc.array(place, { maxLength: 30 }), (objects, guesses) => {
        const score = (rename: (image: string) => string, order: (list: Found[]) => Found[]) => {
          const truth = new Map<string, VocObject[]>(["1", "2", "3"].map((image) => [rename(image), []]));
          for (const [image, x] of objects) truth.get(rename(image))!.push(object(20 * x));
          const list = order(guesses.map(([image, x], i) => found(20 * x + 3, 0.9 - i / 100, rename(image))));
          return evaluateVoc(truth, new Map([["a", columns("a", list)]]));
        };
        const once = score(
          (image) => image,
          (list) => list,
        );
        const again = score(
          (image) => `${4 - Number(image)}.jpg`,
          (list) => [...list].reverse(),
        );
        expect(again).toEqual(once);
      }),
    );
  });

  it("is 1 when all is found, and does not fall when something missed is found first", () => {
    const place = fc.tuple(fc.constantFrom("1", "2", "3"), fc.nat(20));
    const places = fc.uniqueArray(place, { selector: String, minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(places, fc.array(place, { maxLength: 30 }), (objects, guesses) => {
        const truth = new Map<string, VocObject[]>(["1", "2", "3"].map((image) => [image, []]));
        for (const [image, x] of objects) truth.get(image)!.push(object(20 * x));
        const all = objects.map(([image, x], i) => found(20 * x, 1 - i / 100, image));
        const best = evaluateVoc(truth, byClass(all));
        expect(best.mAP11).toBeCloseTo(1, 12);
        expect(best.mAPArea).toBeCloseTo(1, 12);
        const list = guesses.map(([image, x], i) => found(20 * x + 3, 0.9 - i / 100, image));
        truth.get("1")!.push(object(9000));
        const before = evaluateVoc(truth, new Map([["a", columns("a", list)]]));
        const after = evaluateVoc(truth, byClass([...list, found(9000, 1)]));
        for (const mean of ["mAP11", "mAPArea"] as const) expect(after[mean]).toBeGreaterThan(before[mean] - 1e-12);
      }),
    );
  });
});
