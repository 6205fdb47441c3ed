/**
 * Compares our kernels with ONNX Runtime's on whole networks: outputs, batch statistics and every gradient of the same
 * training graph. Kernels, memory plan, layouts and the order of sums are independent. The graph's differentiation
 * rules are shared; slopes of ONNX Runtime's own forward pass check them here, and finite differences of each operator
 * in training/executor.test.
 */
import * as ort from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { deployGraph, type Graph, GraphBuilder } from "../../graph/index.js";
import { createEngine, type Engine } from "../../kernels/index.js";
import { buildNetwork, initialWeights, parseNetwork } from "../../networks/index.js";
import { type FloatWeights, Random, sizeOf } from "../../tensor/index.js";
import {
  crossEntropy,
  differentiate,
  differentiateInt8,
  Executor,
  lossOf,
  makeRecipe,
  type Targets,
  type TrainingGraph,
} from "../../training/index.js";
import { type FlatLayout, OnnxModel, trainingGraphToOnnx, trainingGraphToOnnxHalves } from "./index.js";

let engine: Engine;
beforeAll(async () => {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  engine = await createEngine();
});
afterAll(() => engine.dispose());

type Values = Record<string, Float32Array>;

async function open(model: OnnxModel): Promise<(feeds: Values) => Promise<Values>> {
  const session = await ort.InferenceSession.create(model.encode(), { executionProviders: ["wasm"] });
  return async (feeds) => {
    const tensors = model.inputs.map(({ name, shape }) => [name, new ort.Tensor("float32", feeds[name], shape)]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]));
  };
}

function pack(layout: FlatLayout, weights: FloatWeights): Float32Array {
  const vector = new Float32Array(layout.size);
  for (const { name, offset } of layout.entries) vector.set(weights[name].data, offset);
  return vector;
}

function unpack(layout: FlatLayout, vector: Float32Array): Values {
  const entries = layout.entries.map(({ name, offset, shape }) => [
    name,
    vector.subarray(offset, offset + sizeOf(shape)),
  ]);
  return Object.fromEntries(entries);
}

function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/** |a - b| / |b| */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return norm(Array.from(a, (value, i) => value - b[i])) / norm(b);
}

/**
 * Initial weights, with batch norm and biases moved away from 1 and 0, and output weights made large enough to matter.
 */
function movedWeights(graph: Graph): FloatWeights {
  const weights = initialWeights(graph, 3);
  for (const [i, [name, { data }]] of Object.entries(weights).entries()) {
    const random = new Random(4, i);
    const isOutput = graph.nodes.some(
      ({ name: node, parameters }) => graph.outputs.includes(node) && parameters.weight === name,
    );
    if (isOutput) for (let j = 0; j < data.length; j++) data[j] = 0.1 * random.normal();
    if (graph.parameters[name].kind !== "weight")
      for (let j = 0; j < data.length; j++) data[j] += 0.3 * random.uniform(-1, 1);
  }
  return weights;
}

/** Fills the executor with random inputs and masks, and returns them as the model's inputs. */
function fill(executor: Executor): Values {
  const feeds: Values = {};
  const { inputs, masks, shapes } = executor.graph;
  for (const [i, name] of inputs.entries()) {
    const random = new Random(5, i);
    feeds[name] = Float32Array.from({ length: sizeOf(shapes[name]) }, () => random.normal());
    executor.input(name).set(feeds[name]);
  }
  for (const [i, { name, shape, rate }] of masks.entries()) {
    const random = new Random(6, i);
    feeds[name] = Float32Array.from({ length: sizeOf(shape) }, () => (random.uniform() < rate ? 0 : 1 / (1 - rate)));
    executor.mask(name).set(feeds[name]);
  }
  return feeds;
}

interface Compared {
  readonly onnx: ReturnType<typeof trainingGraphToOnnx>;
  readonly step: (feeds: Values) => Promise<Values>;
  readonly feeds: Values;
  readonly results: Values;
  readonly gradients: Values;
}

