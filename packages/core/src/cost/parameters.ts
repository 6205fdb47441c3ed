/** Trainable parameters, counted as PyTorch does, without batch-norm statistics. */
import { type Graph, type Node, trainable } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";

/** Trainable values of one node. */
export function parametersOf(graph: Graph, node: Node): number {
  let count = 0;
  for (const name of Object.values(node.parameters)) {
    const { kind, shape } = graph.parameters[name];
    if (trainable[kind]) count += sizeOf(shape);
  }
  return count;
}

/** Trainable values of a graph. */
export function countParameters(graph: Graph): number {
  return graph.nodes.reduce((sum, node) => sum + parametersOf(graph, node), 0);
}
