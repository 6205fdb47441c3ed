/** Graphs as JSON. Weights are stored beside them as safetensors (tensor/safetensors). */
import { PhinetsError, parseJson, showValue } from "../tensor/index.js";
import { type Graph, makeGraph, type Node } from "./graph.js";
import type { OpAttributes, OpName } from "./ops.js";
import { unaryFunctions } from "./unary.js";

/** A graph as plain data. Shapes are not stored: they are inferred again, which validates the document. */
export interface GraphDocument {
  readonly format: "phinets-graph";
  readonly version: 1;
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly outputs: readonly string[];
}

export function graphDocument({ name, nodes, outputs }: Graph): GraphDocument {
  return { format: "phinets-graph", version: 1, name, nodes, outputs };
}

/** JSON text of a graph. */
export function graphToJson(graph: Graph): string {
  return `${JSON.stringify(graphDocument(graph), undefined, 1)}\n`;
}

/** Reads `graphToJson`'s text. Throws PhinetsError for malformed text or a graph that an op refuses. */
export function graphFromJson(text: string, file = "graph.json"): Graph {
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (error) {
    throw new PhinetsError("graph.json", `${file}: ${(error as Error).message}`, file);
  }
  return graphFromDocument(parsed, file);
}

/** Reads a `graphDocument`. Throws PhinetsError for anything else and for a graph that an op refuses. */
export function graphFromDocument(document: unknown, file: string): Graph {
  const parsed = document as { [K in keyof GraphDocument]?: unknown } | null | undefined;
  if (parsed?.format !== "phinets-graph" || parsed.version !== 1) {
    throw new PhinetsError(
      "graph.json",
      `${file}: format is ${showValue(parsed?.format)} version ${showValue(parsed?.version)}; "phinets-graph" version 1 is needed`,
      file,
    );
  }
  if (!isName(parsed.name) || !Array.isArray(parsed.nodes) || !Array.isArray(parsed.outputs)) {
    throw new PhinetsError("graph.json", `${file}: name, nodes and outputs are needed`, file);
  }
  const fail = (problem: string): never => {
    throw new PhinetsError("graph.json", `${file}: ${problem}`, file);
  };
  parsed.nodes.forEach((node, i) => {
    const problem = problemOf(node);
    if (problem !== undefined) fail(`nodes[${i}]: ${problem}`);
  });
  if (parsed.outputs.length === 0) fail("outputs are none; name the nodes whose values leave the network");
  const stray = parsed.outputs.find((output) => !isName(output));
  if (stray !== undefined) fail(`outputs has ${showValue(stray)}; names of nodes are needed`);
  try {
    return makeGraph(parsed.name, parsed.nodes as Node[], parsed.outputs as string[]);
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    throw new PhinetsError(error.code, `${file}: ${error.message}`, file);
  }
}

/**
 * Names go into messages and generated code, so their length is limited; our own have at most some forty characters.
 */
const isName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && value.length <= 200 && value !== "__proto__";
const isNumbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(Number.isFinite);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Type checks of attributes; each op checks the range of its attributes itself. */
const kinds = {
  number: Number.isFinite,
  flag: (value: unknown) => typeof value === "boolean",
  pair: (value: unknown) => isNumbers(value) && value.length === 2,
  triple: (value: unknown) => isNumbers(value) && value.length === 3,
  shape: (value: unknown) => isNumbers(value) && value.length <= 8,
  padding: (value: unknown) => isObject(value) && isNumbers(Object.values(value)) && Object.keys(value).length === 4,
  activation: (value: unknown) => value === "none" || value === "relu6",
  function: (value: unknown) => typeof value === "string" && Object.hasOwn(unaryFunctions, value),
  mode: (value: unknown) => value === "nearest" || value === "bilinear",
} satisfies Record<string, (value: unknown) => boolean>;

const attributesOf: { readonly [O in OpName]: Readonly<Record<keyof OpAttributes[O], keyof typeof kinds>> } = {
  input: { shape: "shape" },
  conv2d: {
    ...{ filters: "number", kernel: "pair", stride: "pair", padding: "padding" },
    ...{ groups: "number", bias: "flag", activation: "activation" },
  },
  dense: { units: "number", bias: "flag", activation: "activation" },
  batchNorm: { epsilon: "number" },
  relu: {},
  relu6: {},
  hardswish: {},
  sigmoid: {},
  unary: { function: "function", alpha: "number" },
  softmax: {},
  add: {},
  multiply: {},
  subtract: {},
  maximum: {},
  minimum: {},
  constant: { shape: "shape" },
  globalAveragePool: {},
  averagePool: { kernel: "pair", stride: "pair", padding: "padding" },
  maxWindow: { kernel: "pair", stride: "pair", padding: "padding" },
  maxPool: { size: "number", stride: "number" },
  pad: { padding: "padding" },
  resize: { mode: "mode", size: "pair", alignCorners: "flag", halfPixelCenters: "flag" },
  slice: { begin: "triple", size: "triple", step: "pair" },
  concat: { axis: "number" },
  dropout: { rate: "number", spatial: "flag" },
  flatten: {},
  reshape: { shape: "shape" },
};

/** Why a parsed value is not a node; undefined where it is one. */
function problemOf(node: unknown): string | undefined {
  if (!isObject(node)) return `is ${showValue(node)}, not a node`;
  const { name, op, inputs, parameters, attributes } = node;
  if (!isName(name)) return `its name is ${showValue(name)}`;
  if (typeof op !== "string" || !Object.hasOwn(attributesOf, op))
    return `node ${showValue(name)} has unknown op ${showValue(op)}; known: ${Object.keys(attributesOf).join(", ")}`;
  const isNames = (list: unknown) => Array.isArray(list) && list.every(isName);
  if (!isNames(inputs)) return `node ${showValue(name)} has inputs ${showValue(inputs)}; names are needed`;
  if (!isObject(parameters) || !isNames(Object.values(parameters)))
    return `node ${showValue(name)} has parameters ${showValue(parameters)}; names by role are needed`;
  if (!isObject(attributes)) return `node ${showValue(name)} has attributes ${showValue(attributes)}`;
  const wanted: Readonly<Record<string, keyof typeof kinds>> = attributesOf[op as OpName];
  const wrong = Object.keys(wanted).find((attribute) => !kinds[wanted[attribute]](attributes[attribute]));
  if (wrong === undefined) return undefined;
  return `node ${showValue(name)} has ${wrong} ${showValue(attributes[wrong])}; a ${wanted[wrong]} is needed`;
}
