import { describe, expect, it } from "vitest";
import { IntegerInterpreter, runFloat } from "../inference/index.js";
import { lowerToInteger } from "../quantization/index.js";
import { lowerToSteps } from "../target/index.js";
import { type FloatWeights, Random, sizeOf, tensor, type Weights } from "../tensor/index.js";
import { type Graph, GraphBuilder, type OpName, opTraits, soleReaders } from "./index.js";

/** Each operator on a map (or vector) `x` and, where it reads two, `other` of the same shape. */
const examples: Record<Exclude<OpName, "input">, (g: GraphBuilder, x: string, other: string) => string> = {
  conv2d: (g, x) => g.conv2d("y", x, { filters: 3, kernel: 3, padding: 1, bias: true }),
  dense: (g, x) => g.dense("y", g.flatten("flat", x), sizeOf(g.shape(x))),
  batchNorm: (g, x) => g.batchNorm("y", x),
  relu: (g, x) => g.relu("y", x),
  relu6: (g, x) => g.relu6("y", x),
  hardswish: (g, x) => g.hardswish("y", x),
  sigmoid: (g, x) => g.sigmoid("y", x),
  unary: (g, x) => g.unary("y", x, "abs"),
  softmax: (g, x) => g.softmax("y", x),
  add: (g, x, other) => g.add("y", x, other),
  multiply: (g, x, other) => g.multiply("y", x, other),
  subtract: (g, x, other) => g.subtract("y", x, other),
  maximum: (g, x, other) => g.maximum("y", x, other),
  minimum: (g, x, other) => g.minimum("y", x, other),
  constant: (g, x) => g.constant("y", g.shape(x)),
  globalAveragePool: (g, x) => g.globalAveragePool("y", x),
  averagePool: (g, x) =>
    g.averagePool("y", x, { kernel: [2, 2], stride: [1, 1], padding: { top: 1, bottom: 0, left: 0, right: 1 } }),
  maxWindow: (g, x) =>
    g.maxWindow("y", x, { kernel: [2, 3], stride: [1, 2], padding: { top: 1, bottom: 0, left: 1, right: 1 } }),
  maxPool: (g, x) => g.maxPool("y", x, 2),
  pad: (g, x) => g.pad("y", x, { top: 1, bottom: 0, left: 2, right: 1 }),
  resize: (g, x) => g.resize("y", x, { mode: "nearest", size: [7, 3], alignCorners: false, halfPixelCenters: true }),
  slice: (g, x) => g.slice("y", x, { begin: [1, 0, 1], size: [3, 2, 2], step: [1, 2] }),
  concat: (g, x, other) => g.concat("y", [x, other]),
  dropout: (g, x) => g.dropout("y", x, 0.5),
  flatten: (g, x) => g.flatten("y", x),
  reshape: (g, x) => g.reshape("y", x, [3, 2, 10]),
};
const names = Object.keys(examples) as (keyof typeof examples)[];
const shape = [1, 4, 5, 3];

function graphOf(op: keyof typeof examples, inputs: 1 | 2): Graph {
  const g = new GraphBuilder(op);
  const x = g.input("x", shape);
  return g.build([examples[op](g, x, inputs === 2 ? g.input("other", shape) : x)]);
}

function random(shape: readonly number[], seed: number) {
  const draw = new Random(seed);
  return tensor(
    "float32",
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => draw.uniform(0.5, 2)),
  );
}

describe("opTraits", () => {
  it.each(names)("%s: works in place iff each output element depends only on the input elements at its place", (op) => {
    const graph = graphOf(op, 2);
    const weights: FloatWeights = Object.fromEntries(
      Object.entries(graph.parameters).map(([name, { shape }], i) => [name, random(shape, i)]),
    );
    const [x, other] = [random(shape, 8), random(shape, 9)];
    const run = () => runFloat(graph, weights, { x, other }).y.data.slice();
    const before = run();
    let local = before.length === x.data.length;
    for (const input of [x, other])
      for (let i = 0; i < input.data.length; i++) {
        const kept = input.data[i];
        input.data[i] += 0.25;
        if (run().some((value, k) => k !== i && value !== before[k])) local = false;
        input.data[i] = kept;
      }
    expect(opTraits[op].inPlace).toBe(local);
  });

  it.each(names)("%s: behaves in an int8 network as its trait says", (op) => {
    const graph = graphOf(op, 1);
    const plain = { scale: 1 / 64, zeroPoint: 3 };
    const values = Object.fromEntries(graph.nodes.map(({ name }) => [name, plain]));
    if (op === "sigmoid" || op === "softmax") values.y = { scale: 1 / 256, zeroPoint: -128 };
    const weightScales: Record<string, number[]> = {};
    const weights: Weights = {};
    for (const [name, { kind, shape }] of Object.entries(graph.parameters)) {
      if (kind === "weight") weightScales[name] = new Array(shape[0]).fill(0.01);
      const data = Array.from({ length: sizeOf(shape) }, (_, i) => (i % 7) - 3);
      weights[name] =
        kind === "bias" ? tensor("int32", shape, Int32Array.from(data)) : tensor("int8", shape, Int8Array.from(data));
    }
    const q = { graph, values, weightScales, weights };
    if (opTraits[op].int8 === "none") {
      expect(() => lowerToInteger(q)).toThrow(/has no int8 arithmetic/);
      return;
    }
    const node = lowerToInteger(q).at(-1)!;
    const picture = Int8Array.from({ length: sizeOf(shape) }, (_, i) => 5 * i - 120);
    const [bytes] = new IntegerInterpreter(q).run(picture);
    const ways: Record<string, string> = { lookup: "table", softmax: "own", constant: "own" };
    const rescales = "multiplier" in node || "multipliers" in node;
    const behaviour = rescales ? "rescales" : (ways[node.op] ?? "keeps");
    expect(opTraits[op].int8).toBe(behaviour);
    // The first window of the average pool covers two pixels.
    if (op === "averagePool") expect(bytes[0]).toBe(Math.round((picture[0] + picture[3]) / 2 - 0.1));
    else if (behaviour === "keeps") expect([...picture, plain.zeroPoint]).toEqual(expect.arrayContaining([...bytes]));
  });
});

it("soleReaders: the only reader of each value that is not an output", () => {
  const g = new GraphBuilder("readers");
  const x = g.input("x", shape);
  const once = g.relu6("once", x);
  const twice = g.add("twice", once, g.hardswish("square", x));
  const same = g.add("same", twice, twice);
  const end = g.relu6("end", same);
  const graph = g.build([end, same]);
  const readers = soleReaders(graph.nodes, graph.outputs);
  expect([...readers].map(([value, { name }]) => [value, name])).toEqual([
    ["once", "twice"],
    ["square", "twice"],
  ]);
});

it("a 1x1 convolution of one channel to one is a product, for the interpreter and for the firmware", () => {
  const g = new GraphBuilder("one");
  const graph = g.build([g.conv2d("y", g.input("x", [1, 4, 4, 1]), { filters: 1 })]);
  const value = { scale: 1, zeroPoint: 0 };
  const weights = { "y.weight": tensor("int8", [1, 1, 1, 1], Int8Array.of(3)) };
  const q = { graph, values: { x: value, y: value }, weightScales: { "y.weight": [0.1] }, weights };
  expect(lowerToInteger(q).at(-1)).toMatchObject({ op: "conv2d", depthwise: false });
  expect(lowerToSteps(graph, { dsp: false }).steps.map(({ kernel }) => kernel)).toEqual(["pointwise"]);
});
