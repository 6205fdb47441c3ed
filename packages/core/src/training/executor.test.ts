import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomWeights } from "../../../../test/conformance/case.js";
import { twoHeads } from "../../../../test/conformance/cases/blocks.js";
import { operatorGraph, operators } from "../../../../test/conformance/cases/operators.js";
import { referenceRun } from "../../../../test/conformance/references/float.js";
import { type Graph, GraphBuilder, trainable, unaryFunctions } from "../graph/index.js";
import { createEngine, type Engine } from "../kernels/index.js";
import { type FloatWeights, Random, sigmoid, sizeOf, tensor } from "../tensor/index.js";
import { differentiate, differentiateInt8, forwardOnly } from "./differentiate.js";
import { Executor } from "./executor.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

const smallBatch = 3;

function randomValues(length: number, seed: number, scale = 1): Float32Array {
  const random = new Random(7, seed);
  return Float32Array.from({ length }, () => scale * random.normal());
}

/** The loss is the outputs weighted by fixed random weights, so its cotangent is the weights. */
interface Case {
  readonly graph: Graph;
  readonly weights: FloatWeights;
  readonly inputs: Record<string, Float32Array>;
  readonly masks: Record<string, Float32Array>;
  readonly cotangents: Record<string, Float32Array>;
}

function prepare(graph: Graph, executor: Executor, weights = randomWeights(graph, 1)): Case {
  const training = executor.graph;
  const inputs: Record<string, Float32Array> = {};
  const masks: Record<string, Float32Array> = {};
  const cotangents: Record<string, Float32Array> = {};
  for (const [i, name] of training.inputs.entries()) {
    inputs[name] = randomValues(sizeOf(training.shapes[name]), 10 + i);
    executor.input(name).set(inputs[name]);
  }
  for (const [i, { name, shape }] of training.masks.entries()) {
    masks[name] = randomValues(sizeOf(shape), 50 + i).map((x) => (x < -0.5 ? 0 : 1.25));
    executor.mask(name).set(masks[name]);
  }
  for (const [i, name] of training.network.outputs.entries())
    cotangents[name] = randomValues(sizeOf(training.network.shapes[name]), 90 + i);
  executor.setParameters(weights);
  return { graph: training.network, weights, inputs, masks, cotangents };
}

function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let size = 1e-12;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}

