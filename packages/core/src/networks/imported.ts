/** The graph that the document of an imported float network holds. */
import { type Graph, type GraphDocument, graphDocument, graphFromDocument, inputsOf } from "../graph/index.js";
import { formatShape, PhinetsError, type Shape, sameShape } from "../tensor/index.js";
import { classCount, type Head, type ImportedNetwork, type NetworkInput } from "./network.js";

/** Name of the input value of every network: `[1, height, width, channels]`, pixel / 128 - 1. */
export const inputName = "image";

/**
 * Validates the `graph` of a network.json: it takes the network's input and gives what its head reads.
 * Throws PhinetsError whose `path` is "graph".
 */
export function parseImportedGraph(
  value: unknown,
  network: { readonly input: NetworkInput; readonly head: Head },
): GraphDocument {
  const graph = graphFromDocument(value, "graph");
  const { height, width, channels } = network.input;
  const inputs = inputsOf(graph);
  const wanted = [1, height, width, channels];
  if (inputs.length !== 1 || inputs[0].name !== inputName || !sameShape(graph.shapes[inputName], wanted))
    refuse(
      `takes ${inputs.map(({ name }) => `${name} ${formatShape(graph.shapes[name])}`).join(", ") || "nothing"}; ${inputName} ${formatShape(wanted)} is needed`,
    );
  if (graph.outputs.length !== 1) refuse(`has ${graph.outputs.length} outputs; one is needed`);
  const output = graph.shapes[graph.outputs[0]];
  const problem = headProblem(network.head, output);
  if (problem !== undefined) refuse(problem);
  return graphDocument(graph);
}

/** Why an output of this shape is not what a head reads, in words that follow the network's name; undefined where it is. */
export function headProblem(head: Head, output: Shape): string | undefined {
  const count = classCount(head);
  if (head.kind === "classifier") {
    const isList = output.length === 2 && output[0] === 1;
    if (isList && output[1] === count) return undefined;
    return `gives ${formatShape(output)}, and ${count} classes are named; a value for each is needed`;
  }
  if (head.kind === "none") return undefined;
  const needed = head.anchors.length * (5 + count);
  if (output.length === 4 && output[0] === 1 && output[3] === needed) return undefined;
  return `gives ${formatShape(output)}; ${head.anchors.length} anchors and ${count} classes need a map of ${needed} channels, [1,height,width,${needed}]`;
}

/** The graph of an imported network. Throws PhinetsError for one of int8, which has none. */
export function importedGraph(network: ImportedNetwork): Graph {
  if (network.graph === undefined) {
    throw new PhinetsError(
      "networks.imported",
      `network: was imported from ${network.source} as int8, so it has no float graph to train, to quantise or to export in floats`,
      "family",
    );
  }
  return graphFromDocument(network.graph, "graph");
}

function refuse(problem: string): never {
  throw new PhinetsError("networks.field", `network: graph ${problem}; import the network again`, "graph");
}
