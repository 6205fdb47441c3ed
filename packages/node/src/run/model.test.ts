import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crop, type Picture, pixelToInput, resize } from "@phinets/core/data";
import { runFloat } from "@phinets/core/inference";
import { inputName } from "@phinets/core/networks";
import { PhinetsError, Random, tensor } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { loadRun } from "./load.js";
import { openModel } from "./model.js";

const random = new Random(3);
const picture: Picture = {
  width: 96,
  height: 80,
  channels: 3,
  data: Uint8Array.from({ length: 96 * 80 * 3 }, () => random.integer(256)),
};

function runWith(options: Parameters<typeof makeRun>[1]) {
  const folder = mkdtempSync(join(tmpdir(), "phinets-detect-"));
  makeRun(folder, options);
  return loadRun(folder);
}

describe("a run as a model", () => {
  const run = runWith({});

  it("computes in float what the training graph computes", async () => {
    const small = resize(picture, { width: 48, height: 32 });
    const input = tensor("float32", [1, 32, 48, 3], Float32Array.from(small.data, pixelToInput));
    const expected = runFloat(run.graph, run.weights, { [inputName]: input })[run.graph.outputs[0]].data;
    const output = (await openModel(run, { on: "float" })).output(picture);
    expect(output).toHaveLength(expected.length);
    for (let i = 0; i < output.length; i++) expect(Math.abs(output[i] - expected[i])).toBeLessThan(1e-3);
  });

  it("computes in int8 nearly the same, in steps of the output's scale", async () => {
    const float = (await openModel(run, { on: "float" })).output(picture);
    const int8 = (await openModel(run)).output(picture);
    const { scale } = run.quantized!.values[run.quantized!.graph.outputs[0]];
    let sum = 0;
    for (let i = 0; i < float.length; i++) {
      sum += Math.abs(float[i] - int8[i]);
      expect(Math.abs(int8[i] / scale - Math.round(int8[i] / scale))).toBeLessThan(1e-3);
    }
    const spread = Math.max(...float) - Math.min(...float);
    expect(spread).toBeGreaterThan(1);
    expect(sum / float.length).toBeLessThan(0.05 * spread);
  });

  it("looks at tiles and the whole: what it finds there, in pixels of the picture", async () => {
    const options = { conf: 0.05, iou: 0.45, maxDet: 1000 };
    const tiled = await openModel(run, { ...options, tiles: { columns: 2, rows: 1 } });
    const one = await openModel(run, options);
    const found = tiled.detect(picture);
    // Wide tiles that overlap by a fifth: 96 / 1.8 pixels each.
    const [left, right] = [0, (96 / 1.8) * 0.8].map((x) =>
      one
        .detect(crop(picture, { x, y: 0, width: 96 / 1.8, height: 80 }, { width: 48, height: 32 }))
        .map((box) => ({ ...box, x: x + (box.x * 2) / 1.8, width: (box.width * 2) / 1.8, y: box.y * 2.5 })),
    );
    const all = [...one.detect(picture), ...left, ...right];
    expect(found.length).toBeGreaterThan(3);
    expect(found[0].score).toBe(Math.max(...all.map(({ score }) => score)));
    for (const box of found) {
      const same = all.some((other) => other.score === box.score && Math.abs(other.x - box.x) < 1e-9);
      expect(same).toBe(true);
    }
  });

  it("gives boxes in source pixels, best first, within the limits asked for", async () => {
    for (const on of ["float", "int8"] as const) {
      const all = (await openModel(run, { on, conf: 0.05, iou: 1, maxDet: 1000 })).detect(picture);
      expect(all.length).toBeGreaterThan(5);
      for (const [i, box] of all.entries()) {
        expect(box.score).toBeGreaterThan(0.05);
        if (i > 0) expect(box.score).toBeLessThanOrEqual(all[i - 1].score);
        expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(96 + 1e-9);
        expect(box.y + box.height).toBeLessThanOrEqual(80 + 1e-9);
      }
      expect(Math.max(...all.map((box) => box.x + box.width))).toBeGreaterThan(48);
      expect((await openModel(run, { on, conf: 0.05, iou: 1, maxDet: 3 })).detect(picture)).toEqual(all.slice(0, 3));
      expect((await openModel(run, { on, conf: 0.05, iou: 0.1 })).detect(picture).length).toBeLessThan(all.length);
    }
  });

  it("classifies, grey pictures too, with probabilities that sum to 1", async () => {
    const classifier = await openModel(runWith({ head: "classifier", channels: 1 }));
    const classes = classifier.classify(picture);
    expect(classes.map(({ class: index }) => index).sort()).toEqual([0, 1, 2]);
    expect(classes.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 9);
    expect(classes[0].score).toBeGreaterThanOrEqual(classes[2].score);
    expect(() => classifier.detect(picture)).toThrow(PhinetsError);
  });

  it("says what to do when the run has no int8 form", async () => {
    const { quantized: _, ...plain } = run;
    await expect(openModel(plain)).rejects.toThrow(/phinets quantize --model .*--on float/);
    const detector = await openModel(run);
    expect(() => detector.classify(picture)).toThrow(/is a detector/);
  });
});
