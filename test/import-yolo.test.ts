/**
 * A small network of Ultralytics' blocks from its .onnx to int8: run by the kernels, quantised, exported to C, trained
 * quantisation-aware.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployWeights } from "@phinets/core/graph";
import { importOnnx } from "@phinets/core/import";
import { FloatValues, IntegerEngine, IntegerInterpreter, runFloat } from "@phinets/core/inference";
import { createEngine, type Engine } from "@phinets/core/kernels";
import { AwareExecutor, decodeQuantized, encodeQuantized, quantize, quantizeInput } from "@phinets/core/quantization";
import { Random, sizeOf, tensor } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { host } from "./conformance/drivers/host.js";
import { c2f, convSilu, OnnxNet, sppf } from "./onnx-net.js";

const folder = mkdtempSync(join(tmpdir(), "phinets-import-yolo-"));
let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await engine.dispose();
});

const size = [1, 32, 48, 3] as const;

/** Two levels, the lower of which is upsampled; one head. Weights are random. */
function yolo() {
  const net = new OnnxNet(3);
  net.input("images", [1, 3, 32, 48]);
  const p3 = c2f(net, "2", convSilu(net, "1", convSilu(net, "0", "images", 3, 8, 2), 8, 12, 2), 12, 2);
  const p4 = sppf(net, "4", c2f(net, "3a", convSilu(net, "3", p3, 12, 16, 2), 16, 1), 16);
  const scales = net.constant("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 2) });
  const up = net.node("Resize", [p4, "", scales], {
    ...{ coordinate_transformation_mode: "asymmetric", mode: "nearest", nearest_mode: "floor" },
  });
  const neck = c2f(net, "5", net.node("Concat", [up, p3], { axis: 1 }), 28, 1, false);
  const smooth = net.node("Resize", [p4, "", scales], {
    ...{ coordinate_transformation_mode: "half_pixel", mode: "linear" },
  });
  const mean = net.node("AveragePool", [smooth], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] });
  const head = net.node("Concat", [net.node("LeakyRelu", [neck]), mean], { axis: 1 });
  net.node("Identity", [net.conv("head", head, [18, 44, 1], { bias: true })], {}, "map");
  net.output("map", [1, 18, 8, 12]);
  return importOnnx(net.encode(), "yolo.onnx");
}

function pictures(count: number, seed: number): Float32Array[] {
  const random = new Random(seed, 1);
  return Array.from({ length: count }, () => {
    // Coloured squares on grey: neighbouring pixels are alike, as in photographs.
    const picture = new Float32Array(sizeOf(size));
    const colours = Array.from({ length: 24 * 3 }, () => (random.integer(256) - 128) / 128);
    for (let i = 0; i < picture.length; i++) {
      const [c, x, y] = [i % 3, Math.floor(i / 3) % size[2], Math.floor(i / 3 / size[2])];
      picture[i] = colours[(Math.floor(y / 8) * 6 + Math.floor(x / 8)) * 3 + c];
    }
    return picture;
  });
}

const { graph, weights } = yolo();
const calibrated = pictures(16, 1);

