import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluateCalibration, softmaxRows } from "./calibration.js";

describe("calibration error", () => {
  it("is what one counts by hand", () => {
    // Confidences .9 right, .8 wrong, .6 right, .5 (class 0 of equals) wrong; two bins: (0, .5] and (.5, 1].
    const probabilities = [0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.5, 0.5];
    const { ECE, MCE, bins } = evaluateCalibration(probabilities, [0, 0, 0, 1], 2, 2);
    expect(bins.map(({ images }) => images)).toEqual([1, 3]);
    expect(bins[1].confidence).toBeCloseTo(2.3 / 3, 12);
    expect(bins[1].accuracy).toBeCloseTo(2 / 3, 12);
    expect(ECE).toBeCloseTo((1 / 4) * 0.5 + (3 / 4) * (0.1 / 1), 12);
    expect(MCE).toBeCloseTo(0.5, 12);
  });

  it("is 0 for certainty that is right, 1 for certainty that is wrong, whatever the order", () => {
    const classes = 4;
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 20 }),
        (labels, bins) => {
          const sure = (shift: number) =>
            labels.flatMap((l) => Array.from({ length: classes }, (_, c) => (c === (l + shift) % classes ? 1 : 0)));
          expect(evaluateCalibration(sure(0), labels, classes, bins)).toMatchObject({ ECE: 0, MCE: 0 });
          expect(evaluateCalibration(sure(1), labels, classes, bins).ECE).toBeCloseTo(1, 12);
        },
      ),
    );
  });

  it("does not depend on the order of pictures, and one bin is |accuracy - mean confidence|", () => {
    const picture = fc.tuple(fc.integer({ min: 0, max: 100 }), fc.nat(1));
    fc.assert(
      fc.property(fc.array(picture, { minLength: 1, maxLength: 30 }), (list) => {
        const score = (pictures: typeof list, bins: number) =>
          evaluateCalibration(
            pictures.flatMap(([percent]) => [percent / 100, 1 - percent / 100]),
            pictures.map(([, label]) => label),
            2,
            bins,
          );
        expect(score([...list].reverse(), 10).ECE).toBeCloseTo(score(list, 10).ECE, 12);
        const most = list.map(([percent]) => Math.max(percent, 100 - percent) / 100);
        const right = list.filter(([percent, label]) => (percent >= 100 - percent ? 0 : 1) === label).length;
        const mean = most.reduce((sum, p) => sum + p, 0) / list.length;
        expect(score(list, 1).ECE).toBeCloseTo(Math.abs(right / list.length - mean), 9);
      }),
    );
  });

  it("takes logits through softmax, and refuses them bare", () => {
    const probabilities = softmaxRows([1000, 1000, 0, Math.log(3)], 2);
    expect([...probabilities].map((p) => Number(p.toFixed(12)))).toEqual([0.5, 0.5, 0.25, 0.75]);
    expect(() => evaluateCalibration([2, -1], [0], 2)).toThrow("image 0 has 2 for class 0; a probability lies in 0..1");
    expect(() => evaluateCalibration([1], [0], 2)).toThrow("need 2 probabilities, got 1");
    expect(() => evaluateCalibration([], [], 2, 0)).toThrow("bins is 0");
    expect(evaluateCalibration([], [], 2).ECE).toBe(0);
  });
});
