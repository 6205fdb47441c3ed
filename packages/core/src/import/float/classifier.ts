/** Reduces another tool's classifier to a vector of logits; the host turns these into probabilities. */
import { endsWithSoftmax, type Graph, makeGraph, type Node } from "../../graph/index.js";
import type { FloatNetwork } from "./network.js";

/**
 * The network without a softmax at its end, and with a vector in place of a map of one pixel. A detector is returned
 * unchanged.
 */
export function asClassifier(network: FloatNetwork): FloatNetwork {
  const notes = [...network.notes];
  let { graph } = network;
  const { head = "classifier" } = network.reading ?? {};
  if (graph.outputs.length !== 1 || head !== "classifier") return network;
  if (endsWithSoftmax(graph)) {
    const last = lastOf(graph);
    graph = makeGraph(
      graph.name,
      graph.nodes.filter((node) => node !== last),
      last.inputs,
    );
    notes.push("the softmax at the end is left out: who reads the scores computes it");
  }
  const [output] = graph.outputs;
  const [, height, width, channels] = graph.shapes[output];
  if (channels === undefined || height * width !== 1) return { ...network, graph, notes };
  let name = `${output}:vector`;
  while (Object.hasOwn(graph.shapes, name)) name += "_";
  const flatten: Node = { name, op: "flatten", inputs: [output], parameters: {}, attributes: {} };
  return { ...network, graph: makeGraph(graph.name, [...graph.nodes, flatten], [name]), notes };
}

const lastOf = ({ nodes, outputs }: Graph): Node => nodes.find(({ name }) => name === outputs[0]) as Node;
