/** Adds a rescaling to inputs of joins: concat, maximum and minimum, whose inputs share one scale in int8. */
import { type Graph, makeGraph, type Node } from "../graph.js";
import { opTraits } from "../traits.js";

/** Whether int8 arithmetic needs all inputs of the operator under its output's scale. */
export const isJoin = ({ op }: Node): boolean => op === "concat" || op === "maximum" || op === "minimum";

/**
 * A deployed graph in which each input of a join goes through an `identity` of its own, named "JOIN:0", "JOIN:1", ...,
 * unless all inputs have one scale by construction (such as several pools of one map). An int8 network computes the
 * identity by table lookup. Constants need no rescaling.
 */
export function rescaleJoins(graph: Graph): Graph {
  const nodes: Node[] = [];
  const names = new Set(graph.nodes.map(({ name }) => name));
  const constants = new Set(graph.nodes.flatMap(({ name, op }) => (op === "constant" ? [name] : [])));
  /** For each value, the value whose scale it shares. */
  const scaleOf = new Map<string, string>();
  for (const node of graph.nodes) {
    const { name, op, inputs } = node;
    const scales = new Set(inputs.map((input) => scaleOf.get(input)));
    const keeps = opTraits[op].int8 === "keeps" || op === "relu" || op === "relu6";
    const [scale] = scales;
    scaleOf.set(name, keeps && scales.size === 1 && scale !== undefined ? scale : name);
    if (!isJoin(node) || scales.size === 1) {
      nodes.push(node);
      continue;
    }
    const rescaled = inputs.map((input, i) => {
      if (constants.has(input)) return input;
      let own = `${name}:${i}`;
      while (names.has(own)) own += "_";
      names.add(own);
      const attributes = { function: "identity", alpha: 0 } as const;
      nodes.push({ name: own, op: "unary", inputs: [input], parameters: {}, attributes });
      return own;
    });
    nodes.push({ ...node, inputs: rescaled } as Node);
  }
  return nodes.length === graph.nodes.length ? graph : makeGraph(graph.name, nodes, graph.outputs);
}
