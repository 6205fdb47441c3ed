import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Graph, GraphBuilder } from "../graph/index.js";
import { createEngine, type Engine } from "../kernels/index.js";
import { type FloatWeights, Random, sizeOf, tensor } from "../tensor/index.js";
import { differentiate, forwardOnly } from "./differentiate.js";
import { Executor } from "./executor.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

const batch = 3;

function randomWeights(graph: Graph): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }], i) => {
      const random = new Random(4, i);
      const positive = kind === "gamma" || kind === "runningVariance";
      const data = Float32Array.from({ length: sizeOf(shape) }, () =>
        positive ? random.uniform(0.5, 1.5) : random.normal() * 0.5,
      );
      return [name, tensor("float32", shape, data)];
    }),
  );
}

function normals(length: number, seed: number): Float32Array {
  const random = new Random(8, seed);
  return Float32Array.from({ length }, () => random.normal());
}

function pass(executor: Executor, seed = 0): FloatWeights {
  executor.input("image").set(normals(executor.input("image").length, seed));
  executor.forward();
  executor.setCotangent("out", normals(executor.output("out").length, 30 + seed));
  executor.backward();
  return executor.gradients();
}

/** Three layers, the middle one depthwise, each followed by batch norm if `norms` is set. */
function graphOf(norms: boolean): Graph {
  const g = new GraphBuilder("frozen");
  const norm = (name: string, x: string) => (norms ? g.batchNorm(name, x) : x);
  let x = g.hardswish(
    "a.act",
    norm("a.norm", g.conv2d("a", g.input("image", [1, 5, 5, 3]), { filters: 6, bias: true })),
  );
  x = norm("b.norm", g.depthwise("b", x, { kernel: 3, padding: 1, bias: true }));
  x = norms ? g.hardswish("b.act", x) : g.relu6("b.act", x); // finite differences need smooth functions
  return g.build([
    g.conv2d("out", norm("c.norm", g.conv2d("c", x, { filters: 5, bias: true })), { filters: 3, bias: true }),
  ]);
}

function executorOf(graph: Graph, frozen: readonly string[], weights = randomWeights(graph)): Executor {
  const executor = new Executor(engine, differentiate(graph, batch, new Set(frozen)));
  executor.setParameters(weights);
  return executor;
}

test.each([[["a"]], [["a", "b"]], [["b"]], [["c"]], [["out"]], [["a", "out"]]])(
  "without %s the gradients of the others are the same bits",
  (frozen) => {
    const graph = graphOf(false);
    const [whole, part] = [executorOf(graph, []), executorOf(graph, frozen)];
    const [expected, actual] = [pass(whole), pass(part)];
    const left = Object.keys(expected).filter((name) => !frozen.some((layer) => name.startsWith(`${layer}.`)));
    expect(Object.keys(actual).sort()).toEqual(left.sort());
    for (const name of left) expect(actual[name], name).toEqual(expected[name]);
    for (const executor of [whole, part]) executor.dispose();
  },
);

test("a frozen front has no backward nodes", () => {
  const graph = graphOf(true);
  const all = differentiate(graph, batch);
  const head = differentiate(graph, batch, new Set(["a", "a.norm", "b", "b.norm"]));
  const backward = (training: typeof all) => training.nodes.slice(training.forwardLength).map(({ of }) => of);
  expect(backward(all)).toContain("a");
  for (const layer of ["a", "a.norm", "a.act", "b", "b.norm", "b.act"]) expect(backward(head)).not.toContain(layer);
  expect(Object.keys(head.gradients).sort()).toEqual(
    ["c.bias", "c.norm.bias", "c.norm.weight", "c.weight", "out.bias", "out.weight"].sort(),
  );
  expect(head.statistics.map(({ runningMean }) => runningMean)).toEqual(["c.norm.running_mean"]);
});

describe.each(["adamw", "sgd", "rmsprop", "lamb"] as const)("steps of %s", (kind) => {
  test("leave what is frozen as it is, moments, averages and statistics too", () => {
    const graph = graphOf(true);
    const weights = randomWeights(graph);
    const executor = executorOf(graph, ["a", "a.norm", "b", "b.norm"], weights);
    for (let step = 1; step <= 3; step++) {
      pass(executor, step);
      executor.optimizerStep({ kind, learningRate: 0.01, weightDecay: 0.1, step });
      executor.updateRunningStatistics(0.1);
      executor.updateEma(0.7);
    }
    const [after, averaged] = [executor.parameters(), executor.emaParameters()];
    for (const [name, before] of Object.entries(weights)) {
      const frozen = /^[ab]\./.test(name);
      if (frozen) for (const now of [after, averaged]) expect(now[name], name).toEqual(before);
      else expect(after[name].data, name).not.toEqual(before.data);
    }
    const state = executor.state();
    expect(Object.keys(state).filter((key) => /^moment.\/[ab]\./.test(key))).toEqual([]);
    expect(executor.paddingIsZero()).toBe(true);
    const resumed = executorOf(graph, ["a", "a.norm", "b", "b.norm"]);
    resumed.setState(state);
    expect(resumed.state()).toEqual(state);
    for (const each of [executor, resumed]) each.dispose();
  });
});