/** Compares the forward pass in training and inference, and every gradient, with the double-precision reference. */
function check(graph: Graph, options: { tolerance?: number; samples?: number; batch?: number } = {}): void {
  const { tolerance = 3e-3, samples = 12, batch = smallBatch } = options;
  const training = differentiate(graph, batch);
  const executor = new Executor(engine, training);
  const prepared = prepare(graph, executor);
  executor.forward();
  const expected = referenceRun({ ...prepared, training: true });
  for (const name of graph.outputs) expect(relativeError(executor.output(name), expected[name])).toBeLessThan(2e-5);

  const inference = new Executor(engine, forwardOnly(graph, batch));
  inference.setParameters(prepared.weights);
  for (const [name, value] of Object.entries(prepared.inputs)) inference.input(name).set(value);
  inference.forward();
  const inferred = referenceRun({ ...prepared, training: false });
  for (const name of graph.outputs) expect(relativeError(inference.output(name), inferred[name])).toBeLessThan(2e-5);
  inference.dispose();

  for (const [name, cotangent] of Object.entries(prepared.cotangents)) executor.setCotangent(name, cotangent);
  executor.backward();
  const gradients = executor.gradients();
  const loss = (weights: Record<string, { shape: readonly number[]; data: ArrayLike<number> }>): number => {
    const outputs = referenceRun({ ...prepared, weights, training: true });
    let sum = 0;
    for (const [name, cotangent] of Object.entries(prepared.cotangents))
      for (let i = 0; i < cotangent.length; i++) sum += cotangent[i] * outputs[name][i];
    return sum;
  };
  let checked = 0;
  for (const [name, { kind, shape }] of Object.entries(graph.parameters)) {
    if (!trainable[kind]) continue;
    const gradient = gradients[name].data;
    const size = sizeOf(shape);
    const scale = Math.max(1e-3, ...gradient.map(Math.abs));
    const random = new Random(99, size);
    for (let k = 0; k < Math.min(size, samples); k++) {
      const i = size <= samples ? k : random.integer(size);
      const data = Float64Array.from(prepared.weights[name].data);
      const h = 1e-6;
      const at = (delta: number): number => {
        const moved = data.slice();
        moved[i] += delta;
        return loss({ ...prepared.weights, [name]: { shape, data: moved } });
      };
      const numeric = (at(h) - at(-h)) / (2 * h);
      expect(Math.abs(gradient[i] - numeric) / scale, `${name}[${i}]: ${gradient[i]}, numeric ${numeric}`).toBeLessThan(
        tolerance,
      );
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(0);
  expect(executor.paddingIsZero()).toBe(true);
  executor.dispose();
}

function build(inputShape: readonly number[], body: (g: GraphBuilder, x: string) => string): Graph {
  const g = new GraphBuilder("test");
  return g.build([body(g, g.input("image", inputShape))]);
}

/**
 * Operators of imported networks that have no gradient: choices between two values, and broadcast values that need one.
 */
const withoutGradient =
  /^imported (m[ai]\w+imum|(add|subtract) of a value a channel|\w+ from a row of pixels|multiply of a value a channel)/;

describe("gradients of each operator of test/conformance against finite differences", () => {
  // A convolution before each operator makes its input a computed value that needs a gradient.
  const refused = operators.filter(({ name }) => withoutGradient.test(name));
  const trained = operators.filter((operator) => !refused.includes(operator));
  test.each(trained.map((operator) => [operator.name, operator] as const))("%s", (_, operator) => {
    const [height, width, filters] = operator.input;
    check(operatorGraph(operator, (g) => g.conv2d("stem", g.input("image", [1, height, width, 3]), { filters })));
  });

  test.each(refused.map((operator) => [operator.name, operator] as const))("%s: refused by name", (_, operator) => {
    const [height, width, filters] = operator.input;
    const graph = operatorGraph(operator, (g) =>
      g.conv2d("stem", g.input("image", [1, height, width, 3]), { filters }),
    );
    for (const derive of [differentiate, differentiateInt8])
      expect(() => derive(graph, smallBatch)).toThrow(/^\w+ "y": has no gradient.*; quantise .* without --qat$/);
  });
});

describe("a small PhiNet with two heads", () => {
  test("outputs and gradients", () => check(twoHeads(), { tolerance: 5e-3, samples: 2 }));

  test("shards of unequal size, several chunks of rows a shard", () => {
    const graph = build([1, 14, 15, 3], (g, x) => {
      const wide = g.relu6("a", g.batchNorm("n", g.conv2d("c", x, { filters: 21 })));
      const deep = g.batchNorm("n2", g.depthwise("d", wide, { kernel: 3, stride: 2, padding: 1 }));
      return g.globalAveragePool("p", g.conv2d("out", g.hardswish("h", deep), { filters: 6, bias: true }));
    });
    check(graph, { batch: 19, samples: 2 });
  });

  test("several images a shard, of operators that imported networks have", () => {
    const sides = { top: 1, bottom: 1, left: 1, right: 1 };
    const window = { kernel: [3, 3], stride: [1, 1], padding: sides } as const;
    const half = (begin: number) => ({ begin: [0, 0, begin], size: [6, 5, 3], step: [1, 1] }) as const;
    const double = { size: [6, 5], alignCorners: false, halfPixelCenters: true } as const;
    const graph = build([1, 6, 5, 3], (g, x) => {
      const wide = g.unary("leaky", g.conv2d("c", x, { filters: 6, bias: true }), "leakyRelu", 0.2);
      const silu = g.multiply("silu", wide, g.sigmoid("s", wide));
      const [a, b] = [g.slice("a", silu, half(0)), g.slice("b", silu, half(3))];
      const pooled = g.concat("pooled", [g.maxWindow("m", a, window), g.averagePool("v", b, window), b]);
      const small = g.conv2d("small", pooled, { filters: 5, kernel: 3, stride: 2, padding: 1 });
      const large = [
        g.resize("near", small, { mode: "nearest", ...double }),
        g.resize("linear", g.unary("tanh", small, "tanh", 0), { mode: "bilinear", ...double }),
      ];
      const shifted = g.subtract("shifted", g.concat("large", large), g.constant("mean", [1, 1, 1, 10]));
      const twice = g.reshape("r", g.multiply("by", shifted, g.constant("row", [1, 1, 5, 1])), [15, 5, 4]);
      return g.conv2d("out", g.unary("elu", twice, "elu", 0), { filters: 3, kernel: 2, bias: true });
    });
    check(graph, { batch: 19, samples: 3 });
  });

  test("a batch of one", () => check(twoHeads(), { tolerance: 5e-3, samples: 1, batch: 1 }));

  test("running statistics follow the batch, variance unbiased", () => {
    const graph = build([1, 4, 4, 3], (g, x) => g.batchNorm("n", x));
    const executor = new Executor(engine, differentiate(graph, smallBatch));
    const { weights, inputs } = prepare(graph, executor);
    executor.forward();
    executor.updateRunningStatistics(0.25);
    const after = executor.parameters();
    const values = Array.from({ length: smallBatch * 16 }, (_, i) => inputs.image[i * 3 + 1]);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - 1);
    expect(after["n.running_mean"].data[1]).toBeCloseTo(0.75 * weights["n.running_mean"].data[1] + 0.25 * mean, 5);
    expect(after["n.running_var"].data[1]).toBeCloseTo(0.75 * weights["n.running_var"].data[1] + 0.25 * variance, 5);
    executor.dispose();
  });

  test("batch statistics do not lose digits when the mean is large", () => {
    const graph = build([1, 4, 4, 1], (g, x) => g.batchNorm("n", x));
    const executor = new Executor(engine, differentiate(graph, smallBatch));
    const weights = randomWeights(graph, 1);
    executor.setParameters(weights);
    const values = randomValues(smallBatch * 16, 3).map((x) => 10000 + x);
    executor.input("image").set(values);
    executor.forward();
    const expected = referenceRun({
      graph: executor.graph.network,
      weights,
      inputs: { image: values },
      masks: {},
      training: true,
    });
    expect(relativeError(executor.output("n"), expected.n)).toBeLessThan(2e-3); // the rounding of the input
    executor.dispose();
  });
});

test("the sigmoid kernel has the bits of tensor/math", () => {
  const graph = build([1, 1, 1, 4], (g, x) => g.sigmoid("r", x));
  const batch = 65536;
  const executor = new Executor(engine, forwardOnly(graph, batch));
  const special = [0, -0, 1e-30, -1e-30, 17, -17, 88, -88, 104, -104, 699.5, -700.5, 1e30, -1e30, Infinity, -Infinity];
  const sizes = Float32Array.of(12, 1, 0.1, 40); // values of very different sizes exercise the remainder of the series
  const values = randomValues(4 * batch, 5, 1).map((x, i) => special[i] ?? x * sizes[i % 4]);
  executor.input("image").set(values);
  executor.forward();
  expect(executor.output("r")).toEqual(values.map((x) => sigmoid(x)));
  executor.dispose();
});

test.each(["tanh", "elu"] as const)("the %s kernel has the bits of the float interpreter", (of) => {
  const graph = build([1, 1, 1, 4], (g, x) => g.unary("r", x, of, 0));
  const batch = 512;
  const executor = new Executor(engine, forwardOnly(graph, batch));
  const special = [0, 1e-30, 1e-6, 88, -88, 349, -351, 699.5, -700.5, 1e30, -1e30, Infinity, -Infinity];
  const values = Float32Array.from(randomValues(4 * batch, 6, 3), (x, i) => special[i] ?? x);
  executor.input("image").set(values);
  executor.forward();
  expect(executor.output("r")).toEqual(values.map((x) => unaryFunctions[of].value(x, 0)));
  executor.dispose();
});

describe("optimisers", () => {
  const graph = build([1, 2, 2, 3], (g, x) => g.batchNorm("n", g.conv2d("c", x, { filters: 5, bias: true })));

  function steps(options: Omit<Parameters<Executor["optimizerStep"]>[0], "step">, count: number) {
    const executor = new Executor(engine, differentiate(graph, smallBatch));
    const { weights, cotangents } = prepare(graph, executor);
    const gradients: FloatWeights[] = [];
    const norms: number[] = [];
    for (let step = 1; step <= count; step++) {
      executor.forward();
      executor.setCotangent("n", cotangents.n);
      executor.backward();
      gradients.push(executor.gradients());
      norms.push(executor.optimizerStep({ ...options, step }).gradientNorm);
    }
    return { executor, weights, gradients, norms };
  }

  test.each([false, true])("SGD with momentum and decay on weights only; nesterov %s", (nesterov) => {
    const options = { kind: "sgd", learningRate: 0.1, momentum: 0.8, weightDecay: 0.05, nesterov } as const;
    const { executor, weights, gradients } = steps(options, 3);
    const after = executor.parameters();
    for (const [name, { kind }] of Object.entries(graph.parameters)) {
      if (!trainable[kind]) continue;
      const p = Float64Array.from(weights[name].data);
      const v = new Float64Array(p.length);
      for (const gradient of gradients)
        for (let i = 0; i < p.length; i++) {
          const d = gradient[name].data[i] + (kind === "weight" ? 0.05 * p[i] : 0);
          v[i] = 0.8 * v[i] + d;
          p[i] -= 0.1 * (nesterov ? d + 0.8 * v[i] : v[i]);
        }
      expect(relativeError(after[name].data, p), name).toBeLessThan(1e-5);
    }
    expect(executor.paddingIsZero()).toBe(true);
    executor.dispose();
  });

  test("AdamW with clipping", () => {
    const clipNorm = 0.5;
    const options = { kind: "adamw", learningRate: 0.01, betas: [0.8, 0.95], weightDecay: 0.1, clipNorm } as const;
    const { executor, weights, gradients, norms } = steps(options, 3);
    const after = executor.parameters();
    for (const [k, gradient] of gradients.entries()) {
      const squares = Object.values(gradient).reduce((sum, { data }) => sum + data.reduce((a, g) => a + g * g, 0), 0);
      expect(norms[k]).toBeCloseTo(Math.sqrt(squares), 4);
      expect(norms[k]).toBeGreaterThan(clipNorm);
    }
    for (const [name, { kind }] of Object.entries(graph.parameters)) {
      if (!trainable[kind]) continue;
      const p = Float64Array.from(weights[name].data);
      const m = new Float64Array(p.length);
      const v = new Float64Array(p.length);
      for (const [k, gradient] of gradients.entries())
        for (let i = 0; i < p.length; i++) {
          const g = (gradient[name].data[i] * clipNorm) / norms[k];
          m[i] = 0.8 * m[i] + 0.2 * g;
          v[i] = 0.95 * v[i] + 0.05 * g * g;
          p[i] *= 1 - 0.01 * (kind === "weight" ? 0.1 : 0);
          p[i] -= (0.01 * (m[i] / (1 - 0.8 ** (k + 1)))) / (Math.sqrt(v[i] / (1 - 0.95 ** (k + 1))) + 1e-8);
        }
      expect(relativeError(after[name].data, p), name).toBeLessThan(1e-4);
    }
    expect(executor.paddingIsZero()).toBe(true);
    executor.dispose();
  });

  test("the average starts as a copy and then follows; state restores everything", () => {
    const { executor, gradients } = steps({ kind: "adamw", learningRate: 0.01 }, 1);
    expect(gradients.length).toBe(1);
    executor.updateEma(0.9);
    const first = executor.parameters();
    expect(executor.emaParameters()).toEqual(first);
    executor.optimizerStep({ kind: "adamw", learningRate: 0.01, step: 2 });
    executor.updateEma(0.9);
    const [ema, second] = [executor.emaParameters(), executor.parameters()];
    for (const name of Object.keys(graph.parameters)) {
      const expected = Array.from(first[name].data, (value, i) => 0.9 * value + 0.1 * second[name].data[i]);
      expect(relativeError(ema[name].data, expected)).toBeLessThan(1e-6);
    }
    const state = executor.state();
    const resumed = new Executor(engine, differentiate(graph, smallBatch));
    resumed.setState(state);
    expect(resumed.state()).toEqual(state);
    expect(resumed.emaParameters()).toEqual(ema);
    const damaged = { ...state, "moment1/c.weight": tensor("float32", [2]) };
    expect(() => resumed.setState(damaged)).toThrow(/"c.weight"/);
    expect(() => resumed.setParameters({})).toThrow(/"c.weight" .* is missing/);
    expect(resumed.state()).toEqual(state);
    resumed.dispose();
    executor.dispose();
  });
});

test("too large for the memory is an error with a remedy, and leaves the engine whole", () => {
  const graph = build([1, 2000, 2000, 3], (g, x) => g.batchNorm("n", g.conv2d("c", x, { filters: 8 })));
  const { bytes } = engine;
  expect(() => new Executor(engine, differentiate(graph, 64))).toThrow(/MiB of memory.*smaller batch/);
  check(build([1, 4, 4, 3], (g, x) => g.conv2d("c", x, { filters: 8 })));
  expect(engine.bytes).toBeGreaterThanOrEqual(bytes);
});

test("unknown values and wrong sizes are named", () => {
  const graph = build([1, 2, 2, 3], (g, x) => g.conv2d("c", x, { filters: 5 }));
  const executor = new Executor(engine, differentiate(graph, smallBatch));
  expect(() => executor.input("picture")).toThrow(/"picture" is not an input.*image/);
  expect(() => executor.setCotangent("c", new Float32Array(3))).toThrow(/"c" has 3 elements; the output has 60/);
  const inference = new Executor(engine, forwardOnly(graph, smallBatch));
  expect(() => inference.optimizerStep({ kind: "sgd", learningRate: 1, step: 1 })).toThrow(/differentiate/);
  for (const each of [executor, inference]) each.dispose();
});

test("disposed executors give their memory back", () => {
  const graph = twoHeads();
  new Executor(engine, differentiate(graph, smallBatch)).dispose();
  const { bytes } = engine;
  for (let i = 0; i < 5; i++) new Executor(engine, differentiate(graph, smallBatch)).dispose();
  expect(engine.bytes).toBe(bytes);
});
