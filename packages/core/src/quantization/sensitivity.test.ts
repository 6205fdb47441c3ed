import { describe, expect, it } from "vitest";
import { type Graph, GraphBuilder } from "../graph/index.js";
import { runFloat } from "../inference/index.js";
import { type FloatWeights, Random, sizeOf, tensor } from "../tensor/index.js";
import { Moments, outputSensitivity } from "./index.js";

const random = new Random(8);

function randomWeights(graph: Graph): FloatWeights {
  return Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { shape }]) => [
      name,
      tensor(
        "float32",
        shape,
        new Float32Array(sizeOf(shape)).map(() => random.normal()),
      ),
    ]),
  );
}

/** Random pictures of a graph's input `x`. */
function picturesOf(graph: Graph, count: number) {
  const shape = [count, ...graph.shapes.x.slice(1)];
  return {
    x: tensor(
      "float32",
      shape,
      new Float32Array(sizeOf(shape)).map(() => random.normal()),
    ),
  };
}

function sensitivityOf(graph: Graph, weights: FloatWeights, pictures: ReturnType<typeof picturesOf>) {
  const moments = new Moments(graph);
  moments.observe(runFloat(graph, weights, pictures));
  return outputSensitivity(graph, weights, moments);
}

/**
 * For each channel of the input: the mean over its elements and the pictures of the sum of the outputs' squared
 * derivatives, by central differences; the channels average 1.
 */
function squaredDerivatives(graph: Graph, weights: FloatWeights, { x }: ReturnType<typeof picturesOf>): Float64Array {
  const channels = x.shape.at(-1)!;
  const squares = new Float64Array(channels);
  const moved = (i: number, by: number) => {
    const data = x.data.slice();
    data[i] += by;
    const values = runFloat(graph, weights, { x: tensor("float32", x.shape, data) });
    return graph.outputs.flatMap((name) => [...values[name].data]);
  };
  const step = 2 ** -6;
  for (let i = 0; i < x.data.length; i++) {
    const [up, down] = [moved(i, step), moved(i, -step)];
    squares[i % channels] += up.reduce((sum, y, k) => sum + ((y - down[k]) / (2 * step)) ** 2, 0);
  }
  return normalised(squares);
}

function normalised(values: Float64Array): Float64Array {
  const mean = values.reduce((sum, each) => sum + each) / values.length;
  return values.map((each) => each / mean);
}

/** Graphs in which an output depends on an element by one path. */
const onePath: Record<string, (g: GraphBuilder, x: string) => string> = {
  "pointwise convolution": (g, x) => g.conv2d("y", x, { filters: 5 }),
  "depthwise convolution": (g, x) => g.depthwise("y", x, { kernel: 1, stride: 2 }),
  "grouped convolution": (g, x) => g.conv2d("y", x, { filters: 6, groups: 2 }),
  "pool and dense": (g, x) => g.dense("y", g.flatten("f", g.globalAveragePool("p", x)), 3),
  "flatten and dense": (g, x) => g.dense("y", g.flatten("f", x), 3),
  hardswish: (g, x) => g.conv2d("y", g.hardswish("h", g.depthwise("d", x, { kernel: 1 })), { filters: 4 }),
  sigmoid: (g, x) => g.depthwise("y", g.sigmoid("s", x), { kernel: 1 }),
  tanh: (g, x) => g.depthwise("y", g.unary("t", x, "tanh", 0), { kernel: 1 }),
  "multiplication by a constant": (g, x) => g.multiply("y", x, g.constant("c", [1, 1, 1, 4])),
  "slice, pad and concat": (g, x) => {
    const part = (name: string, from: number) =>
      g.slice(name, x, { begin: [0, 0, from], size: [4, 4, 2], step: [1, 1] });
    const joined = g.concat("j", [part("late", 2), part("early", 0)]);
    return g.depthwise("y", g.pad("padded", joined, { top: 1, bottom: 0, left: 0, right: 1 }), { kernel: 1 });
  },
  "average pool": (g, x) =>
    g.depthwise(
      "y",
      g.averagePool("a", x, { kernel: [2, 2], stride: [2, 2], padding: { top: 0, bottom: 0, left: 0, right: 0 } }),
      { kernel: 1 },
    ),
};

describe("outputSensitivity", () => {
  it.each(Object.entries(onePath))("is the mean squared derivative along one path: %s", (_, build) => {
    const g = new GraphBuilder("net");
    const graph = g.build([build(g, g.input("x", [1, 4, 4, 4]))]);
    const weights = randomWeights(graph);
    const pictures = picturesOf(graph, 3);
    const expected = squaredDerivatives(graph, weights, pictures);
    for (const [c, found] of sensitivityOf(graph, weights, pictures).get("x")!.entries())
      expect(found / expected[c]).toBeCloseTo(1, 2);
  });

  it("of several paths is the mean over all signs of the weights", () => {
    const g = new GraphBuilder("net");
    const x = g.input("x", [1, 1, 1, 2]);
    const graph = g.build([g.conv2d("z", g.conv2d("y", x, { filters: 2 }), { filters: 2 })]);
    const weights = randomWeights(graph);
    const pictures = picturesOf(graph, 1);
    const sum = new Float64Array(2);
    for (let signs = 0; signs < 256; signs++) {
      const signed = Object.fromEntries(
        Object.entries(weights).map(([name, { shape, data }], layer) => [
          name,
          tensor(
            "float32",
            shape,
            data.map((w, i) => ((signs >> (4 * layer + i)) & 1 ? -w : w)),
          ),
        ]),
      );
      // The graph is linear, so its outputs for a picture of one 1 are its derivatives.
      const y = (picture: number[]) =>
        runFloat(graph, signed, { x: tensor("float32", [1, 1, 1, 2], Float32Array.from(picture)) }).z.data;
      for (const c of [0, 1]) sum[c] += y(c === 0 ? [1, 0] : [0, 1]).reduce((s, each) => s + each * each, 0);
    }
    const expected = normalised(sum);
    const found = sensitivityOf(graph, weights, pictures).get("x")!;
    for (const c of [0, 1]) expect(found[c]).toBeCloseTo(expected[c], 4);
  });

  it("of a gated value is that of the channels whose gates are open", () => {
    const g = new GraphBuilder("net");
    const x = g.input("x", [1, 4, 4, 2]);
    const gate = g.sigmoid("gate", g.depthwise("d", g.globalAveragePool("p", x), { kernel: 1, bias: true }));
    const graph = g.build([g.multiply("y", x, gate)]);
    const weights = randomWeights(graph);
    weights["d.weight"].data.fill(0);
    weights["d.bias"].data.set([0, -40]);
    const found = sensitivityOf(graph, weights, picturesOf(graph, 2)).get("x")!;
    expect(found[0]).toBeCloseTo(2, 5);
    expect(found[1]).toBeLessThan(1e-9);
  });

  it("is 1 where no output depends on the value", () => {
    const g = new GraphBuilder("net");
    const graph = g.build([g.conv2d("y", g.input("x", [1, 2, 2, 3]), { filters: 2 })]);
    const weights = randomWeights(graph);
    weights["y.weight"].data.fill(0);
    expect([...sensitivityOf(graph, weights, picturesOf(graph, 1)).get("x")!]).toEqual([1, 1, 1]);
  });
});
