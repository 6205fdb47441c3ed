import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goldens } from "../../../../test/shared.js";
import { iouCorners, toSourcePixels } from "./boxes.js";
import { type DecodedBoxes, decodeBoxes, detect, toDetections, undoLetterbox } from "./decode.js";
import { nms, nmsByObjectness, nmsPerClass } from "./nms.js";

const load = (name: string) => JSON.parse(readFileSync(`${goldens}/yolo/${name}`, "utf8"));

/** Converts darknet's [anchor, entry, y, x] to our [y, x, anchor, entry]. */
function toNhwc(input: readonly number[], height: number, width: number, channels: number): Float32Array {
  const output = new Float32Array(input.length);
  for (let c = 0; c < channels; c++) {
    for (let p = 0; p < height * width; p++) output[p * channels + c] = input[c * height * width + p];
  }
  return output;
}

function rowsOf({ count, classes, boxes, objectness, probabilities }: DecodedBoxes): number[][] {
  const rows: number[][] = [];
  for (let i = 0; i < count; i++) {
    const probs = [...probabilities.subarray(i * classes, (i + 1) * classes)];
    if (probs.some((p) => p > 0)) rows.push([...boxes.subarray(4 * i, 4 * i + 4), objectness[i], ...probs]);
  }
  return rows;
}

const byPlace = (a: number[], b: number[]) => {
  for (let i = 0; i < a.length; i++) if (Math.abs(a[i] - b[i]) > 1e-4) return a[i] - b[i];
  return 0;
};

describe.skipIf(!goldens)("darknet's decode and suppression", () => {
  const golden = goldens ? load("decode_nms_voc_13x13.json") : { cases: [] };
  const anchors: [number, number][] = [];
  for (let i = 0; i < (golden.anchors?.length ?? 0); i += 2) anchors.push([golden.anchors[i], golden.anchors[i + 1]]);
  const head = { anchors, classes: golden.classes };
  const channels = anchors.length * (5 + golden.classes);

  for (const testCase of golden.cases) {
    it(`threshold ${testCase.thresh}, ${testCase.nms_kind} ${testCase.nms}`, () => {
      const output = toNhwc(golden.input, golden.h, golden.w, channels);
      const decoded = decodeBoxes(output, [golden.h, golden.w, channels], head, testCase.thresh);
      const [pictureWidth, pictureHeight] = golden.image_wh;
      const [inputWidth, inputHeight] = golden.net_wh;
      undoLetterbox(
        decoded,
        { width: pictureWidth, height: pictureHeight },
        { width: inputWidth, height: inputHeight },
      );
      if (testCase.nms_kind.startsWith("do_nms_sort")) nmsPerClass(decoded, testCase.nms);
      else if (testCase.nms_kind.startsWith("do_nms_obj")) nmsByObjectness(decoded, testCase.nms);
      const ours = rowsOf(decoded).sort(byPlace);
      const theirs = [...testCase.detections].sort(byPlace);
      expect(ours.length).toBe(theirs.length);
      for (let i = 0; i < ours.length; i++) {
        for (let j = 0; j < ours[i].length; j++) {
          expect(Math.abs(ours[i][j] - theirs[i][j])).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(theirs[i][j])));
        }
      }
    });
  }

  it("torchvision's nms and batched_nms", () => {
    let previous: { boxes: number[][]; scores: number[]; classes: number[] } | undefined;
    const cases = load("nms_torchvision.json").cases;
    for (const testCase of cases) {
      if (typeof testCase.boxes !== "string") previous = testCase;
      const { boxes, scores, classes } = previous!;
      expect([...nms(boxes.flat(), scores, testCase.iou_threshold)]).toEqual(testCase.keep);
      expect([...nms(boxes.flat(), scores, testCase.iou_threshold, classes)]).toEqual(testCase.batched_keep);
    }
    expect(cases.length).toBe(15);
  });
});

