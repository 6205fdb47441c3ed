/** Where values meet that int8 has to hold under one scale: concat, maximum, minimum. */
import { type Graph, makeGraph, type Node } from "../graph.js";
import { opTraits } from "../traits.js";

/** Operators whose inputs have the output's scale. */
export const isJoin = ({ op }: Node): boolean => op === "concat" || op === "maximum" || op === "minimum";

/**
 * A deployed graph in which each input of a join that may have another scale than its siblings goes through an `identity`
 * of its own, "JOIN:0", "JOIN:1", ..., which an int8 network looks up. Parts of one value under its scale, as the
 * pools of one map, and constants stay as they are.
 */
export function rescaleJoins(graph: Graph): Graph {
  const nodes: Node[] = [];
  const names = new Set(graph.nodes.map(({ name }) => name));
  const constants = new Set(graph.nodes.flatMap(({ name, op }) => (op === "constant" ? [name] : [])));
  /** The value whose scale each value has. */
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
