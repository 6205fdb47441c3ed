import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import {
  accumulateCoco,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoStats,
  evaluateCoco,
  matchCoco,
} from "./coco.js";
import { cocoParameters, iouThresholds, recallThresholds } from "./coco-category.js";
import { evaluateCocoMatches, shardCoco } from "./coco-shards.js";

const load = (name: string) => JSON.parse(readFileSync(`${goldens}/coco/${name}.json`, "utf8"));
const figures = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"] as const;

function near(ours: CocoStats, theirs: CocoStats, where: string): void {
  for (const f of figures) expect(Math.abs(ours[f] - theirs[f]), `${where} ${f}`).toBeLessThanOrEqual(1e-12);
}

interface Golden {
  stats: CocoStats;
  per_category: (CocoStats & { category_id: number; name: string })[];
}

function check(truth: CocoGroundTruth, detections: CocoDetection[], golden: Golden, where: string): void {
  const result = evaluateCoco(truth, detections);
  near(result, golden.stats, where);
  expect(result.categories.map((c) => c.id)).toEqual(golden.per_category.map((c) => c.category_id));
  for (const [i, category] of result.categories.entries()) {
    near(category, golden.per_category[i], `${where} category ${category.id}`);
    expect(category.name).toBe(golden.per_category[i].name);
  }
}

describe.skipIf(!goldens)("COCO metrics against pycocotools", () => {
  for (const name of ["val2014_100", "mot17_dpm_09_11", "synth_500img_20cat_20k"]) {
    it(name, () => {
      const golden = load(`${name}.golden`);
      const [truth, detections] = [load(`${name}.gt`), load(`${name}.dt`)];
      expect(iouThresholds).toEqual(golden.iouThrs);
      expect(recallThresholds).toEqual(golden.recThrs);
      check(truth, detections, golden, name);
      const curves = accumulateCoco(truth, detections);
      for (const [k, category] of golden.per_category.entries()) {
        if (category.precision_iou50_101 === undefined) continue;
        const { precision, recall, scoreAtRecall, positives } = curves[k].accumulation;
        if (positives[0] === 0) continue;
        for (let r = 0; r < 101; r++) {
          expect(precision[r]).toBeCloseTo(category.precision_iou50_101[r], 12);
          expect(precision[5 * 101 + r]).toBeCloseTo(category.precision_iou75_101[r], 12);
          expect(scoreAtRecall[r]).toBe(category.score_at_recall_iou50_101[r]);
        }
        for (let t = 0; t < 10; t++) expect(recall[t]).toBeCloseTo(category.recall_per_iou_maxDet100[t], 12);
      }
    });
  }

  const edges = goldens ? load("edge_cases") : {};
  const { cases } = goldens ? load("edge_cases.golden") : { cases: {} };
  for (const [name, { gt, dt }] of Object.entries<{ gt: CocoGroundTruth; dt: CocoDetection[] }>(edges)) {
    it(`edge: ${name}`, () => check(gt, dt, cases[name], name));
  }
});

