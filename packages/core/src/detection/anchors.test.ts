import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { type BoxShape, clusterAnchors, kMeansShapes, meanAnchorIou, meanIouOverCount } from "./anchors.js";

describe.skipIf(!goldens)("k-means on COCO boxes", () => {
  const golden = goldens ? JSON.parse(readFileSync(`${goldens}/yolo/kmeans_coco100.json`, "utf8")) : { cases: [] };
  for (const testCase of golden.cases) {
    for (const update of ["mean", "median"] as const) {
      it(`k = ${testCase.k}, ${update}`, () => {
        const expected = testCase[update];
        const result = kMeansShapes(golden.boxes_wh_relative, testCase.init_centroids, { update });
        expect([...result.assignments]).toEqual(expected.assignments);
        expect(result.iterations).toBe(expected.iterations_until_assignment_unchanged);
        expect(Math.abs(result.meanIou - expected.mean_best_iou)).toBeLessThan(1e-9);
        for (const [c, shape] of result.centroids.entries()) {
          expect(Math.abs(shape[0] - expected.final_centroids[c][0])).toBeLessThan(1e-9);
          expect(Math.abs(shape[1] - expected.final_centroids[c][1])).toBeLessThan(1e-9);
        }
      });
    }
  }

  it("own starts reach at least the given ones' mean IoU", () => {
    for (const testCase of golden.cases) {
      const { meanIou } = clusterAnchors(golden.boxes_wh_relative, testCase.k, { width: 13, height: 13 });
      expect(meanIou).toBeGreaterThan(testCase.mean.mean_best_iou - 0.005);
    }
  });
});

describe("clusterAnchors", () => {
  const shape = fc.tuple(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.double({ min: 0.01, max: 1, noNaN: true }));

  it("is the same for the same seed, sorted by area, and as good as it says", () => {
    fc.assert(
      fc.property(fc.array(shape, { minLength: 5, maxLength: 40 }), fc.integer(), (shapes, seed) => {
        const a = clusterAnchors(shapes, 3, { width: 8, height: 8 }, { seed, restarts: 2 });
        expect(clusterAnchors(shapes, 3, { width: 8, height: 8 }, { seed, restarts: 2 })).toEqual(a);
        const areas = a.anchors.map(([w, h]) => w * h);
        expect([...areas].sort((x, y) => x - y)).toEqual(areas);
        const inCells = shapes.map(([w, h]): BoxShape => [w * 8, h * 8]);
        expect(meanAnchorIou(inCells, a.anchors)).toBeCloseTo(a.meanIou, 9);
      }),
      { numRuns: 50 },
    );
  });

  it("finds groups that are there", () => {
    const shapes: BoxShape[] = [
      [0.1, 0.2],
      [0.1, 0.2],
      [0.5, 0.25],
      [0.5, 0.25],
    ];
    const { anchors, meanIou } = clusterAnchors(shapes, 2, { width: 10, height: 10 });
    expect(anchors).toEqual([
      [1, 2],
      [5, 2.5],
    ]);
    expect(meanIou).toBe(1);
  });

  it("refuses too few boxes and boxes without size", () => {
    expect(() => clusterAnchors([[1, 1]], 5, { width: 8, height: 8 })).toThrow("1 boxes cannot make 5 anchors");
    expect(() => clusterAnchors([[0, 1]], 1, { width: 8, height: 8 })).toThrow("0 x 1");
  });
});

describe("meanIouOverCount", () => {
  it("is what clusterAnchors reaches for each count, and 1 once every shape has its anchor", () => {
    const shapes: BoxShape[] = [
      [0.1, 0.1],
      [0.1, 0.2],
      [0.5, 0.5],
      [0.9, 0.3],
    ];
    const curve = meanIouOverCount(shapes, 2, 9);
    expect(curve.map(({ anchors }) => anchors)).toEqual([2, 3, 4]);
    for (const { anchors, meanIou, shapes: own } of curve) {
      expect(meanIou).toBe(clusterAnchors(shapes, anchors, { width: 1, height: 1 }).meanIou);
      expect(meanAnchorIou(shapes, own)).toBeCloseTo(meanIou, 12);
    }
    expect(curve[2].meanIou).toBeCloseTo(1, 12);
    expect(curve[1].meanIou).toBeGreaterThan(curve[0].meanIou);
    expect(() => meanIouOverCount(shapes, 5, 6)).toThrow("4 boxes cannot make 5 anchors");
  });
});
