import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compute } from "../../../../test/conformance/references/float.js";
import { deployWeights, type Graph, GraphBuilder } from "../graph/index.js";
import { createEngine, type Engine } from "../kernels/index.js";
import {
  AwareExecutor,
  type QuantizedNetwork,
  quantize,
  quantizeInput,
  realWeights,
  SimulatedNetwork,
} from "../quantization/index.js";
import { type FloatWeights, Random, sizeOf, tensor } from "../tensor/index.js";
import { IntegerInterpreter, runFloat } from "./index.js";

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine();
});
afterAll(() => engine.dispose());

const batch = 5;

/**
 * Inverted residuals that cover int8's operators: both activations, squeeze and excite, 5x5, stride, skip, pool, dense.
 */
function smallPhinet(): Graph {
  const g = new GraphBuilder("phinet");
  let x = g.conv2d("stem", g.input("image", [1, 16, 16, 3]), { filters: 6, kernel: 3, stride: 2, padding: 1 });
  x = g.hardswish("stem.act", g.batchNorm("stem.norm", x));
  const block = (name: string, input: string, filters: number, kernel: number, stride: number, se: boolean): string => {
    const hidden = 2 * g.shape(input)[3] + 1;
    const act = (of: string, y: string): string => (se ? g.hardswish(of, y) : g.relu6(of, y));
    let y = act(`${name}.act1`, g.batchNorm(`${name}.norm1`, g.conv2d(`${name}.expand`, input, { filters: hidden })));
    y = g.depthwise(`${name}.depthwise`, y, { kernel, stride, padding: kernel >> 1 });
    y = act(`${name}.act2`, g.batchNorm(`${name}.norm2`, y));
    if (se) {
      let s = g.globalAveragePool(`${name}.pool`, y);
      s = g.conv2d(`${name}.se1`, s, { filters: 3, bias: true, activation: "relu6" });
      s = g.sigmoid(`${name}.gate`, g.conv2d(`${name}.se2`, s, { filters: hidden, bias: true }));
      y = g.multiply(`${name}.scaled`, y, s);
    }
    y = g.batchNorm(`${name}.norm3`, g.conv2d(`${name}.project`, y, { filters }));
    return stride === 1 && g.shape(input)[3] === filters ? g.add(`${name}.skip`, input, y) : y;
  };
  x = block("b1", x, 6, 3, 1, false);
  x = block("b2", x, 6, 5, 1, true);
  x = block("b3", x, 10, 3, 2, true);
  const map = g.conv2d("detect", x, { filters: 9, bias: true });
  const logits = g.dense("logits", g.flatten("flat", g.maxPool("peak", x, 2)), 5);
  return g.build([map, logits]);
}

function randomWeights(graph: Graph, seed: number): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }], i) => {
      const random = new Random(seed, i);
      const fan = kind === "weight" ? 1 / Math.sqrt(sizeOf(shape.slice(1))) : 0.3;
      const around = kind === "gamma" || kind === "runningVariance";
      const data = Float32Array.from({ length: sizeOf(shape) }, () =>
        around ? 1 + random.uniform(-0.3, 0.3) : fan * random.normal(),
      );
      return [name, tensor("float32", shape, data)];
    }),
  );
}

function pictures(count: number, size: number, seed: number): Float32Array[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: size }, () => (random.integer(256) - 128) / 128),
  );
}

function prepare(seed = 3) {
  const graph = smallPhinet();
  const weights = randomWeights(graph, seed);
  const calibration = pictures(6, 16 * 16 * 3, 1);
  const { network } = quantize(graph, weights, calibration, { run: runFloat });
  return { network, weights: deployWeights(graph, weights).weights };
}

function show(executor: SimulatedNetwork, shown: Float32Array[]): void {
  for (const [i, picture] of shown.entries()) executor.input("image").set(picture, i * picture.length);
}