/** Runs both on one batch and compares everything that leaves the step; `cotangentOf` is the loss's gradient. */
async function compare(
  training: TrainingGraph,
  weights: FloatWeights,
  cotangentOf: (output: string, values: Float32Array) => Float32Array,
): Promise<Compared> {
  const executor = new Executor(engine, training);
  try {
    executor.setParameters(weights);
    const feeds = fill(executor);
    executor.forward();
    for (const name of training.outputs) {
      const cotangent = cotangentOf(name, executor.output(name));
      executor.setCotangent(name, cotangent);
      feeds[training.cotangents[name]] = cotangent;
    }
    executor.backward();
    const onnx = trainingGraphToOnnx(training);
    feeds.parameters = pack(onnx.parameters, weights);
    const step = await open(onnx.models.step);
    const results = await step(feeds);
    for (const name of training.outputs)
      expect(distance(executor.output(name), results[name]), name).toBeLessThan(1e-5);

    const gradients = unpack(onnx.gradients, results.gradients);
    const ours = executor.gradients();
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(ours).sort());
    const mean = norm(results.gradients) / Math.sqrt(onnx.gradients.size);
    for (const [name, { data }] of Object.entries(ours)) {
      const root = Math.sqrt(data.length);
      // Exactly 0 but for rounding: the beta of a batch norm whose output reaches another batch norm only through
      // products.
      const isZero = [data, gradients[name]].every((each) => norm(each) / root < 1e-5 * mean);
      // Or nothing gets through, because a ReLU6 is shut on the whole batch.
      if (isZero) expect(norm(data) === 0 || training.network.parameters[name].kind === "beta", name).toBe(true);
      else expect(distance(data, gradients[name]), name).toBeLessThan(1e-4);
    }
    if (training.statistics.length > 0) {
      executor.updateRunningStatistics(1);
      const after = executor.parameters();
      const statistics = unpack(onnx.statistics, results.statistics);
      for (const { mean, variance, runningMean, runningVariance, count } of training.statistics) {
        const unbiased = statistics[variance].map((value) => (value * count) / (count - 1));
        expect(distance(after[runningVariance].data, unbiased), variance).toBeLessThan(1e-5);
        const deviation = norm(unbiased.map(Math.sqrt));
        const moved = after[runningMean].data.map((value, i) => value - statistics[mean][i]);
        expect(norm(moved) / deviation, mean).toBeLessThan(1e-5);
      }
    }
    return { onnx, step, feeds, results, gradients };
  } finally {
    executor.dispose();
  }
}

const random = (length: number, seed: number): Float32Array => {
  const draws = new Random(7, seed);
  return Float32Array.from({ length }, () => draws.normal());
};

const head = { kind: "yolov2", classes: 3, anchors: [[0.7, 0.9], [1.5, 2]], filters: 24 } as const; // biome-ignore format: short
const classifier = { kind: "classifier", classes: 6 } as const;
const input = { height: 48, width: 64, channels: 3 };
const odd = { height: 35, width: 32, channels: 3 };
const phinet = { family: "phinet", input, alpha: 0.2, t0: 4, blocks: 6, downsampling: [5], head: classifier };