describe("nms", () => {
  const box = fc
    .tuple(fc.nat(40), fc.nat(40), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 }))
    .map(([x, y, w, h]) => [x, y, x + w, y + h]);
  const entry = fc.record({ box, score: fc.nat(8).map((s) => s / 8), class: fc.nat(2) });

  it("keeps exactly what the definition says, whatever the boxes", () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 30 }),
        fc.constantFrom(0, 0.3, 0.5, 1),
        fc.boolean(),
        (list, t, batched) => {
          // Definition: i is kept iff no kept j of its class that precedes it overlaps it by more than t.
          const before = (j: number, i: number) =>
            list[j].score > list[i].score || (list[j].score === list[i].score && j < i);
          const verdict = new Map<number, boolean>();
          const isKept = (i: number): boolean => {
            let known = verdict.get(i);
            if (known === undefined) {
              known = !list.some((other, j) => {
                if (!before(j, i) || (batched && other.class !== list[i].class)) return false;
                const [a, b] = [other.box, list[i].box];
                return iouCorners(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]) > t && isKept(j);
              });
              verdict.set(i, known);
            }
            return known;
          };
          const expected = list
            .map((_, i) => i)
            .filter(isKept)
            .sort((a, b) => (before(a, b) ? -1 : 1));
          const classes = batched ? list.map((e) => e.class) : undefined;
          const got = nms(
            list.flatMap((e) => e.box),
            list.map((e) => e.score),
            t,
            classes,
          );
          expect([...got]).toEqual(expected);
        },
      ),
    );
  });

  it("agrees with the per-class form on decoded boxes", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (list) => {
        const decoded: DecodedBoxes = {
          count: list.length,
          classes: 3,
          boxes: Float64Array.from(
            list.flatMap(({ box: [x1, y1, x2, y2] }) => [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]),
          ),
          objectness: new Float64Array(list.length).fill(1),
          probabilities: new Float64Array(3 * list.length),
        };
        for (const [i, { score, class: c }] of list.entries()) decoded.probabilities[3 * i + c] = score;
        const expected = nms(
          list.flatMap((e) => e.box),
          list.map((e) => e.score),
          0.4,
          list.map((e) => e.class),
        );
        nmsPerClass(decoded, 0.4);
        const left = list.map((_, i) => i).filter((i) => decoded.probabilities[3 * i + list[i].class] > 0);
        expect(left).toEqual([...expected].filter((i) => list[i].score > 0).sort((a, b) => a - b));
      }),
    );
  });

  it("refuses a threshold outside 0..1", () => {
    expect(() => nms([], [], 1.5)).toThrow("IoU threshold is 1.5");
  });
});

describe("detect", () => {
  // One cell of a 2 x 2 map: second row, first column; anchor 2 x 1 cells; two classes.
  const map = () => {
    const output = new Float32Array(4 * 7);
    for (let cell = 0; cell < 4; cell++) output[cell * 7 + 4] = -20;
    output.set([0, 0, 0, 0, 20, 5, -5], 2 * 7);
    return output;
  };
  const head = { anchors: [[2, 1]] as const, classes: 2 };

  it("puts the box where it belongs and clips it", () => {
    const [unclipped] = detect(map(), [2, 2, 7], head, { clip: false });
    expect(unclipped.class).toBe(0);
    expect(unclipped.score).toBeCloseTo(0.99995, 4);
    expect([unclipped.x, unclipped.y, unclipped.width, unclipped.height]).toEqual([-0.25, 0.5, 1, 0.5]);
    const [clipped] = detect(map(), [2, 2, 7], head);
    expect([clipped.x, clipped.y, clipped.width, clipped.height]).toEqual([0, 0.5, 0.75, 0.5]);
    const [pixels] = toSourcePixels([unclipped], 640, 480);
    expect([pixels.x, pixels.y, pixels.width, pixels.height]).toEqual([0, 240, 480, 240]);
  });

  it("reaches half a cell over its border with the scaled decoder", () => {
    const output = map();
    output[2 * 7] = -30;
    output[2 * 7 + 1] = 30;
    const decoded = decodeBoxes(output, [2, 2, 7], { ...head, decoder: "scaled" }, 0.5);
    expect(decoded.boxes[0]).toBeCloseTo(-0.25, 6);
    expect(decoded.boxes[1]).toBeCloseTo(1.25, 6);
  });

  it("keeps every class above the threshold of the same box, best first", () => {
    const output = map();
    output.set([2, 2.1], 2 * 7 + 5);
    const found = toDetections(decodeBoxes(output, [2, 2, 7], head, 0.1));
    expect(found.map((d) => d.class)).toEqual([1, 0]);
  });

  it("a box of infinite size takes nobody's place among the candidates", () => {
    const output = map();
    output.set([0, 0, 0, 0, 9, 9, -9], 0);
    output[2 * 7 + 2] = 800; // e^800
    output[2 * 7 + 4] = 30;
    const found = detect(output, [2, 2, 7], head, { maxCandidates: 1 });
    expect(found).toHaveLength(1);
    expect(found[0].score).toBeLessThan(0.9999);
  });

  it("names what does not fit", () => {
    expect(() => detect(map(), [2, 2, 7], { anchors: [[1, 1]], classes: 3 })).toThrow("7 channels");
    expect(() => detect(map(), [2, 3, 7], head)).toThrow("[2,3,7]");
    expect(() => detect(map(), [2, 2, 7], head, { threshold: 1.2 })).toThrow("1.2");
  });
});
