/** Multiply-accumulates of convolutions and dense layers per picture; other operators do not count. */
import type { Graph, Node } from "../graph/index.js";
import { parametersOf } from "./parameters.js";

/** Multiply-accumulates of one node for one picture, whatever the batch size. */
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
 * torchinfo's "Total mult-adds" of the same network, for comparison with published figures: every trained value of a
 * convolution, including its bias, counts once per pixel, and every trained value of a dense layer or batch norm once.
 */
export function countTorchinfoMacs(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => {
    const [, height = 1, width = 1] = node.op === "conv2d" ? graph.shapes[node.name] : [];
    return sum + parametersOf(graph, node) * height * width;
  }, 0);
}
