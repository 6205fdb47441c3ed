import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Graph, GraphBuilder, trainable } from "../graph/index.js";
import { createEngine, type Engine } from "../kernels/index.js";
import { type FloatWeights, Random, sizeOf, tensor } from "../tensor/index.js";
import { differentiate } from "./differentiate.js";
import { Executor } from "./executor.js";
import type { OptimizerStep } from "./optimizer.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

/** Normal random values in a parameter's shape; batch norm close to the identity. */
function randomWeights(graph: Graph, seed = 1): FloatWeights {
  const value = (name: string, i: number) => {
    const { kind, shape } = graph.parameters[name];
    const random = new Random(seed, i);
    const around = kind === "gamma" || kind === "runningVariance" ? 1 : 0;
    const draw = () => around + (around === 1 ? 0.1 : 0.5) * random.normal();
    return tensor(
      "float32",
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => Math.fround(around === 1 ? Math.abs(draw()) : draw())),
    );
  };
  return Object.fromEntries(Object.keys(graph.parameters).map((name, i) => [name, value(name, i)]));
}

function normals(length: number, seed: number): Float32Array {
  const random = new Random(9, seed);
  return Float32Array.from({ length }, () => random.normal());
}

describe("against PyTorch 1.13, measured in doubles", () => {
  // One dense unit on one picture: the gradient of the weight is the picture, the gradient of the bias is 1.
  const start = [0.5, -1.25, 2, 0.03125, -0.75, 1.5, 0, -0.0625];
  const gradients = [
    [0.25, -0.5, 1, 2, -0.125, 0.75, 0.0625, -1.5],
    [-0.5, 0.25, 0.5, -1, 0.375, 0.5, 1.25, 0.125],
    [0.125, 0.125, -2, 0.5, 0.25, -0.625, -0.75, 1],
  ];
  // Weight and bias (initially 0.5) after three steps of torch.optim, without decay on the bias.
  const cases: [string, Omit<OptimizerStep, "step">, number[]][] = [
    [
      "SGD(lr=.1, momentum=.9, weight_decay=.05)",
      { kind: "sgd", learningRate: 0.1, momentum: 0.9, weightDecay: 0.05 },
      [
        0.501009313, -1.140411094, 1.78028725, -0.368327816, -0.791477094, 1.224027937, -0.178693906, 0.219211883,
        -0.061,
      ],
    ],
    [
      "SGD(lr=.1, momentum=.9, weight_decay=.05, nesterov=True)",
      { kind: "sgd", learningRate: 0.1, momentum: 0.9, weightDecay: 0.05, nesterov: true },
      [
        0.506206384, -1.12179198, 1.826838038, -0.473338112, -0.826178489, 1.170229153, -0.215166759, 0.224496481,
        -0.3049,
      ],
    ],
    [
      "RMSprop(lr=.01, alpha=.9, momentum=.9, weight_decay=.05)",
      { kind: "rmsprop", learningRate: 0.01, betas: [0, 0.9], momentum: 0.9, weightDecay: 0.05 },
      [
        0.458257375, -1.188166954, 1.911536355, -0.033982419, -0.73538281, 1.395098584, -0.128734945, -0.000733581,
        0.351503821,
      ],
    ],
    [
      "RMSprop(lr=.01)",
      { kind: "rmsprop", learningRate: 0.01, betas: [0, 0.99], momentum: 0 },
      [
        0.467584971, -1.216911753, 1.942572651, -0.04585909, -0.798579136, 1.401644333, -0.148283336, -0.026567916,
        0.271086989,
      ],
    ],
    [
      "AdamW(lr=.01, betas=(.9, .99), weight_decay=.05)",
      { kind: "adamw", learningRate: 0.01, betas: [0.9, 0.99], weightDecay: 0.05 },
      [
        0.494282428, -1.234854393, 1.979739928, 0.015132142, -0.750453707, 1.475532073, -0.019597218, -0.045983408,
        0.47,
      ],
    ],
  ];
  test.each(cases)("%s", (_, options, expected) => {
    const g = new GraphBuilder("unit");
    const graph = g.build([g.dense("d", g.flatten("f", g.input("image", [1, 1, 1, 8])), 1)]);
    const executor = new Executor(engine, differentiate(graph, 1));
    executor.setParameters({
      "d.weight": tensor("float32", [1, 8], Float32Array.from(start)),
      "d.bias": tensor("float32", [1], Float32Array.of(0.5)),
    });
    for (const [k, gradient] of gradients.entries()) {
      executor.input("image").set(gradient);
      executor.forward();
      executor.setCotangent("d", Float32Array.of(1));
      executor.backward();
      executor.optimizerStep({ ...options, step: k + 1 });
    }
    const after = executor.parameters();
    const actual = [...after["d.weight"].data, ...after["d.bias"].data];
    for (const [i, value] of actual.entries()) expect(value, `element ${i}`).toBeCloseTo(expected[i], 5);
    executor.dispose();
  });
});

