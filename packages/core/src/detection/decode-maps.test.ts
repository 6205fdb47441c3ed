import { describe, expect, it } from "vitest";
import { Random } from "../tensor/index.js";
import { decodeMaps } from "./decode-maps.js";
import { detectByHead } from "./detect-by-head.js";

const random = new Random(11, 1);
const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const input = { height: 64, width: 96 };
const shapes = [
  [1, 8, 12, 0],
  [1, 4, 6, 0],
];
const withChannels = (channels: number) => shapes.map(([n, h, w]) => [n, h, w, channels]);
const draw = (given: readonly (readonly number[])[]) => {
  const length = given.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
  return Float64Array.from({ length }, () => 2 * random.normal());
};

type Row = { box: number[]; scores: number[] };

/** Rows with a score above the threshold, with their boxes in pixels. */
function above(rows: readonly Row[], threshold: number): Row[] {
  return rows
    .map(({ box, scores }) => ({ box, scores: scores.map((score) => (score > threshold ? score : 0)) }))
    .filter(({ scores }) => scores.some((score) => score > 0));
}

function expectRows(decoded: ReturnType<typeof decodeMaps>, rows: readonly Row[]): void {
  expect(decoded.count).toBe(rows.length);
  for (const [i, { box, scores }] of rows.entries()) {
    const [x, y, width, height] = decoded.boxes.subarray(4 * i, 4 * i + 4);
    const found = [x * input.width, y * input.height, width * input.width, height * input.height];
    for (const [k, value] of box.entries()) expect(found[k]).toBeCloseTo(value, 9);
    for (const [c, score] of scores.entries())
      expect(decoded.probabilities[i * scores.length + c]).toBeCloseTo(score, 12);
  }
}

describe("decoding of several maps against plain loops", () => {
  it.each([0, 0.25, 0.7])("anchors, threshold %s", (threshold) => {
    const classes = 3;
    const anchors: [number, number][][] = [
      [
        [10, 13],
        [33, 23],
      ],
      [
        [30, 61],
        [62, 45],
      ],
    ];
    const own = withChannels(2 * (5 + classes));
    const output = draw(own);
    const rows: Row[] = [];
    let at = 0;
    for (const [level, [, height, width]] of own.entries())
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (const [w, h] of anchors[level]) {
            const [tx, ty, tw, th, object, ...logits] = output.slice(at, at + 5 + classes);
            at += 5 + classes;
            const stride = 64 / height;
            rows.push({
              box: [
                (2 * logistic(tx) - 0.5 + x) * stride,
                (2 * logistic(ty) - 0.5 + y) * stride,
                w * (2 * logistic(tw)) ** 2,
                h * (2 * logistic(th)) ** 2,
              ],
              scores: logits.map((logit) => logistic(object) * logistic(logit)),
            });
          }
    expectRows(
      decodeMaps({ output, shapes: own, input }, { kind: "yolov5", classes, anchors }, threshold),
      above(rows, threshold),
    );
  });

  it.each([
    [16, 0],
    [16, 0.4],
    [1, 0.25],
  ])("distances in %i bins, threshold %s", (bins, threshold) => {
    const classes = ["cat", "dog"];
    const own = withChannels(4 * bins + 2);
    const output = draw(own);
    const rows: Row[] = [];
    let at = 0;
    for (const [, height, width] of own)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const sides = [0, 1, 2, 3].map((side) => {
            const logits = [...output.slice(at + side * bins, at + (side + 1) * bins)];
            if (bins === 1) return logits[0];
            const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
            return logits.reduce((mean, logit, bin) => mean + (bin * Math.exp(logit)) / sum, 0);
          });
          const scores = [...output.slice(at + 4 * bins, at + 4 * bins + 2)].map(logistic);
          at += 4 * bins + 2;
          const stride = 64 / height;
          const [left, top, right, bottom] = [
            (x + 0.5 - sides[0]) * stride,
            (y + 0.5 - sides[1]) * stride,
            (x + 0.5 + sides[2]) * stride,
            (y + 0.5 + sides[3]) * stride,
          ];
          rows.push({ box: [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], scores });
        }
    expectRows(
      decodeMaps({ output, shapes: own, input }, { kind: "yolov8", classes, bins }, threshold),
      above(rows, threshold),
    );
  });

  it("gives boxes that suppress each other, best first, in the picture", () => {
    const own = withChannels(4 * 8 + 2);
    const output = draw(own);
    const boxes = detectByHead(
      { kind: "yolov8", classes: 2, bins: 8 },
      { output, shapes: own, input },
      { threshold: 0.3, iouThreshold: 0.5 },
    );
    expect(boxes.length).toBeGreaterThan(5);
    for (const [i, { x, y, width, height, score }] of boxes.entries()) {
      expect(score).toBeLessThanOrEqual(boxes[Math.max(0, i - 1)].score);
      expect(Math.min(x, y, 1 - x - width, 1 - y - height)).toBeGreaterThanOrEqual(-1e-12);
    }
  });

  it("refuses maps that are not the head's", () => {
    const own = withChannels(9);
    const given = { output: draw(own), shapes: own, input };
    expect(() => decodeMaps(given, { kind: "yolov8", classes: 2, bins: 8 }, 0)).toThrow("are no maps of a yolov8 head");
    expect(() => decodeMaps(given, { kind: "yolov5", classes: 2, anchors: [[[1, 2]]] }, 0)).toThrow(
      "are no maps of a yolov5 head",
    );
    expect(() =>
      decodeMaps({ ...given, output: new Float32Array(3) }, { kind: "yolov8", classes: 2, bins: 8 }, 0),
    ).toThrow("the maps have 3 values");
    expect(() => decodeMaps(given, { kind: "yolov8", classes: 5, bins: 1 }, 1)).toThrow("must lie in 0..1");
  });
});
