/** Graphs as JSON; weights beside them as safetensors (tensor/safetensors). */
import { PhinetsError } from "../tensor/index.js";
import { type Graph, makeGraph, type Node } from "./graph.js";

/** JSON text of a graph. Shapes are not stored: they are inferred again, which validates the file. */
export function graphToJson(graph: Graph): string {
  return `${JSON.stringify({ format: "phinets-graph", version: 1, name: graph.name, nodes: graph.nodes, outputs: graph.outputs }, undefined, 1)}\n`;
}

/** Reads `graphToJson`'s text. Throws PhinetsError for malformed text or a graph that an op refuses. */
export function graphFromJson(text: string, file = "graph.json"): Graph {
  let parsed: { format?: unknown; version?: unknown; name?: unknown; nodes?: unknown; outputs?: unknown };
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new PhinetsError("graph.json", `${file}: not JSON (${(error as Error).message})`, file);
  }
  if (parsed?.format !== "phinets-graph" || parsed.version !== 1) {
    throw new PhinetsError(
      "graph.json",
      `${file}: format is ${JSON.stringify(parsed?.format)} version ${JSON.stringify(parsed?.version)}; "phinets-graph" version 1 is needed`,
      file,
    );
  }
  if (typeof parsed.name !== "string" || !Array.isArray(parsed.nodes) || !Array.isArray(parsed.outputs)) {
    throw new PhinetsError("graph.json", `${file}: name, nodes and outputs are needed`, file);
  }
  return makeGraph(parsed.name, parsed.nodes as Node[], parsed.outputs as string[]);
}