/** Odd widths give every tensor padded lanes. */
function oddGraph(): Graph {
  const g = new GraphBuilder("odd");
  const x = g.hardswish("h", g.batchNorm("n", g.conv2d("c", g.input("image", [1, 4, 4, 3]), { filters: 5 })));
  return g.build([g.conv2d("out", g.depthwise("d", x, { kernel: 3, padding: 1 }), { filters: 3, bias: true })]);
}

/** Gradients of one forward and backward pass on fixed random values. */
function pass(executor: Executor, seed = 0): FloatWeights {
  const output = executor.graph.network.outputs[0];
  executor.input("image").set(normals(executor.input("image").length, seed));
  executor.forward();
  executor.setCotangent(output, normals(executor.output(output).length, 100 + seed));
  executor.backward();
  return executor.gradients();
}

test.each([0, 1.5])("LAMB against doubles; largest trust ratio %s", (trustClip) => {
  const graph = oddGraph();
  const executor = new Executor(engine, differentiate(graph, 3));
  const weights = randomWeights(graph);
  executor.setParameters(weights);
  const [rate, b1, b2, wd, clipNorm] = [0.02, 0.8, 0.95, 0.1, 2];
  const p: Record<string, Float64Array> = {};
  const moments: Record<string, [Float64Array, Float64Array]> = {};
  for (const [name, { data }] of Object.entries(weights)) {
    p[name] = Float64Array.from(data);
    moments[name] = [new Float64Array(data.length), new Float64Array(data.length)];
  }
  const norm = (values: ArrayLike<number>) => Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0));
  const ratios: number[] = [];
  for (let step = 1; step <= 3; step++) {
    const gradients = pass(executor, step);
    const whole = Math.hypot(...Object.values(gradients).map(({ data }) => norm(data)));
    expect(whole).toBeGreaterThan(clipNorm);
    const { gradientNorm } = executor.optimizerStep({
      kind: "lamb",
      learningRate: rate,
      betas: [b1, b2],
      weightDecay: wd,
      clipNorm,
      trustClip,
      step,
    });
    expect(gradientNorm).toBeCloseTo(whole, 3);
    for (const [name, { data }] of Object.entries(gradients)) {
      const [m, v] = moments[name];
      const isWeight = graph.parameters[name].kind === "weight";
      const update = Array.from(data, (value, i) => {
        const g = (value * clipNorm) / whole;
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        const adam = m[i] / (1 - b1 ** step) / (Math.sqrt(v[i] / (1 - b2 ** step)) + 1e-6);
        return adam + (isWeight ? wd * p[name][i] : 0);
      });
      let ratio = isWeight ? norm(p[name]) / norm(update) : 1;
      if (trustClip > 0) ratio = Math.min(ratio, trustClip);
      ratios.push(ratio);
      for (let i = 0; i < update.length; i++) p[name][i] -= rate * ratio * update[i];
    }
  }
  expect(new Set(ratios.map((ratio) => ratio.toFixed(2))).size).toBeGreaterThan(2);
  const after = executor.parameters();
  for (const [name, { kind }] of Object.entries(graph.parameters)) {
    if (!trainable[kind]) continue;
    for (const [i, value] of after[name].data.entries()) expect(value, `${name}[${i}]`).toBeCloseTo(p[name][i], 5);
  }
  expect(executor.paddingIsZero()).toBe(true);
  executor.dispose();
});

