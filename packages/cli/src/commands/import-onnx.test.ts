import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "@phinets/core/tensor";
import { savePicture } from "@phinets/node/picture";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRun } from "../../../../test/make-run.js";
import { OnnxFileBuilder } from "../../../../test/onnx-file.js";
import { phinets, phinetsJson } from "../../../../test/road-tools.js";
import { TfliteModel } from "../../../core/src/export/tflite/model.js";

const root = mkdtempSync(join(tmpdir(), "phinets-import-onnx-"));
const project = join(root, "runs");
const data = join(root, "data");
const random = new Random(3, 1);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Makes grey pictures with noise, darker and brighter than the middle. */
beforeAll(async () => {
  for (const [name, level] of [
    ["bright", 170],
    ["dark", 80],
  ] as const)
    for (const split of ["train", "val"]) {
      mkdirSync(join(data, split, name), { recursive: true });
      for (let n = 0; n < (split === "train" ? 20 : 6); n++) {
        const pixels = Uint8Array.from({ length: 12 * 16 * 3 }, () => level + random.integer(60) - 30);
        await savePicture(join(data, split, name, `${n}.png`), { width: 16, height: 12, channels: 3, data: pixels });
      }
    }
});

/**
 * A network that answers "bright" where the pixels' mean is above the middle: a padded convolution, SiLU, half of the
 * channels through a pool, upsampling by two, global average, a linear layer and softmax.
 */
function classifier(size: readonly [number | string, number | string] = [12, 16]): string {
  const net = new OnnxFileBuilder();
  const floats = (name: string, shape: number[], value: (i: number) => number) =>
    net.constant(name, {
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
    });
  net.input("pixels", ["batch", 3, ...size]);
  // Filters 0 to 3 respond to bright pixels, 4 to 7 to dark ones.
  const weight = floats("stem.weight", [8, 3, 3, 3], (i) => (i < 108 ? 1 : -1) * (0.05 + 0.01 * random.uniform()));
  const y = net.node("Conv", ["pixels", weight], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] });
  const silu = net.node("Mul", [y, net.node("Sigmoid", [y])]);
  const halves = net.nodes("Split", [silu, net.constant("sizes", { shape: [2], data: [4, 4] })], 2, { axis: 1 });
  const pool = { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] };
  const joined = net.node("Concat", [halves[0], net.node("MaxPool", [halves[1]], pool)], { axis: 1 });
  const scales = net.constant("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 2) });
  const large = net.node("Resize", [joined, "", scales], { mode: "linear" });
  const mean = net.node("Flatten", [net.node("GlobalAveragePool", [large])]);
  const head = floats("head.weight", [2, 8], (i) => (Math.floor(i / 4) % 3 === 0 ? 1 : -1));
  const logits = net.node("Gemm", [mean, head, floats("head.bias", [2], () => 0)], { transB: 1 });
  net.node("Softmax", [logits], { axis: 1 }, "scores");
  net.output("scores", ["batch", 2]);
  const file = join(root, "brightness.onnx");
  writeFileSync(file, net.encode());
  return file;
}

