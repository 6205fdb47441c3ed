import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Graph, GraphBuilder, trainable } from "../graph/index.js";
import { createEngine, type Engine } from "../kernels/index.js";
import { type FloatWeights, Random, sigmoid, sizeOf, tensor } from "../tensor/index.js";
import { differentiate, forwardOnly } from "./differentiate.js";
import { Executor } from "./executor.js";
import { referenceRun } from "./reference.test.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

const smallBatch = 3;

function randomWeights(graph: Graph, seed = 1): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }], i) => {
      const random = new Random(seed, i);
      const value = tensor("float32", shape);
      const fanIn = sizeOf(shape.slice(1));
      for (let j = 0; j < value.data.length; j++) {
        const n = random.normal();
        value.data[j] =
          kind === "weight"
            ? n / Math.sqrt(fanIn)
            : kind === "gamma" || kind === "runningVariance"
              ? 1 + 0.3 * random.uniform(-1, 1)
              : 0.3 * n;
      }
      return [name, value];
    }),
  );
}

function randomValues(length: number, seed: number, scale = 1): Float32Array {
  const random = new Random(7, seed);
  return Float32Array.from({ length }, () => scale * random.normal());
}

/** A loss: fixed random weights on the outputs. Its cotangent is the weights. */
interface Case {
  readonly graph: Graph;
  readonly weights: FloatWeights;
  readonly inputs: Record<string, Float32Array>;
  readonly masks: Record<string, Float32Array>;
  readonly cotangents: Record<string, Float32Array>;
}