test("a LAMB tensor of zeros moves by its update", () => {
  const g = new GraphBuilder("zeros");
  const graph = g.build([g.dense("d", g.flatten("f", g.input("image", [1, 1, 1, 3])), 1, { bias: false })]);
  const executor = new Executor(engine, differentiate(graph, 1));
  executor.setParameters({ "d.weight": tensor("float32", [1, 3]) });
  pass(executor);
  executor.optimizerStep({ kind: "lamb", learningRate: 0.5, step: 1 });
  for (const value of executor.parameters()["d.weight"].data) expect(Math.abs(value)).toBeCloseTo(0.5, 4);
  executor.dispose();
});

describe("accumulation", () => {
  const withoutNorm = (): Graph => {
    const g = new GraphBuilder("plain");
    const x = g.hardswish("h", g.conv2d("c", g.input("image", [1, 4, 4, 3]), { filters: 5, kernel: 3 }));
    return g.build([g.conv2d("out", x, { filters: 3, bias: true })]);
  };

  test("three micro-batches have the gradients of the whole batch, and steps go the same way", () => {
    const graph = withoutNorm();
    const [whole, parts] = [12, 4].map((batch) => new Executor(engine, differentiate(graph, batch)));
    const weights = randomWeights(graph);
    for (const executor of [whole, parts]) executor.setParameters(weights);
    for (let step = 1; step <= 2; step++) {
      const image = normals(whole.input("image").length, step);
      const cotangent = normals(whole.output("out").length, 50 + step);
      whole.input("image").set(image);
      whole.forward();
      whole.setCotangent("out", cotangent);
      whole.backward();
      for (let part = 1; part <= 3; part++) {
        const slice = (values: Float32Array) =>
          values.subarray(((part - 1) * values.length) / 3, (part * values.length) / 3);
        parts.input("image").set(slice(image));
        parts.forward();
        // The loss is a mean over its batch: with a third of the pictures, each weighs three times as much.
        parts.setCotangent(
          "out",
          slice(cotangent).map((value) => 3 * value),
        );
        parts.backward();
        parts.accumulate(part, 3);
      }
      const [expected, actual] = [whole.gradients(), parts.gradients()];
      for (const [name, { data }] of Object.entries(expected)) {
        const size = Math.max(...data.map(Math.abs));
        for (const [i, value] of data.entries())
          expect(Math.abs(actual[name].data[i] - value) / size, `${name}[${i}]`).toBeLessThan(1e-5);
      }
      for (const executor of [whole, parts])
        executor.optimizerStep({ kind: "sgd", learningRate: 0.01, clipNorm: 100, step });
    }
    const [expected, actual] = [whole.parameters(), parts.parameters()];
    for (const [name, { data }] of Object.entries(expected))
      for (const [i, value] of data.entries()) expect(actual[name].data[i]).toBeCloseTo(value, 5);
    for (const executor of [whole, parts]) executor.dispose();
  });

  test("one part is the step as it was, bit for bit", () => {
    const executor = new Executor(engine, differentiate(withoutNorm(), 4));
    executor.setParameters(randomWeights(withoutNorm()));
    const gradients = pass(executor);
    executor.accumulate(1, 1);
    expect(executor.gradients()).toEqual(gradients);
    executor.dispose();
  });
});
