import { describe, expect, it } from "vitest";
import { detectionLosses, type Truth } from "../detection/index.js";
import { Random } from "../tensor/index.js";
import { balancedWeights, classCounts, withClassWeights } from "./class-weights.js";
import { binaryCrossEntropy, type CrossEntropyOptions, crossEntropy, softTargets } from "./cross-entropy.js";
import { makeRecipe } from "./recipe.js";

const [batch, classes] = [6, 5];
const random = new Random(4);
const logits = Float32Array.from({ length: batch * classes }, () => 3 * random.normal());
const targets = Int32Array.from({ length: batch }, () => random.integer(classes));
const mixed = {
  classes: Int32Array.from({ length: batch }, () => random.integer(classes)),
  shares: Float32Array.of(0, 0.25, 0.5, 0.75, 1, 0.125),
};
const weights = [0.5, 2, 1, 0, 3];
const cases: CrossEntropyOptions[] = [
  {},
  { smoothing: 0.1 },
  { mixed },
  { weights },
  { smoothing: 0.2, mixed, weights },
];

/** The loss from its definition, with the host's exp and log. */
function bruteForce(
  z: Float32Array,
  { smoothing = 0, mixed: blend, weights: w }: CrossEntropyOptions,
  binary: boolean,
) {
  let loss = 0;
  for (let n = 0; n < batch; n++) {
    const row = [...z.subarray(n * classes, (n + 1) * classes)];
    const sum = row.reduce((total, v) => total + Math.exp(v), 0);
    for (const [c, v] of row.entries()) {
      const share = blend?.shares[n] ?? 0;
      const hard = (c === targets[n] ? 1 - share : 0) + (blend !== undefined && c === blend.classes[n] ? share : 0);
      const t = smoothing / classes + (1 - smoothing) * hard;
      const p = binary ? 1 / (1 + Math.exp(-v)) : Math.exp(v) / sum;
      loss -= (w?.[c] ?? 1) * (t * Math.log(p) + (binary ? (1 - t) * Math.log(1 - p) : 0));
    }
  }
  return loss / batch;
}

describe("a classifier's losses", () => {
  it.each([
    ["softmax", crossEntropy, false],
    ["binary", binaryCrossEntropy, true],
  ] as const)("%s: equals its definition, the gradient its finite differences", (_, lossOf, binary) => {
    for (const options of cases) {
      const { loss, gradient } = lossOf(logits, classes, targets, options);
      expect(loss).toBeCloseTo(bruteForce(logits, options, binary), 9);
      for (let i = 0; i < logits.length; i++) {
        const at = (delta: number) => lossOf(logits.with(i, logits[i] + delta), classes, targets, options).loss;
        const h = 2 ** -7;
        expect(Math.abs(gradient[i] - (at(h) - at(-h)) / (2 * h))).toBeLessThan(2e-4);
      }
    }
    expect(lossOf(Float32Array.of(1e4, -1e4), 2, [0]).loss).toBeCloseTo(0, 9);
    expect(Number.isFinite(lossOf(Float32Array.of(1e4, -1e4), 2, [1]).loss)).toBe(true);
  });

  it("targets sum to 1", () => {
    const row = new Float64Array(classes);
    for (const [target, smoothing, other, share] of [
      [2, 0, 2, 0],
      [1, 0.1, 4, 0.3],
      [3, 0.1, 3, 0.7],
      [0, 0.9, 1, 1],
    ]) {
      softTargets(row, target, smoothing, other, share);
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(row.every((t) => t >= 0)).toBe(true);
    }
    softTargets(row, 0, 0, 4, 0.25);
    expect([...row]).toEqual([0.75, 0, 0, 0, 0.25]);
  });

  it("of a blended picture the larger share counts as right", () => {
    const options = { mixed: { classes: [1, 1], shares: [0.6, 0.4] } };
    expect(crossEntropy(Float32Array.of(0, 5, 0, 5), 2, [0, 0], options).correct).toBe(1);
  });
});

describe("class weights", () => {
  it("are the inverse of how often a class is seen, 1 on average", () => {
    const counts = classCounts([{ class: 0 }, { labels: [box(1), box(1)] }, { class: 1 }, { labels: [] }], 3);
    expect(counts).toEqual([1, 3, 0]);
    expect(classCounts([{ labels: [box(0), { ...box(1), ignore: "crowd" }] }], 2)).toEqual([1, 0]);
    expect(balancedWeights(counts)).toEqual([2, 2 / 3, 1]);
    const recipe = withClassWeights(makeRecipe("classify", { classWeights: "auto" }), [{ class: 0 }, { class: 1 }], 2);
    expect(recipe.classWeights).toEqual([1, 1]);
    expect(() => withClassWeights(makeRecipe("detect", { classWeights: [1, 2, 3] }), [], 2)).toThrow(
      "3 weights (1,2,3)",
    );
    expect(() => makeRecipe("detect", { classWeights: [-1, 2] })).toThrow("classWeights is [-1,2]");
  });

  it.each(["ciou", "yolov2"] as const)("%s: the class terms' gradients are weighted, nothing else changes", (name) => {
    const anchors = [
      [1, 1],
      [2, 2],
    ] as const;
    const shape = [1, 4, 4, 2 * 8] as const;
    const output = Float32Array.from({ length: 4 * 4 * 16 }, () => random.normal());
    const truths = [[box(0, 0.2), box(1, 0.5), box(2, 0.8)]];
    const { loss } = detectionLosses[name];
    const plain = loss(output, shape, truths, anchors, 3);
    const ones = loss(output, shape, truths, anchors, 3, { classWeights: [1, 1, 1] });
    expect(ones).toEqual(plain);
    const single = [0, 1, 2].map((c) =>
      loss(output, shape, truths, anchors, 3, { classWeights: [0, 0, 0].with(c, 1) }),
    );
    const weighted = loss(output, shape, truths, anchors, 3, { classWeights: [0.5, 2, 3] });
    for (let i = 0; i < output.length; i++) {
      const parts = single.map(({ gradient }) => gradient[i]);
      const expected = i % 8 < 5 ? plain.gradient[i] : 0.5 * parts[0] + 2 * parts[1] + 3 * parts[2];
      expect(weighted.gradient[i]).toBeCloseTo(expected, 5);
    }
    expect(Math.max(...single[1].gradient.filter((_, i) => i % 8 >= 5).map(Math.abs))).toBeGreaterThan(0.1);
    if (name === "ciou") {
      const sum = 0.5 * single[0].parts.class + 2 * single[1].parts.class + 3 * single[2].parts.class;
      expect(weighted.parts.class).toBeCloseTo(sum, 9);
    }
    expect(() => loss(output, shape, truths, anchors, 3, { classWeights: [1] })).toThrow(
      "1 class weights for 3 classes",
    );
  });
});

function box(c: number, at = 0.5): Truth {
  return { class: c, x: at, y: at, width: 0.3, height: 0.3 };
}