describe("import of an .onnx", () => {
  it("makes a run of floats that is quantised, run and written like our own", async () => {
    const file = classifier();
    const { run, notes, operators } = await phinetsJson<{ run: string; notes: string[]; operators: object }>(
      ...["import", file, "--classes", "bright,dark", "--mean", ".5", "--std", ".25"],
      ...["--project", project, "--name", "brightness"],
    );
    expect(run).toBe(join(project, "classify/brightness"));
    expect(operators).toEqual({
      ...{ Conv: 1, Sigmoid: 1, Mul: 1, Split: 1, MaxPool: 1, Concat: 1, Resize: 1 },
      ...{ GlobalAveragePool: 1, Flatten: 1, Gemm: 1, Softmax: 1 },
    });
    expect(notes).toEqual([
      "the softmax at the end is left out: who reads the scores computes it",
      "the normalisation is a layer before the first, as that pads with zeros",
    ]);
    const inspected = await phinetsJson<{ macs: number; target: { fits: boolean } }>(
      ...["inspect", run, "--target", "stm32h743"],
    );
    expect(inspected).toMatchObject({ macs: 12 * 16 * 3 + 6 * 8 * 8 * 27 + 16, target: { fits: true } });
    const val = ["val", "--model", run, "--data", data, "--project", project];
    expect(await phinetsJson(...val, "--on", "float")).toMatchObject({ top1: 1 });

    const quantised = await phinetsJson<{ after: number; aware: { epochs: number } }>(
      ...["quantize", "--model", run, "--data", data, "--project", project, "--qat", "10"],
    );
    expect(quantised).toMatchObject({ metric: "top1", before: 1, after: 1, aware: { epochs: 10 } });
    expect(await phinetsJson(...val)).toMatchObject({ on: "int8", top1: 1 });

    const picture = join(data, "val/dark/0.png");
    const proof = await phinetsJson("emulate", "--model", run, "--images", picture);
    expect(proof).toMatchObject({ matchesInterpreter: true });
    const out = join(root, "out");
    await phinetsJson("export", "--model", run, "--format", "c,tflite,onnx,safetensors,torch", "--out", out);
    for (const each of ["phinets_model.c", "model.tflite", "model.onnx", "model_int8.onnx", "model.pth"])
      expect(readFileSync(join(out, each)).length).toBeGreaterThan(0);

    const { run: other } = await phinetsJson<{ run: string }>(
      ...["import", file, "--classes", "dark,bright", "--project", project, "--name", "other"],
    );
    expect((await phinets("quantize", "--model", other, "--data", data, "--project", project)).stderr).toContain(
      "data: has the 2 classes bright, dark, and the network 2, dark, bright; give data of these in this order",
    );

    for (const words of [
      ["train", "--weights", run, "--data", data],
      ["train", "--network", join(run, "network.json"), "--data", data],
    ]) {
      const { exitCode, stderr } = await phinets(...words, "--project", project);
      expect(exitCode).toBe(1);
      expect(stderr).toContain("imported networks can be quantised, with --qat too, but not trained");
      expect(stderr).not.toContain("    at ");
    }
  });

  it("with the larger of two maps is quantised by calibration, and refused by name with --qat", async () => {
    const net = new OnnxFileBuilder();
    const floats = (name: string, shape: number[], value: (i: number) => number) =>
      net.constant(name, {
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
      });
    net.input("pixels", [1, 3, 12, 16]);
    const [a, b] = [1, -1].map((sign) =>
      net.node("Conv", ["pixels", floats(`weight${sign}`, [4, 3, 1, 1], (i) => sign * (0.1 + 0.02 * i))]),
    );
    const most = net.node(
      "Max",
      [a, net.node("Sub", [b, floats("map", [1, 1, 12, 16], (i) => 0.001 * i)])],
      {},
      "most",
    );
    const sum = net.node("Concat", [most, a], { axis: 1 });
    const mean = net.node("Flatten", [net.node("GlobalAveragePool", [sum])]);
    net.node("Gemm", [mean, floats("head", [2, 8], (i) => [0, 1, 0, -1][Math.floor(i / 4)])], { transB: 1 }, "scores");
    net.output("scores", [1, 2]);
    const file = join(root, "larger.onnx");
    writeFileSync(file, net.encode());
    const { run } = await phinetsJson<{ run: string }>(
      ...["import", file, "--classes", "bright,dark", "--project", project, "--name", "larger"],
    );
    const words = ["quantize", "--model", run, "--data", data, "--project", project];
    const { exitCode, stderr } = await phinets(...words, "--qat", "3");
    expect(exitCode).toBe(1);
    expect(stderr).toContain('maximum "most": has no gradient; quantise the network without --qat');
    expect(stderr).not.toContain("    at ");
    expect(await phinetsJson(...words)).toMatchObject({ before: 1, after: 1 });
  });

  it("gives what our own network gives, which was exported", async () => {
    const own = join(root, "own");
    makeRun(own, { quantized: false });
    const out = join(root, "own-onnx");
    await phinetsJson("export", "--model", own, "--format", "onnx", "--out", out);
    const { run } = await phinetsJson<{ run: string }>(
      ...["import", join(out, "model.onnx"), "--project", project, "--name", "again"],
    );
    expect(run).toBe(join(project, "detect/again"));
    const words = ["predict", join(data, "val/dark/1.png"), "--no-save", "--conf", "0.1", "--on", "float"];
    type Boxes = { boxes: { name: string; score: number; x: number }[] };
    const [[expected], [found]] = await Promise.all(
      [own, run].map((model) => phinetsJson<Boxes[]>(...words, "--model", model)),
    );
    expect(expected.boxes.length).toBeGreaterThan(0);
    expect(found.boxes.length).toBe(expected.boxes.length);
    for (const [i, { name, score, x }] of expected.boxes.entries()) {
      expect(found.boxes[i].name).toBe(name);
      expect(found.boxes[i].score).toBeCloseTo(score, 4);
      expect(found.boxes[i].x).toBeCloseTo(x, 2);
    }
  });

  it("is of float .tflite files too", async () => {
    const file = join(root, "net.tflite");
    const model = new TfliteModel("net");
    const floats = (name: string, shape: number[], value: (i: number) => number) =>
      model.constant(
        name,
        shape,
        Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => value(i)),
      );
    const [pixels, mean, scores] = [
      [1, 12, 16, 3],
      [1, 3],
      [1, 2],
    ].map((shape, i) => model.value(`v${i}`, shape));
    model.operator("mean", [pixels, model.constant("axes", [2], Int32Array.of(1, 2))], mean);
    const weights = floats("w", [2, 3], (i) => (i < 3 ? 1 : -1));
    model.operator("fullyConnected", [mean, weights, floats("b", [2], () => 0)], scores);
    writeFileSync(file, model.encode([pixels], [scores]));
    const { run, operators } = await phinetsJson<{ run: string; operators: object }>(
      ...["import", file, "--classes", "bright,dark", "--mean", ".5", "--project", project, "--name", "mean"],
    );
    expect(operators).toEqual({ MEAN: 1, FULLY_CONNECTED: 1 });
    expect(await phinetsJson("val", "--model", run, "--data", data, "--project", project)).toMatchObject({ top1: 1 });
  });

  it("of a size that --shape gives where the file leaves it open", async () => {
    const file = classifier(["height", "width"]);
    const { run } = await phinetsJson<{ run: string }>(
      ...["import", file, "--shape", "pixels=1,3,12,16", "--project", project, "--name", "sized"],
    );
    expect(readFileSync(join(run, "args.yaml"), "utf8")).toContain("shape: pixels=1,3,12,16");
    const open = await phinets("import", file, "--project", project);
    expect(open.stderr).toContain(
      'its input "pixels" is [?,3,?,?], whose sizes are not all fixed; give them: --shape 1,3,96,96',
    );
    const wrong = await phinets("import", file, "--shape", "1,3,twelve", "--project", project);
    expect(`${wrong.exitCode} ${wrong.stderr}`).toMatch(/^2 .*1,96,96,3 or NAME=1,96,96,3/);
  });

  it("of QDQ format is an int8 network", async () => {
    const net = new OnnxFileBuilder();
    const constant = (name: string, shape: number[], data: number[], type: "int8" | "uint8" | "int32") =>
      net.constant(name, { shape, data, type });
    const scale = (name: string, value: number) => net.constant(name, { shape: [], data: Float32Array.of(value) });
    const qdq = (x: string, name: string, value: number, zero: number) => {
      const ends = [scale(`${name}.scale`, value), constant(`${name}.zero`, [], [zero], "uint8")];
      return net.node("DequantizeLinear", [net.node("QuantizeLinear", [x, ...ends], {}, name), ...ends]);
    };
    const pixels = qdq(net.input("pixels", ["batch", 3, 12, 16]), "in", 1 / 128, 128);
    const weights = Array.from({ length: 8 * 27 }, (_, i) => (i < 108 ? 1 : -1) * (40 + (i % 50)));
    const stem = net.node("DequantizeLinear", [constant("w", [8, 3, 3, 3], weights, "int8"), scale("w.scale", 0.001)]);
    const y = net.node("Relu", [net.node("Conv", [pixels, stem], { pads: [1, 1, 1, 1], strides: [2, 2] })]);
    const mean = qdq(net.node("GlobalAveragePool", [qdq(y, "relu", 0.004, 0)]), "mean", 0.003, 0);
    const rows = Array.from({ length: 16 }, (_, i) => (Math.floor(i / 4) % 3 === 0 ? 100 : -100));
    const head = net.node("DequantizeLinear", [constant("h", [2, 8], rows, "int8"), scale("h.scale", 0.01)]);
    const flat = qdq(net.node("Flatten", [mean]), "flat", 0.003, 0);
    net.node(
      "Softmax",
      [qdq(net.node("Gemm", [flat, head], { transB: 1 }), "logits", 0.05, 128)],
      { axis: 1 },
      "scores",
    );
    net.output("scores", ["batch", 2]);
    const file = join(root, "qdq.onnx");
    writeFileSync(file, net.encode());
    const { run, operators, notes } = await phinetsJson<{ run: string; operators: object; notes: string[] }>(
      ...["import", file, "--classes", "bright,dark", "--project", project, "--name", "qdq"],
    );
    expect(operators).toMatchObject({ QuantizeLinear: 5, Conv: 1, Gemm: 1, Softmax: 1 });
    expect(notes).toContain("pictures are converted to pixel - 128: the network reads black as -1 and white as 0.992");
    expect(await phinetsJson("val", "--model", run, "--data", data, "--project", project)).toMatchObject({ top1: 1 });
    const proof = await phinetsJson("emulate", "--model", run, "--images", join(data, "val/dark/0.png"));
    expect(proof).toMatchObject({ matchesInterpreter: true });
    const { files } = await phinetsJson<{ files: string[] }>(
      ...["export", "--model", run, "--format", "c,tflite,onnx", "--out", join(root, "qdq-out")],
    );
    expect(files.some((each) => each.endsWith("model.tflite"))).toBe(true);
  });

  it("leaves nothing behind where it is refused", async () => {
    const before = readdirSync(join(project, "classify"));
    const file = classifier();
    const refused = async (...words: string[]) => {
      const { exitCode, stderr } = await phinets("import", ...words, "--project", project);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      return `${exitCode} ${stderr}`;
    };
    expect(await refused(file, "--classes", "a,b,c")).toContain("gives [1,2], and 3 classes are named");
    expect(await refused(file, "--mean", "1,2")).toContain("--mean has 2 numbers; one, or one for each of 3 channels");
    expect(await refused(file, "--network", "network.json")).toContain("is a whole network");
    expect(await refused(file, "--no-fold")).toMatch(/^2 .*is a float network; --no-fold is only for int8/);
    writeFileSync(file, readFileSync(file).subarray(0, 900));
    expect(await refused(file)).toMatch(/^1 .*brightness.onnx: is damaged/);
    expect(readdirSync(join(project, "classify"))).toEqual(before);
  });
});
