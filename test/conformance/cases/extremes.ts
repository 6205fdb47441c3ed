/** Extreme int8 numbers: zero points, outputs that saturate or hardly vary, unusual sums and multipliers. */
import { type Graph, GraphBuilder } from "@phinets/core/graph";
import type { QuantizationParameters, QuantizedNetwork } from "@phinets/core/quantization";
import { tensor } from "@phinets/core/tensor";
import { randomlyQuantized } from "../../random-network.js";
import type { Case } from "../case.js";
import { unaries } from "./operators.js";

interface Extreme {
  readonly name: string;
  /** Zero point of every value whose quantisation is free. */
  readonly zeroPoint?: number;
  /** Scale factor of the last value whose quantisation is free: 1/16 saturates at both ends, 64 leaves a few steps. */
  readonly scale?: number;
}

const extremes: readonly Extreme[] = [
  { name: "zero points at -128", zeroPoint: -128 },
  { name: "zero points at 127", zeroPoint: 127 },
  { name: "saturated at both ends", scale: 1 / 16 },
  { name: "of a few steps", scale: 64 },
];

/** Operators that keep their input's quantisation, or have a fixed one. */
const bound = new Set(["input", "sigmoid", "relu", "relu6", "maxPool", "pad", "flatten"]);

function at({ zeroPoint, scale = 1 }: Extreme): Case["quantize"] {
  return (graph, seed) => {
    const q = randomlyQuantized(graph, seed);
    const last = graph.nodes.findLast(({ op }) => !bound.has(op))!.name;
    const values: Record<string, QuantizationParameters> = {};
    for (const { name, op, inputs } of graph.nodes) {
      const drawn = q.values[name];
      if (op === "input" || op === "sigmoid") values[name] = drawn;
      else if (bound.has(op)) values[name] = values[inputs[0]];
      else
        values[name] = {
          scale: Math.fround(drawn.scale * (name === last ? scale : 1)),
          zeroPoint: zeroPoint ?? drawn.zeroPoint,
        };
    }
    return { ...q, values };
  };
}

/** On a map that a convolution produces, so that its zero point is extreme too. */
const bodies: Readonly<Record<string, (g: GraphBuilder, x: string) => string>> = {
  pointwise: (g, x) => g.conv2d("y", x, { filters: 9, bias: true }),
  "pointwise relu6": (g, x) => g.conv2d("y", x, { filters: 8, activation: "relu6" }),
  convolution: (g, x) => g.conv2d("y", x, { filters: 5, kernel: 3, padding: 1, stride: 2, bias: true }),
  depthwise: (g, x) => g.depthwise("y", x, { kernel: 3, padding: 1, bias: true }),
  "depthwise relu6": (g, x) => g.depthwise("y", x, { kernel: 5, padding: 2, activation: "relu6" }),
  dense: (g, x) => g.dense("y", g.flatten("flat", x), 5, {}),
  add: (g, x) => g.add("y", x, g.conv2d("other", x, { filters: 6, bias: true })),
  multiply: (g, x) => g.multiply("y", x, g.conv2d("other", x, { filters: 6, bias: true })),
  "multiply per channel": (g, x) => g.multiply("y", x, g.sigmoid("gate", g.globalAveragePool("mean", x))),
  globalAveragePool: (g, x) => g.globalAveragePool("y", x),
  hardswish: (g, x) => g.hardswish("y", x),
  relu: (g, x) => g.relu("y", x),
  relu6: (g, x) => g.relu6("y", x),
  sigmoid: (g, x) => g.sigmoid("y", x),
  // tanh has a fixed output quantisation.
  ...Object.fromEntries(
    unaries
      .filter((of) => of !== "tanh")
      .map((of) => [`unary ${of}`, (g: GraphBuilder, x: string) => g.unary("y", x, of, of === "leakyRelu" ? 0.1 : 0)]),
  ),
  maxPool: (g, x) => g.maxPool("y", x, 3, 2),
  pad: (g, x) => g.pad("y", x, { top: 1, bottom: 0, left: 2, right: 1 }),
};

function onStem(name: string, body: (g: GraphBuilder, x: string) => string): Graph {
  const g = new GraphBuilder(name);
  return g.build([body(g, g.conv2d("stem", g.input("x", [1, 6, 5, 3]), { filters: 6, bias: true }))]);
}

/**
 * Sums up to int32's limits, left shifts, and multipliers so small that nothing remains: four inputs, six filters of
 * ones.
 */
const largeSums: Case = {
  name: "dense, sums up to 2^31 and shifts from left to nothing",
  graph: (() => {
    const g = new GraphBuilder("large sums");
    return g.build([g.dense("y", g.flatten("flat", g.input("x", [1, 1, 1, 4])), 6)]);
  })(),
  quantize: (graph): QuantizedNetwork => ({
    graph,
    values: {
      x: { scale: 1, zeroPoint: 0 },
      flat: { scale: 1, zeroPoint: 0 },
      y: { scale: 1, zeroPoint: 3 },
    },
    weightScales: { "y.weight": [2 ** -25, 2 ** -24, 3, 0.7, 2 ** -31, 2 ** -40] },
    weights: {
      "y.weight": tensor("int8", [6, 4], new Int8Array(24).fill(1)),
      "y.bias": tensor("int32", [6], Int32Array.of(2 ** 30, -(2 ** 30), 7, -7, 2 ** 31 - 1, 2 ** 31 - 1)),
    },
  }),
};

export const extremeCases: readonly Case[] = [
  ...extremes.flatMap((extreme) =>
    Object.entries(bodies).map(([operator, body]): Case => {
      const name = `${operator}, ${extreme.name}`;
      return { name, graph: onStem(name, body), quantize: at(extreme) };
    }),
  ),
  largeSums,
];