describe("gradients of whole networks equal ONNX Runtime's to 1e-4", () => {
  const cases: Record<string, { json: object; loss?: "ciou" | "yolov2" }> = {
    "PhiNet, squeeze-and-excite, hard-swish": { json: { ...phinet, head }, loss: "yolov2" },
    "PhiNet, the default loss": { json: { ...phinet, head: { ...head, decoder: "scaled" } }, loss: "ciou" },
    "PhiNet, compatibility (ReLU6)": { json: { ...phinet, compatibility: true, head }, loss: "yolov2" },
    "PhiNet, 5x5": { json: { ...phinet, conv5: 1 } },
    "PhiNet, profile paper, stem of stride 3, odd sizes": { json: { ...phinet, profile: "paper", input: odd } },
    "PhiNet, two halvings, odd sizes": { json: { ...phinet, input: odd, blocks: 7, downsampling: [4, 6] } },
    "PhiNet, pooling, a convolution for a stem, one channel": {
      json: { ...phinet, input: { ...input, channels: 1 }, pool: true, conv2dInput: true },
    },
    MobileNetV2: { json: { family: "mobilenetv2", input, width: 0.25, stopAtStride: 16, head }, loss: "yolov2" },
    "EfficientNet, swish": { json: { family: "efficientnet", input, width: 0.25, stopAtStride: 16, head: classifier } },
  };
  const truths = [
    [{ class: 0, x: 0.3, y: 0.4, width: 0.2, height: 0.5 }],
    [],
    [
      { class: 2, x: 0.7, y: 0.6, width: 0.3, height: 0.2 },
      { class: 1, x: 0.2, y: 0.2, width: 0.1, height: 0.3 },
    ],
    [{ class: 1, x: 0.5, y: 0.9, width: 0.8, height: 0.1 }],
  ];

  test.each(Object.entries(cases))("%s", async (_, { json, loss }) => {
    const network = parseNetwork(json);
    const graph = buildNetwork(network);
    const training = differentiate(graph, 4);
    const lossFunction = lossOf(network, makeRecipe(loss === undefined ? "classify" : "detect", { loss, batch: 4 }));
    const targets: Targets = loss === undefined ? { classes: [0, 5, 2, 2] } : { truths };
    await compare(training, movedWeights(graph), (output, values) =>
      lossFunction(values, training.shapes[output], targets, 1e6).gradient.slice(),
    );
  });

  test("frozen layers: running statistics, and no gradient", async () => {
    const graph = buildNetwork(parseNetwork({ ...phinet, input: odd, blocks: 4 }));
    const frozen = new Set(graph.nodes.slice(0, 20).map(({ name }) => name));
    const training = differentiate(graph, 2, frozen);
    const { onnx } = await compare(training, movedWeights(graph), (output) =>
      random(sizeOf(training.shapes[output]), 5),
    );
    expect(onnx.gradients.entries.length).toBeLessThan(onnx.parameters.entries.length);
  });

  test("every operator, in one graph", async () => {
    const g = new GraphBuilder("operators");
    const image = g.input("image", [1, 11, 9, 4]);
    const asymmetric = { top: 0, bottom: 1, left: 2, right: 1 };
    let x = g.relu6(
      "r",
      g.conv2d("dense", image, { filters: 6, kernel: 3, stride: 2, padding: asymmetric, bias: true }),
    );
    x = g.batchNorm("n", g.conv2d("same", x, { filters: 8, kernel: 3, padding: 1 }));
    x = g.hardswish("h", g.pad("p", x, { top: 2, bottom: 0, left: 1, right: 3 }));
    x = g.conv2d("grouped", x, {
      filters: 6,
      kernel: 3,
      groups: 2,
      stride: 2,
      padding: 1,
      activation: "relu6",
      bias: true,
    });
    x = g.dropout("whole", g.dropout("channels", x, 0.2, true), 0.3);
    x = g.depthwise("d2", g.depthwise("d1", x, { kernel: 3, bias: true }), { kernel: 2, stride: 2, padding: 1 });
    const up = g.pad("wide", x, { top: 3, bottom: 3, left: 3, right: 2 });
    const pooled = g.maxPool("overlapping", g.maxPool("pool", up, 2, 1), 3, 2);
    const squared = g.multiply("square", pooled, g.sigmoid("s", pooled));
    const gate = g.softmax("soft", g.conv2d("point", g.globalAveragePool("mean", squared), { filters: 6 }));
    const map = g.add("sum", g.multiply("gated", squared, gate), squared);
    const vector = g.batchNorm("vector", g.dense("units", g.flatten("flat", map), 7, { activation: "relu6" }));
    const graph = g.build([map, g.softmax("probabilities", g.dense("last", vector, 5))]);
    const training = differentiate(graph, 3);
    await compare(training, movedWeights(graph), (output) => random(sizeOf(training.shapes[output]), 1));
  });
});