describe("COCO metrics", () => {
  const box = fc
    .tuple(fc.nat(200), fc.nat(200), fc.integer({ min: 4, max: 150 }), fc.integer({ min: 4, max: 150 }))
    .map((b): number[] => b);
  const place = { image_id: fc.nat(3), category_id: fc.integer({ min: 1, max: 3 }), bbox: box };
  const truths = fc.array(fc.record(place), { maxLength: 25 });
  const found = fc.array(fc.record({ ...place, score: fc.nat(1000).map((s) => s / 1000) }), { maxLength: 40 });
  const world = (annotations: CocoGroundTruth["annotations"]): CocoGroundTruth => ({
    images: [0, 1, 2, 3].map((id) => ({ id })),
    categories: [1, 2, 3].map((id) => ({ id })),
    annotations,
  });

  it("are 1 when everything is found just so", () => {
    fc.assert(
      fc.property(truths, (list) => {
        const result = evaluateCoco(
          world(list),
          list.map((t, i) => ({ ...t, score: 1 - i / 100 })),
        );
        for (const figure of ["AP", "AP50", "AP75", "AR100"] as const) {
          expect(result[figure]).toBeCloseTo(list.length === 0 ? -1 : 1, 9);
        }
      }),
    );
  });

  it("depend neither on the order of distinctly scored detections nor on the scale of scores", () => {
    fc.assert(
      fc.property(truths, found, fc.infiniteStream(fc.nat()), (list, detections, random) => {
        const distinct = detections.map((d, i) => ({ ...d, score: d.score + i * 1e-6 }));
        const key = new Map<object, number>();
        for (const d of distinct) key.set(d, random.next().value);
        const shuffled = [...distinct].sort((a, b) => key.get(a)! - key.get(b)!);
        const a = evaluateCoco(world(list), distinct);
        const b = evaluateCoco(
          world(list),
          shuffled.map((d) => ({ ...d, score: 5 * d.score - 3 })),
        );
        expect(b).toEqual(a);
      }),
    );
  });

  it("do not fall when a truth that was missed is found first of all", () => {
    fc.assert(
      fc.property(truths, found, (list, detections) => {
        fc.pre(list.length > 0);
        const alone = { ...list[0], bbox: [1000, 1000, 50, 50] };
        const withMissed = world([...list, alone]);
        const before = evaluateCoco(withMissed, detections);
        const after = evaluateCoco(withMissed, [...detections, { ...alone, score: 2 }]);
        expect(after.AP50).toBeGreaterThanOrEqual(before.AP50 - 1e-12);
        expect(after.AR100).toBeGreaterThan(before.AR100);
      }),
    );
  });

  it("are the same to the last bit when pictures are matched in shards, whatever their number and order", () => {
    fc.assert(
      fc.property(truths, found, fc.integer({ min: 1, max: 6 }), fc.boolean(), (list, detections, count, backwards) => {
        const shards = shardCoco(world(list), detections, count);
        expect(shards.flatMap((shard) => shard.detections)).toHaveLength(detections.length);
        const matches = shards.map((shard) => structuredClone(matchCoco(shard.truth, shard.detections)));
        if (backwards) matches.reverse();
        expect(evaluateCocoMatches(matches)).toEqual(evaluateCoco(world(list), detections));
      }),
    );
    const empty = { images: [], categories: [{ id: 1 }], annotations: [] };
    expect(evaluateCocoMatches([matchCoco(empty, [])])).toEqual(evaluateCoco(empty, []));
    const all = matchCoco(world([]), []);
    expect(() => evaluateCocoMatches([all, all])).toThrow("two shards have picture 0 between");
    const other = matchCoco({ ...world([]), images: [{ id: 9 }], categories: [{ id: 7 }] }, []);
    expect(() => evaluateCocoMatches([all, other])).toThrow("the shards have different categories");
  });

  it("have thresholds and numbers of detections as options", () => {
    const best = fc.property(truths, found, fc.integer({ min: 1, max: 3 }), (annotations, detections, most) => {
      const list = world(annotations);
      const whole = evaluateCoco(list, detections);
      const at50 = evaluateCoco(list, detections, { iouThresholds: [0.5] });
      expect([at50.AP, at50.AP50, at50.AP75]).toEqual([whole.AP50, whole.AP50, -1]);
      expect(evaluateCoco(list, detections, { maxDetections: [1, 10, 100] })).toEqual(whole);
      // With a maximum, the result is the same as without the picture's and category's other detections.
      const ranked = [...detections].sort((a, b) => b.score - a.score);
      const kept = ranked.filter((d, i) => {
        const before = ranked.slice(0, i);
        return before.filter((o) => o.image_id === d.image_id && o.category_id === d.category_id).length < most;
      });
      const few = evaluateCoco(list, detections, { maxDetections: [most, most + 1, 200] });
      const left = evaluateCoco(list, kept, { maxDetections: [1, 2, 3] });
      expect([few.AR1, few.AP]).toEqual([left.AR100, whole.AP]);
    });
    fc.assert(best);
    const refuse = (options: Parameters<typeof cocoParameters>[0]) => () => cocoParameters(options);
    expect(refuse({ iouThresholds: [0.5, 0.5] })).toThrow(
      "coco: iouThresholds is [0.5,0.5]; it must be numbers above 0",
    );
    expect(refuse({ recallThresholds: [] })).toThrow("recallThresholds is []");
    expect(refuse({ maxDetections: [1, 10, 1.5] })).toThrow("maxDetections is [1,10,1.5]; it must be three integers");
  });

  it("say which detection or box is wrong", () => {
    const good = { image_id: 0, category_id: 1, bbox: [0, 0, 5, 5], score: 0.5 };
    expect(() => evaluateCoco(world([]), [good, { ...good, image_id: 9 }])).toThrow("detection 1 is of picture 9");
    expect(() => evaluateCoco(world([]), [{ ...good, score: Number.NaN }])).toThrow("detection 0 has score NaN");
    expect(() => evaluateCoco(world([]), [{ ...good, bbox: [1, 2, 3] }])).toThrow("bbox [1,2,3]");
    expect(() => evaluateCoco(world([{ ...good, bbox: [1, 2, Number.NaN, 4] }]), [])).toThrow("truth of picture 0");
  });
});
