/** Multiply-accumulates of convolutions and dense layers, per picture; nothing else counts. */
import type { Graph, Node } from "../graph/index.js";
import { parametersOf } from "./parameters.js";

/** Multiply-accumulates of one node for one picture (the batch dimension is left out). */
export function macsOf(graph: Graph, node: Node): number {
  if (node.op === "dense") return node.attributes.units * graph.shapes[node.inputs[0]][1];
  if (node.op !== "conv2d") return 0;
  const [, height, width, filters] = graph.shapes[node.name];
  const { kernel, groups } = node.attributes;
  return (height * width * filters * kernel[0] * kernel[1] * graph.shapes[node.inputs[0]][3]) / groups;
}

/** Multiply-accumulates of a graph for one picture. */
export function countMacs(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => sum + macsOf(graph, node), 0);
}

/**
 * What torchinfo's "Total mult-adds" says of the same network, for comparisons with figures that others print: every
 * trained value of a convolution once a pixel, its bias among them, and of a dense layer and a batch norm once.
 */
export function countTorchinfoMacs(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => {
    const [, height = 1, width = 1] = node.op === "conv2d" ? graph.shapes[node.name] : [];
    return sum + parametersOf(graph, node) * height * width;
  }, 0);
}