/** Counts how many int8 outputs of a simulation differ from the interpreter's, by the number of steps. */
function differences(executor: SimulatedNetwork, network: QuantizedNetwork, shown: Float32Array[]): number[] {
  const interpreter = new IntegerInterpreter(network);
  const counts: number[] = [];
  shown.forEach((picture, i) => {
    const exact = interpreter.run(quantizeInput(picture));
    network.graph.outputs.forEach((name, o) => {
      const { scale, zeroPoint } = network.values[name];
      const size = exact[o].length;
      const real = executor.output(name).subarray(i * size, (i + 1) * size);
      real.forEach((y, k) => {
        const steps = Math.abs(Math.round(y / scale) + zeroPoint - exact[o][k]);
        counts[steps] = (counts[steps] ?? 0) + 1;
      });
    });
  });
  return counts;
}

/**
 * float32 sums round an accumulator the other way for about one value in ten thousand, which later layers then see too.
 */
function expectTheSame(counts: number[]): void {
  const all = counts.reduce((sum, count) => sum + count);
  expect(counts[0] / all).toBeGreaterThan(0.98);
  expect((counts[0] + (counts[1] ?? 0)) / all).toBeGreaterThan(0.995);
}

describe("the simulation against the integer interpreter", () => {
  test.each([1, 2, 3])("nearly every output is the same; weights %i", (seed) => {
    const { network } = prepare(seed);
    const simulated = new SimulatedNetwork(engine, network, batch);
    simulated.load(network);
    const shown = pictures(batch, 16 * 16 * 3, 50 + seed);
    show(simulated, shown);
    simulated.forward();
    expectTheSame(differences(simulated, network, shown));
    simulated.dispose();
  });

  test("nearly every output is the same: operators that imported networks have", () => {
    const sides = { top: 1, bottom: 1, left: 1, right: 1 };
    const window = { kernel: [3, 3], stride: [1, 1], padding: sides } as const;
    const g = new GraphBuilder("imported");
    const x = g.unary(
      "leaky",
      g.conv2d("c", g.input("image", [1, 16, 16, 3]), { filters: 8, bias: true }),
      "leakyRelu",
      0.2,
    );
    const y = g.multiply("silu", x, g.sigmoid("s", x));
    const half = g.slice("half", y, { begin: [0, 0, 2], size: [16, 16, 4], step: [1, 1] });
    const pooled = g.averagePool("mean", half, window);
    const small = g.conv2d("small", g.concat("pools", [half, g.maxWindow("most", half, window), pooled]), {
      ...{ filters: 8, kernel: 3, stride: 2, padding: 1, bias: true },
    });
    const size = { mode: "bilinear", size: [16, 16], alignCorners: false, halfPixelCenters: true } as const;
    const large = g.concat("joined", [g.resize("large", small, size), y, g.unary("t", y, "tanh", 0)]);
    const held = g.minimum(
      "held",
      g.maximum("above", large, g.constant("least", [1, 1, 1, 24])),
      g.constant("most2", [1, 1, 16, 1]),
    );
    const shifted = g.subtract("shifted", g.constant("one", [1, 1, 1, 1]), held);
    const graph = g.build([g.conv2d("out", g.reshape("r", shifted, [8, 32, 24]), { filters: 5, bias: true })]);
    const weights = randomWeights(graph, 4);
    const shown = pictures(batch, 16 * 16 * 3, 77);
    const { network } = quantize(graph, weights, pictures(6, 16 * 16 * 3, 1), { run: runFloat });
    const simulated = new SimulatedNetwork(engine, network, batch);
    simulated.load(network);
    show(simulated, shown);
    simulated.forward();
    expectTheSame(differences(simulated, network, shown));
    simulated.dispose();
    const interpreter = new IntegerInterpreter(network);
    const { scale, zeroPoint } = network.values.out;
    let [signal, noise] = [0, 0];
    for (const picture of shown) {
      const [exact, [int8]] = [
        runFloat(graph, weights, { image: tensor("float32", [1, 16, 16, 3], picture) }).out.data,
        interpreter.run(quantizeInput(picture)),
      ];
      exact.forEach((value, i) => {
        signal += value ** 2;
        noise += (value - scale * (int8[i] - zeroPoint)) ** 2;
      });
    }
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(25);
    for (const node of network.graph.nodes)
      if (["concat", "maximum", "minimum"].includes(node.op))
        for (const input of node.inputs) expect(network.values[input]).toEqual(network.values[node.name]);
  });

  test("pictures between the steps of int8 are rounded first, as the integer network sees them", () => {
    const { network } = prepare();
    const simulated = new SimulatedNetwork(engine, network, 1);
    simulated.load(network);
    const [picture] = pictures(1, 16 * 16 * 3, 9);
    simulated.input("image").set(picture);
    simulated.forward();
    const exact = simulated.output("detect").slice();
    simulated.input("image").set(picture.map((x) => x + 0.003));
    simulated.forward();
    expect(simulated.output("detect")).toEqual(exact);
    simulated.dispose();
  });

  test("an op that int8 has not is refused by name", () => {
    const g = new GraphBuilder("test");
    const graph = g.build([g.softmax("p", g.conv2d("c", g.input("image", [1, 4, 4, 3]), { filters: 2 }))]);
    expect(() => new SimulatedNetwork(engine, { graph }, 1)).toThrow(/softmax "p": has no int8.*logits/);
  });
});