describe("a network of Ultralytics' blocks", () => {
  it("is the same in the float kernels and in the float interpreter, value by value", () => {
    const image = tensor(
      "float32",
      [2, ...size.slice(1)],
      Float32Array.from(pictures(2, 5).flatMap((each) => [...each])),
    );
    const values = new FloatValues(engine);
    const deployed = deployWeights(graph, weights);
    const found = values.run(deployed.graph, deployed.weights, { image });
    const expected = runFloat(deployed.graph, deployed.weights, { image });
    for (const [name, { data }] of Object.entries(expected)) {
      const largest = Math.max(1, ...data.map(Math.abs));
      const away = Math.max(...data.map((value, i) => Math.abs(value - found[name].data[i])));
      expect(away / largest, name).toBeLessThan(5e-6);
    }
    values.dispose();
  });

  const { network } = quantize(graph, weights, calibrated, { run: runFloat });

  it("is quantised close to its floats", () => {
    const interpreter = new IntegerInterpreter(network);
    let [signal, noise] = [0, 0];
    for (const picture of pictures(8, 9)) {
      const [int8] = interpreter.run(quantizeInput(picture));
      const exact = runFloat(graph, weights, { image: tensor("float32", size, picture) }).map.data;
      const { scale, zeroPoint } = network.values.map;
      exact.forEach((value, i) => {
        signal += value ** 2;
        noise += (value - scale * (int8[i] - zeroPoint)) ** 2;
      });
    }
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(38);
  });

  it("has one scale for all that is joined, and a look-up where it was another, but for parts of one value", () => {
    const byName = new Map(network.graph.nodes.map((node) => [node.name, node]));
    const joins = network.graph.nodes.filter(({ op }) => op === "concat");
    expect(joins.length).toBe(6);
    for (const { name, inputs } of joins)
      for (const input of inputs) expect(network.values[input]).toEqual(network.values[name]);
    const rescaled = joins.map(({ inputs }) => inputs.filter((each) => byName.get(each)?.op === "unary").length);
    // C2f joins the two halves of a map and its bottlenecks' results; the pools of SPPF all have their map's scale.
    expect(rescaled).toEqual([4, 3, 0, 2, 3, 2]);
  });

  it("is the same in the int8 engine, in files, and in C with the portable, DSP and Helium kernels", async () => {
    const files = encodeQuantized(network);
    const again = decodeQuantized(files.json, files.safetensors, "yolo");
    const shown = pictures(2, 11).map((picture) => quantizeInput(picture));
    const interpreter = new IntegerInterpreter(network);
    const expected = shown.map((input) => interpreter.run(input)[0].slice());
    const fast = new IntegerEngine(again);
    expect(shown.map((input) => fast.run(input)[0].slice())).toEqual(expected);
    // One form per kind of program.
    const forms = Array.from({ length: 5 }, (_, i) => ({
      ...{ name: `yolo ${i}`, network, inputs: [shown[0], shown[1]] as const },
    }));
    for (const driver of host(folder)) {
      if (driver.missing !== undefined) continue;
      for (const result of await driver.run(forms)) {
        if (result instanceof Error) throw result;
        expect(result.get("map")).toEqual(Int8Array.from(expected.flatMap((each) => [...each])));
      }
    }
  });

  it("is trained through int8: ranges follow, joins keep one scale, and the loss falls", () => {
    const batch = 4;
    const start = deployWeights(graph, weights).weights;
    const executor = new AwareExecutor(engine, network, start, batch);
    const shown = pictures(batch, 21);
    for (const [i, picture] of shown.entries()) executor.input("image").set(picture, i * picture.length);
    const target = shown.flatMap((picture) => [
      ...runFloat(graph, weights, { image: tensor("float32", size, picture) }).map.data.map((value) => 1.5 * value),
    ]);
    const losses: number[] = [];
    for (let step = 1; step <= 12; step++) {
      executor.forward();
      const found = executor.output("map");
      const error = found.map((value, i) => value - target[i]);
      losses.push(error.reduce((sum, each) => sum + each * each, 0) / error.length);
      executor.setCotangent(
        "map",
        error.map((each) => (2 * each) / error.length),
      );
      executor.backward();
      executor.optimizerStep({ kind: "adamw", learningRate: 0.003, step });
    }
    expect(losses[11]).toBeLessThan(0.5 * losses[0]);
    const trained = executor.quantized();
    for (const { op, name, inputs } of trained.graph.nodes)
      if (op === "concat") for (const input of inputs) expect(trained.values[input]).toEqual(trained.values[name]);
    // Simulated and integer results are equal, except for sums that float32 rounds in the other direction.
    executor.load(trained);
    const interpreter = new IntegerInterpreter(trained);
    executor.frozen = true;
    executor.forward();
    const { scale, zeroPoint } = trained.values.map;
    const simulated = executor.output("map");
    let near = 0;
    shown.forEach((picture, n) => {
      const [int8] = interpreter.run(quantizeInput(picture));
      int8.forEach((byte, i) => {
        const away = Math.abs(Math.round(simulated[n * int8.length + i] / scale) + zeroPoint - byte);
        if (away <= 1) near++;
      });
    });
    expect(near / simulated.length).toBeGreaterThan(0.98);
    executor.dispose();
  });
});
