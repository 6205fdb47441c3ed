/** Builds the graph of an imported float network from its document. */
import { type Graph, graphFromDocument, inputsOf } from "../graph/index.js";
import { formatShape, PhinetsError, type Shape, sameShape } from "../tensor/index.js";
import { mapsProblem } from "./map-levels.js";
import { classCount, type Head, type ImportedNetwork, inputName } from "./network.js";

/** Why a head cannot read outputs of these shapes, worded to follow the network's name; undefined where it can. */
export function headProblem(head: Head, outputs: readonly Shape[]): string | undefined {
  const count = classCount(head);
  const [output] = outputs;
  if (head.kind === "classifier") {
    const isList = output.length === 2 && output[0] === 1;
    if (isList && output[1] === count) return undefined;
    return `gives ${formatShape(output)}, and ${count} classes are named; a value for each is needed`;
  }
  if (head.kind === "none") return undefined;
  if (head.kind !== "yolov2") return mapsProblem(head, outputs);
  const needed = head.anchors.length * (5 + count);
  if (output.length === 4 && output[0] === 1 && output[3] === needed) return undefined;
  return `gives ${formatShape(output)}; ${head.anchors.length} anchors and ${count} classes need a map of ${needed} channels, [1,height,width,${needed}]`;
}

/**
 * The graph of an imported network. Throws PhinetsError for an int8 network, which has no float graph, for a malformed
 * graph, and for a graph whose input differs from the network's or whose outputs do not suit its head.
 */
export function importedGraph({ input, head, source, graph: document }: ImportedNetwork): Graph {
  if (document === undefined) {
    throw new PhinetsError(
      "networks.imported",
      `network: was imported from ${source} as int8, so it has no float graph to train, to quantise or to export in floats`,
      "family",
    );
  }
  const graph = graphFromDocument(document, "graph");
  const inputs = inputsOf(graph);
  const wanted = [1, input.height, input.width, input.channels];
  if (inputs.length !== 1 || inputs[0].name !== inputName || !sameShape(graph.shapes[inputName], wanted))
    refuse(
      `takes ${inputs.map(({ name }) => `${name} ${formatShape(graph.shapes[name])}`).join(", ") || "nothing"}; ${inputName} ${formatShape(wanted)} is needed`,
    );
  const problem = headProblem(
    head,
    graph.outputs.map((output) => graph.shapes[output]),
  );
  if (problem !== undefined) refuse(problem);
  return graph;
}

function refuse(problem: string): never {
  throw new PhinetsError("networks.field", `network: graph ${problem}; import the network again`, "graph");
}
