/**
 * Random layers, graphs and networks, drawn by fast-check with a fixed seed, so that they are the same in every run.
 */
import { GraphBuilder, makeGraph } from "@phinets/core/graph";
import fc from "fast-check";
import { randomGraphs } from "../../random-graph.js";
import { randomMoves } from "../../random-moves.js";
import { randomNetwork } from "../../random-network.js";
import type { Case } from "../case.js";

const seed = 7;
const upTo = (most: number, least = 0) => fc.integer({ min: least, max: most });

const convolutions = fc
  .record({
    ...{ height: upTo(9, 3), width: upTo(9, 3), channels: upTo(20, 1), filters: upTo(20, 1) },
    ...{ kernel: upTo(3, 1), stride: upTo(3, 1), depthwise: fc.boolean(), bias: fc.boolean() },
    padding: fc.record({ top: upTo(2), bottom: upTo(2), left: upTo(2), right: upTo(2) }),
    activation: fc.constantFrom("none" as const, "relu6" as const),
  })
  .map(({ height, width, channels, filters, depthwise, ...options }) => {
    const g = new GraphBuilder("convolution");
    const x = g.input("x", [1, height, width, channels]);
    return g.build([depthwise ? g.depthwise("y", x, options) : g.conv2d("y", x, { ...options, filters })]);
  });

// A graph in which an output is the input, or another output reshaped, is not a network.
const graphs = randomGraphs(1)
  .map((graph) => {
    const outputs = graph.outputs.filter((output) => {
      const { op } = graph.nodes.find(({ name }) => name === output)!;
      return op !== "input" && op !== "flatten";
    });
    return outputs.length === 0 ? undefined : makeGraph(graph.name, graph.nodes, outputs);
  })
  .filter((graph) => graph !== undefined);

export const randomCases: readonly Case[] = [
  ...fc.sample(convolutions, { seed, numRuns: 40 }).map((graph, i) => ({ name: `random convolution ${i}`, graph })),
  ...fc.sample(graphs, { seed, numRuns: 30 }).map((graph, i) => ({ name: `random graph ${i}`, graph })),
  ...Array.from({ length: 12 }, (_, i) => ({ name: `random moves ${i}`, graph: randomMoves(i) })),
  ...Array.from({ length: 12 }, (_, i) => ({ name: `random network ${i}`, graph: randomNetwork(i).graph })),
];