test.each([[["a", "a.norm"]], [["b", "b.norm"]], [["b.norm", "c.norm"]], [["a.norm", "b.norm", "c.norm"]]])(
  "%s frozen: batch norm uses running statistics, gradients against finite differences",
  (frozen) => {
    const graph = graphOf(true);
    const weights = randomWeights(graph);
    const executor = executorOf(graph, frozen, weights);
    const gradients = pass(executor);
    const cotangent = normals(executor.output("out").length, 30);
    const lossOf = (changed: FloatWeights): number => {
      executor.setParameters(changed);
      executor.forward();
      return executor.output("out").reduce((sum, value, i) => sum + value * cotangent[i], 0);
    };
    const h = 5e-3;
    for (const [name, { shape, data }] of Object.entries(gradients)) {
      const size = Math.max(1, ...data.map(Math.abs));
      for (let n = 0; n < 4; n++) {
        const i = Math.floor((n * data.length) / 4);
        const moved = (delta: number) => {
          const values = weights[name].data.slice();
          values[i] += delta;
          return lossOf({ ...weights, [name]: tensor("float32", shape, values) });
        };
        expect(Math.abs(data[i] - (moved(h) - moved(-h)) / (2 * h)) / size, `${name}[${i}]`).toBeLessThan(1e-2);
      }
    }
    executor.dispose();
  },
);

test("all batch norms frozen, training sees what inference sees", () => {
  const graph = graphOf(true);
  const weights = randomWeights(graph);
  const executor = executorOf(graph, ["a.norm", "b.norm", "c.norm"], weights);
  pass(executor);
  const inference = new Executor(engine, forwardOnly(graph, batch));
  inference.setParameters(weights);
  inference.input("image").set(normals(inference.input("image").length, 0));
  inference.forward();
  expect(executor.output("out")).toEqual(inference.output("out"));
  for (const each of [executor, inference]) each.dispose();
});

describe("executors of two sizes", () => {
  const sized = (side: number): Graph => {
    const g = new GraphBuilder("sized");
    const x = g.hardswish("h", g.batchNorm("n", g.conv2d("c", g.input("image", [1, side, side, 3]), { filters: 6 })));
    return g.build([g.conv2d("out", g.depthwise("d", x, { kernel: 3, padding: 1 }), { filters: 3, bias: true })]);
  };

  test("share parameters, moments and averages, and the larger one's memory", () => {
    const weights = randomWeights(sized(4));
    const before = engine.bytes;
    const large = new Executor(engine, differentiate(sized(24), batch));
    const small = new Executor(engine, differentiate(sized(8), batch), large);
    const alone = new Executor(engine, differentiate(sized(8), batch));
    expect(small.bytes).toBeLessThan(alone.bytes / 2);
    large.setParameters(weights);
    alone.setParameters(weights);
    // Whatever the large executor leaves in the shared memory must not matter.
    pass(large, 1);
    expect(pass(small, 2)).toEqual(pass(alone, 2));
    for (const each of [small, alone]) {
      each.optimizerStep({ kind: "adamw", learningRate: 0.01, step: 1 });
      each.updateRunningStatistics(0.1);
      each.updateEma(0.9);
    }
    expect(large.state()).toEqual(alone.state());
    expect(pass(large, 3)).not.toEqual({});
    for (const each of [alone, small, large]) each.dispose();
    expect(engine.bytes).toBeGreaterThanOrEqual(before);
  });

  test("of networks whose parameters differ are refused", () => {
    const dense = (side: number): Graph => {
      const g = new GraphBuilder("dense");
      return g.build([g.dense("out", g.flatten("f", g.input("image", [1, side, side, 3])), 2)]);
    };
    const large = new Executor(engine, differentiate(dense(4), batch));
    expect(() => new Executor(engine, differentiate(dense(3), batch), large)).toThrow(/depend on its input's size/);
    large.dispose();
  });
});