describe("apart from our own calculus", () => {
  test("gradients are the slopes of ONNX Runtime's forward pass", async () => {
    const graph = buildNetwork(parseNetwork({ ...phinet, input: { height: 32, width: 32, channels: 3 }, blocks: 4 }));
    const training = differentiate(graph, 4);
    const [output] = training.outputs;
    const cotangent = random(sizeOf(training.shapes[output]), 2);
    const weights = movedWeights(graph);
    const { onnx, step, feeds, gradients } = await compare(training, weights, () => cotangent);
    const lossAt = async (name: string, direction: Float32Array, distance: number): Promise<number> => {
      const parameters = feeds.parameters.slice();
      const { offset } = onnx.parameters.entries.find((entry) => entry.name === name)!;
      for (let i = 0; i < direction.length; i++) parameters[offset + i] += distance * direction[i];
      const results = await step({ ...feeds, parameters });
      return results[output].reduce((sum, value, i) => sum + value * cotangent[i], 0);
    };
    let checked = 0;
    for (const [name, gradient] of Object.entries(gradients)) {
      const slope = norm(gradient);
      if (slope < 0.05) continue; // too small for float32 differences
      const direction = gradient.map((value) => value / slope);
      const h = 2e-3;
      const numeric = ((await lossAt(name, direction, h)) - (await lossAt(name, direction, -h))) / (2 * h);
      expect(Math.abs(numeric / slope - 1), `${name}: ${slope}, numeric ${numeric}`).toBeLessThan(0.05);
      checked++;
    }
    expect(checked).toBeGreaterThan(10);
  });

  test("cross-entropy and its gradient equal those of ONNX's LogSoftmax", async () => {
    const [batch, classes, smoothing] = [5, 7, 0.1];
    const logits = random(batch * classes, 3).map((value) => 4 * value);
    const targets = [0, 6, 3, 3, 1];
    const rows = new Float32Array(batch * classes).fill(smoothing / classes);
    for (const [row, target] of targets.entries()) rows[row * classes + target] += 1 - smoothing;
    const model = new OnnxModel("cross-entropy", ["loss", "gradient"]);
    const x = model.input("logits", [batch, classes]);
    const y = model.input("targets", [batch, classes]);
    const logs = model.node("LogSoftmax", [x], { axis: { int: 1 } });
    const share = model.scalar(1 / batch);
    const likelihood = model.node("ReduceSum", [model.node("Mul", [logs, y])], { keepdims: { int: 0 } });
    model.output(model.result("Neg", [model.node("Mul", [likelihood, share])], {}, "loss"), []);
    const excess = model.node("Sub", [model.node("Exp", [logs]), y]);
    model.output(model.result("Mul", [excess, share], {}, "gradient"), [batch, classes]);
    const theirs = await (await open(model))({ logits, targets: rows });
    const ours = crossEntropy(logits, classes, targets, { smoothing });
    expect(Math.abs(ours.loss / theirs.loss[0] - 1)).toBeLessThan(1e-6);
    expect(distance(ours.gradient, theirs.gradient)).toBeLessThan(1e-5);
  });
});

test("the two halves of a step give what the whole gives", async () => {
  const graph = buildNetwork(parseNetwork({ ...phinet, input: odd, blocks: 4 }));
  const training = differentiate(graph, 2);
  const { onnx, feeds, results } = await compare(training, movedWeights(graph), (output) =>
    random(sizeOf(training.shapes[output]), 4),
  );
  const { models, ...layouts } = trainingGraphToOnnxHalves(training);
  const { models: _, ...same } = onnx;
  expect(layouts).toEqual(same);
  const first = await (await open(models.forward))(feeds);
  const second = await (await open(models.backward))({ ...feeds, ...first });
  expect(distance(first.statistics, results.statistics)).toBeLessThan(1e-6);
  expect(distance(second.gradients, results.gradients)).toBeLessThan(1e-5);
  expect(models.saved.every((name) => name in first)).toBe(true);
});

test("a graph with int8 rounding is refused by the operator's name", () => {
  const graph = deployGraph(buildNetwork(parseNetwork({ ...phinet, blocks: 4 })));
  const training = differentiateInt8(graph, 2);
  expect(() => trainingGraphToOnnx(training)).toThrow(
    /^fakeQuantize ".*" has no counterpart in ONNX; train it on our own/,
  );
});