/**
 * The gradient's rule in doubles. Around the current point, rounding has a slope of 1 where int8 does not clamp and 0
 * where it does; tables have the activation's slope; integer weights move like float ones. `backward` should equal the
 * finite differences of this function.
 */
function straightThrough(network: QuantizedNetwork, shown: Float32Array[]) {
  const { graph, values } = network;
  const real = realWeights(network);
  const anchors: { before: Float64Array; after: Float64Array; slope: Float64Array }[] = [];
  const run = (moved: Record<string, Float64Array>, record: boolean): Record<string, Float64Array> => {
    let anchor = 0;
    const made: Record<string, Float64Array> = {};
    const weights = Object.fromEntries(
      Object.entries(real).map(([name, { shape, data }]) => [name, { shape, data: moved[name] ?? data }]),
    );
    for (const node of graph.nodes) {
      const shape = (of: string): number[] => [shown.length, ...graph.shapes[of].slice(1)];
      const inputs = node.inputs.map((input) => ({ shape: shape(input), data: made[input] }));
      const given = { image: shown.flatMap((picture) => [...picture]) };
      const bare = { ...node, attributes: { ...node.attributes, activation: "none" } } as typeof node;
      const x = compute(bare, shape(node.name), inputs, (role) => weights[node.parameters[role]], {
        inputs: given,
        masks: {},
        training: false,
      });
      made[node.name] = x;
      if (["input", "maxPool", "flatten"].includes(node.op)) continue;
      const table = node.op === "hardswish" || node.op === "sigmoid";
      const { scale, zeroPoint } = values[node.name];
      const fused = node.op === "conv2d" && node.attributes.activation === "relu6";
      const least = fused ? Math.max(-128, zeroPoint) : -128;
      const most = fused ? Math.min(127, zeroPoint + Math.round(6 / scale)) : 127;
      if (record) {
        const q = x.map((v) => Math.round(v / scale) + zeroPoint);
        const after = q.map((v) => scale * (Math.min(most, Math.max(least, v)) - zeroPoint));
        const before = table ? inputs[0].data : x;
        const slope = q.map((v, i) => {
          if (v < least || v > (node.op === "sigmoid" ? 128 : most)) return 0;
          const z = before[i];
          if (node.op === "sigmoid") return x[i] * (1 - x[i]);
          if (node.op !== "hardswish") return 1;
          return Math.min(1, Math.max(0, z / 6 + 0.5)) + (Math.abs(z) < 3 ? z / 6 : 0);
        });
        anchors.push({ before: before.slice(), after, slope });
      }
      const { before, after, slope } = anchors[anchor++];
      const now = table ? inputs[0].data : x;
      made[node.name] = after.map((y, i) => y + slope[i] * (now[i] - before[i]));
    }
    return made;
  };
  run({}, true);
  return { run: (moved: Record<string, Float64Array>) => run(moved, false), real };
}