function prepare(graph: Graph, executor: Executor, weights = randomWeights(graph)): Case {
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

/** Forward in training and inference, and every gradient, against the reference in doubles. */
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

describe("each operator against doubles and finite differences", () => {
  // A convolution before each operator, so that its input needs a gradient and is not the image itself.
  const stem = (g: GraphBuilder, x: string, filters = 5): string => g.conv2d("stem", x, { filters, bias: true });
  const cases: Record<string, Graph> = {
    "pointwise conv": build([1, 5, 4, 3], (g, x) => g.conv2d("c", stem(g, x), { filters: 13, bias: true })),
    dense: build([1, 3, 3, 2], (g, x) => g.dense("d", g.flatten("f", stem(g, x)), 7)),
    "conv relu6": build([1, 4, 4, 3], (g, x) =>
      g.conv2d("c", stem(g, x), { filters: 6, bias: true, activation: "relu6" }),
    ),
    "conv 3x3": build([1, 6, 5, 3], (g, x) => g.conv2d("c", stem(g, x), { filters: 6, kernel: 3, padding: 1 })),
    "conv 3x3 stride 2": build([1, 7, 6, 3], (g, x) =>
      g.conv2d("c", stem(g, x), {
        filters: 6,
        kernel: 3,
        stride: 2,
        padding: { top: 0, bottom: 1, left: 1, right: 0 },
        bias: true,
      }),
    ),
    "conv grouped": build([1, 6, 5, 3], (g, x) =>
      g.conv2d("c", stem(g, x, 6), { filters: 4, kernel: 3, padding: 1, groups: 2, bias: true }),
    ),
    relu6: build([1, 4, 4, 3], (g, x) => g.relu6("r", stem(g, x))),
    hardswish: build([1, 4, 4, 3], (g, x) => g.hardswish("r", stem(g, x))),
    sigmoid: build([1, 4, 4, 3], (g, x) => g.sigmoid("r", stem(g, x))),
    softmax: build([1, 2, 2, 3], (g, x) => g.softmax("r", stem(g, x))),
    add: build([1, 4, 4, 3], (g, x) => g.add("r", stem(g, x), g.conv2d("b", x, { filters: 5 }))),
    "add itself": build([1, 4, 4, 3], (g, x) => {
      const s = stem(g, x);
      return g.add("r", s, s);
    }),
    multiply: build([1, 4, 4, 3], (g, x) => g.multiply("r", stem(g, x), g.conv2d("b", x, { filters: 5 }))),
    "multiply per channel": build([1, 4, 4, 3], (g, x) => {
      const s = stem(g, x);
      return g.multiply("r", s, g.conv2d("b", g.globalAveragePool("p", s), { filters: 5 }));
    }),
    "global average pool": build([1, 5, 4, 3], (g, x) => g.globalAveragePool("r", stem(g, x))),
    "max pool": build([1, 5, 6, 3], (g, x) => g.maxPool("r", stem(g, x), 2)),
    "max pool overlapping": build([1, 7, 7, 3], (g, x) => g.maxPool("r", stem(g, x), 3, 2)),
    pad: build([1, 4, 3, 3], (g, x) => g.pad("r", stem(g, x), { top: 1, bottom: 2, left: 0, right: 3 })),
    dropout: build([1, 4, 4, 3], (g, x) => g.dropout("r", stem(g, x), 0.3)),
    "spatial dropout": build([1, 4, 4, 3], (g, x) => g.dropout("r", stem(g, x), 0.3, true)),
    "batch norm": build([1, 4, 4, 3], (g, x) => g.batchNorm("r", stem(g, x))),
    "batch norm of a dense layer": build([1, 2, 2, 3], (g, x) => g.batchNorm("r", g.dense("d", g.flatten("f", x), 6))),
    "batch norm after an activation": build([1, 4, 4, 3], (g, x) => g.batchNorm("r", g.hardswish("h", stem(g, x)))),
    "batch norm, hardswish, dropout": build([1, 4, 4, 3], (g, x) =>
      g.conv2d("last", g.dropout("d", g.hardswish("h", g.batchNorm("n", stem(g, x))), 0.2, true), { filters: 3 }),
    ),
    "two readers of a batch norm": build([1, 4, 4, 3], (g, x) => {
      const n = g.batchNorm("n", stem(g, x));
      return g.add("a", g.hardswish("h", n), g.conv2d("c", n, { filters: 5 }));
    }),
  };
  for (const kernel of [1, 2, 3, 5]) {
    for (const stride of [1, 2, 3]) {
      const options = { kernel, stride, padding: kernel >> 1, bias: kernel === 3 };
      cases[`depthwise ${kernel}x${kernel} stride ${stride}`] = build([1, 7, 8, 3], (g, x) =>
        g.depthwise("c", stem(g, x), options),
      );
    }
  }
  cases["depthwise 5x5 stride 2 padding 1"] = build([1, 8, 7, 3], (g, x) =>
    g.depthwise("c", stem(g, x), { kernel: 5, stride: 2, padding: 1 }),
  );
  cases["depthwise 3x3 stride 2 asymmetric"] = build([1, 8, 8, 3], (g, x) =>
    g.depthwise("c", stem(g, x), { kernel: 3, stride: 2, padding: { top: 0, bottom: 1, left: 0, right: 1 } }),
  );
  cases["depthwise without padding"] = build([1, 6, 6, 3], (g, x) => g.depthwise("c", stem(g, x), { kernel: 3 }));
  test.each(Object.entries(cases))("%s", (_, graph) => check(graph));
});

/** Inverted residuals as in a PhiNet: expansion, depthwise, squeeze and excite, projection, skip; odd widths. */
function smallPhinet(): Graph {
  const g = new GraphBuilder("phinet");
  let x = g.pad("pad", g.input("image", [1, 12, 12, 3]), { top: 0, bottom: 1, left: 0, right: 1 });
  x = g.depthwise("stem.depthwise", x, { kernel: 3, stride: 2 });
  x = g.hardswish("stem.act", g.batchNorm("stem.norm", g.conv2d("stem.point", x, { filters: 7 })));
  const block = (name: string, input: string, filters: number, kernel: number, stride: number, se: boolean): string => {
    const hidden = 2 * g.shape(input)[3] + 1;
    let y = g.conv2d(`${name}.expand`, input, { filters: hidden });
    y = g.hardswish(`${name}.act1`, g.batchNorm(`${name}.norm1`, y));
    y = g.dropout(`${name}.drop`, y, 0.2, true);
    y = g.depthwise(`${name}.depthwise`, y, { kernel, stride, padding: stride === 1 ? kernel >> 1 : 1 });
    y = g.batchNorm(`${name}.norm2`, y);
    y = se ? g.hardswish(`${name}.act2`, y) : g.relu6(`${name}.act2`, y);
    if (se) {
      let s = g.globalAveragePool(`${name}.pool`, y);
      s = g.hardswish(`${name}.se.act`, g.conv2d(`${name}.se1`, s, { filters: 3 }));
      s = g.sigmoid(`${name}.gate`, g.conv2d(`${name}.se2`, s, { filters: hidden }));
      y = g.multiply(`${name}.scaled`, y, s);
    }
    y = g.batchNorm(`${name}.norm3`, g.conv2d(`${name}.project`, y, { filters }));
    return stride === 1 && g.shape(input)[3] === filters ? g.add(`${name}.skip`, input, y) : y;
  };
  x = block("b1", x, 7, 3, 1, false);
  x = block("b2", x, 7, 3, 1, true);
  x = block("b3", x, 10, 5, 2, true);
  x = block("b4", x, 10, 5, 1, true);
  const map = g.conv2d("detect", x, { filters: 9, bias: true });
  const logits = g.dense("logits", g.flatten("flat", g.globalAveragePool("gap", x)), 5);
  return g.build([map, logits]);
}

describe("a small PhiNet with two heads", () => {
  test("outputs and gradients", () => check(smallPhinet(), { tolerance: 5e-3, samples: 2 }));

  test("shards of unequal size, several chunks of rows a shard", () => {
    const graph = build([1, 14, 15, 3], (g, x) => {
      const wide = g.relu6("a", g.batchNorm("n", g.conv2d("c", x, { filters: 21 })));
      const deep = g.batchNorm("n2", g.depthwise("d", wide, { kernel: 3, stride: 2, padding: 1 }));
      return g.globalAveragePool("p", g.conv2d("out", g.hardswish("h", deep), { filters: 6, bias: true }));
    });
    check(graph, { batch: 19, samples: 2 });
  });

  test("a batch of one", () => check(smallPhinet(), { tolerance: 5e-3, samples: 1, batch: 1 }));

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
    const weights = randomWeights(graph);
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
    expect(relativeError(executor.output("n"), expected.n)).toBeLessThan(2e-3); // the input's own rounding
    executor.dispose();
  });
});

test("the sigmoid kernel has the bits of tensor/math", () => {
  const graph = build([1, 1, 1, 4], (g, x) => g.sigmoid("r", x));
  const batch = 512;
  const executor = new Executor(engine, forwardOnly(graph, batch));
  const special = [0, -0, 1e-30, -1e-30, 17, -17, 88, -88, 104, -104, 699.5, -700.5, 1e30, -1e30, Infinity, -Infinity];
  const values = Float32Array.from(randomValues(4 * batch, 5, 12), (x, i) => special[i] ?? x);
  executor.input("image").set(values);
  executor.forward();
  expect(executor.output("r")).toEqual(values.map((x) => sigmoid(x)));
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
  const graph = smallPhinet();
  new Executor(engine, differentiate(graph, smallBatch)).dispose();
  const { bytes } = engine;
  for (let i = 0; i < 5; i++) new Executor(engine, differentiate(graph, smallBatch)).dispose();
  expect(engine.bytes).toBe(bytes);
});
