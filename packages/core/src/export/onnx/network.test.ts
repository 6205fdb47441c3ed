/** Finished networks in ONNX Runtime against our interpreters: floats to rounding, int8 to a few steps of the output. */
import * as ort from "onnxruntime-web";
import { beforeAll, describe, expect, test } from "vitest";
import { randomDetector } from "../../../../../test/random-detector.js";
import { nodeAlone, randomNetwork, valuesOf } from "../../../../../test/random-network.js";
import { deployWeights } from "../../graph/index.js";
import { runFloat } from "../../inference/index.js";
import { buildNetwork, initialWeights, inputName, parseNetwork } from "../../networks/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { Random, sizeOf, tensor } from "../../tensor/index.js";
import { networkToOnnx, type OnnxModel, quantizedToOnnx } from "./index.js";

beforeAll(() => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
});

async function run(model: OnnxModel, inputs: Readonly<Record<string, Float32Array>>): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(model.encode(), { executionProviders: ["wasm"] });
  const feeds = model.inputs.map(({ name, shape }) => [name, new ort.Tensor("float32", inputs[name], shape)]);
  const results = await session.run(Object.fromEntries(feeds));
  const output = results[model.outputs[0].name];
  expect(output.dims).toEqual(model.outputs[0].shape);
  return output.data as Float32Array;
}

const input = { height: 48, width: 32, channels: 3 };
const yolo = { kind: "yolov2", classes: 2, anchors: [[1, 1], [2, 3]] }; // biome-ignore format: short
const classifier = { kind: "classifier", classes: 5 };
const networks = {
  "PhiNet, SE, hard-swish": { family: "phinet", input, alpha: 0.2, blocks: 5, head: yolo },
  "PhiNet, compatibility, pooling": {
    family: "phinet",
    input,
    alpha: 0.25,
    blocks: 4,
    compatibility: true,
    pool: true,
  },
  "PhiNet of the paper, classifying": { family: "phinet", profile: "paper", input, alpha: 0.2, head: classifier },
  MobileNetV2: { family: "mobilenetv2", input, width: 0.2, stopAtStride: 16, head: yolo },
  EfficientNet: { family: "efficientnet", input, width: 0.2, stopAtStride: 16, head: classifier },
};

describe("a network in floats", () => {
  test.each(Object.entries(networks))(
    "%s: trained and deployed graph give what the interpreter gives",
    async (_, json) => {
      const network = parseNetwork(json);
      const graph = buildNetwork(network);
      const weights = initialWeights(graph, 3, network.head);
      for (const [i, [name, { data }]] of Object.entries(weights).entries()) {
        const random = new Random(4, i);
        const positive = graph.parameters[name].kind === "runningVariance";
        if (graph.parameters[name].kind !== "weight")
          for (let j = 0; j < data.length; j++) data[j] += 0.3 * random.uniform(positive ? 0 : -1, 1);
      }
      const random = new Random(5);
      const picture = Float32Array.from({ length: sizeOf(graph.shapes[inputName]) }, () => random.uniform(-1, 1));
      const shape = graph.shapes[inputName];
      const values = runFloat(graph, weights, { [inputName]: tensor("float32", shape, picture) });
      const expected = values[graph.outputs[0]];
      const deployed = deployWeights(graph, weights);
      for (const model of [networkToOnnx(graph, weights), networkToOnnx(deployed.graph, deployed.weights)]) {
        const found = await run(model, { [inputName]: picture });
        expect(found.length).toBe(expected.data.length);
        const scale = Math.max(...expected.data.map(Math.abs));
        expect(scale).toBeGreaterThan(0);
        for (const [i, value] of found.entries()) expect(Math.abs(value - expected.data[i])).toBeLessThan(2e-5 * scale);
      }
    },
  );
});

function pictureFor(q: QuantizedNetwork, seed: number): Int8Array {
  const random = new Random(6, seed);
  return Int8Array.from({ length: sizeOf(q.graph.shapes[q.graph.nodes[0].name]) }, () => random.integer(256) - 128);
}

/** Per element, how many steps of the output's scale ONNX Runtime is from the interpreter. */
async function stepsOf(q: QuantizedNetwork, values: ReadonlyMap<string, Int8Array>): Promise<number[]> {
  const real = (name: string) => {
    const { scale, zeroPoint } = q.values[name];
    return Float32Array.from(values.get(name)!, (value) => scale * (value - zeroPoint));
  };
  const inputs = q.graph.nodes.filter(({ op }) => op === "input").map(({ name }) => name);
  const found = await run(quantizedToOnnx(q), Object.fromEntries(inputs.map((name) => [name, real(name)])));
  const [output] = q.graph.outputs;
  const { scale, zeroPoint } = q.values[output];
  const expected = values.get(output)!;
  return Array.from(found, (value, i) => Math.abs(Math.round(value / scale) + zeroPoint - expected[i]));
}

describe("an int8 network", () => {
  test("of random operators: each is the integer one, but for rounding", async () => {
    const ops = new Map<string, { count: number; off: number }>();
    for (let seed = 1; seed <= 4; seed++) {
      const q = randomNetwork(seed);
      const values = valuesOf(q, pictureFor(q, seed));
      for (const node of q.graph.nodes) {
        // Of steps above 15, which no calibration gives, TensorFlow Lite's sigmoid makes 0 or 1, at 0 too.
        if (node.op === "input" || (node.op === "sigmoid" && q.values[node.inputs[0]].scale > 15)) continue;
        const steps = await stepsOf(nodeAlone(q, node), values);
        const seen = ops.get(node.op) ?? { count: 0, off: 0 };
        ops.set(node.op, { count: seen.count + steps.length, off: seen.off + steps.filter((step) => step > 0).length });
        // Rounding before a clamp or a table: nowhere more than a step.
        expect([node.name, Math.max(...steps)]).toEqual([node.name, expect.toSatisfy((most: number) => most <= 1)]);
      }
    }
    expect(ops.size).toBeGreaterThan(6);
    for (const [op, { count, off }] of ops) expect([op, off / count < 0.05 || off <= 2]).toEqual([op, true]);
  });

  test("that detects is the integer one to a step, from picture to map", async () => {
    for (const seed of [1, 2]) {
      const { q } = randomDetector(seed, 0.3);
      expect(Math.max(...(await stepsOf(q, valuesOf(q, pictureFor(q, seed)))))).toBeLessThanOrEqual(1);
    }
  });
});