test("gradients are those of the straight-through rule in doubles", () => {
  // No sum lies so close to a tie or to an end of a range that float32 rounds or clamps it the other way.
  const { network, weights } = prepare(2);
  const executor = new AwareExecutor(engine, network, weights, batch);
  const shown = pictures(batch, 16 * 16 * 3, 70);
  show(executor, shown);
  executor.forward();
  const random = new Random(5);
  const cotangents = network.graph.outputs.map((name) => executor.output(name).map(() => random.normal()));
  for (const [o, name] of network.graph.outputs.entries()) executor.setCotangent(name, cotangents[o]);
  executor.backward();
  const gradients = executor.gradients();
  const quantized = executor.quantized();
  const { run, real } = straightThrough(quantized, shown);
  const loss = (moved: Record<string, Float64Array>): number => {
    const made = run(moved);
    return network.graph.outputs.reduce(
      (sum, name, o) => sum + made[name].reduce((s, y, i) => s + y * cotangents[o][i], 0),
      0,
    );
  };
  const errors: number[] = [];
  for (const [name, { data }] of Object.entries(real)) {
    const gradient = gradients[name].data;
    const largest = Math.max(1e-3, ...gradient.map(Math.abs));
    const i = random.integer(data.length);
    const [up, down] = [1e-4, -1e-4].map((h) => {
      const moved = Float64Array.from(data);
      moved[i] += h;
      return loss({ [name]: moved });
    });
    const error = Math.abs(gradient[i] - (up - down) / 2e-4) / largest;
    expect(error, `${name}[${i}]`).toBeLessThan(0.05);
    errors.push(error);
  }
  expect(errors.sort((a, b) => a - b)[errors.length >> 1]).toBeLessThan(0.005);
  executor.dispose();
});

describe("a training", () => {
  /** Trains for some steps towards constant outputs. */
  function train(executor: AwareExecutor, first: number, steps: number): void {
    for (let step = first; step < first + steps; step++) {
      show(executor, pictures(batch, 16 * 16 * 3, 100 + step));
      executor.forward();
      for (const name of executor.graph.network.outputs)
        executor.setCotangent(
          name,
          executor.output(name).map((y) => (y - 3) / 100),
        );
      executor.backward();
      executor.optimizerStep({ kind: "adamw", learningRate: 2e-3, step: step + 1 });
      executor.updateEma(0.9);
    }
  }

  test("resumed it is the same, and ranges follow until they are frozen", () => {
    const { network, weights } = prepare();
    const whole = new AwareExecutor(engine, network, weights, batch);
    expect(whole.quantized().values).toEqual(network.values);
    train(whole, 0, 60);
    const state = whole.state();
    train(whole, 60, 5);
    const resumed = new AwareExecutor(engine, network, weights, batch);
    resumed.setState(state);
    train(resumed, 60, 5);
    expect(resumed.state()).toEqual(whole.state());
    expect(resumed.quantized()).toEqual(whole.quantized());
    const followed = whole.quantized().values;
    expect(followed["b1.skip"]).not.toEqual(network.values["b1.skip"]);
    whole.frozen = true;
    train(whole, 65, 3);
    expect(whole.quantized().values).toEqual(followed);
    expect(() => whole.setState({ ...state, "ranges/averages": tensor("float32", [1]) })).toThrow(/no int8 ranges/);
    for (const each of [whole, resumed]) each.dispose();
  });

  test("the trained network still computes what its integer form does", () => {
    const { network, weights } = prepare();
    const executor = new AwareExecutor(engine, network, weights, batch);
    train(executor, 0, 30);
    const shown = pictures(batch, 16 * 16 * 3, 300);
    show(executor, shown);
    const quantized = executor.quantized();
    executor.frozen = true;
    executor.forward();
    expectTheSame(differences(executor, quantized, shown));
    expect(executor.paddingIsZero()).toBe(true);
    executor.dispose();
  });
});
