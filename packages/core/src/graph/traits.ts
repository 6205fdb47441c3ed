/**
 * Properties of operators that several rooms need. Each room keeps its own rules for computing or writing an operator
 * in a record typed over all operators, so that a new operator does not compile until every room has a rule for it.
 */
import { PhinetsError } from "../tensor/index.js";
import type { Node, NodeOf } from "./graph.js";
import type { OpName } from "./ops.js";

export interface OpTraits {
  /**
   * How an int8 network computes the operator.
   * - input: the caller gives the bytes
   * - rescales: int32 sums, rescaled to the output's own range
   * - table: each byte is looked up
   * - keeps: bytes are moved, compared or averaged, and keep their scale
   * - own: arithmetic of its own
   * - none: int8 networks do not have it
   */
  readonly int8: "input" | "rescales" | "table" | "keeps" | "own" | "none";
  /**
   * Whether the output may overwrite an input of its size: each element depends only on the input elements at its
   * place.
   */
  readonly inPlace: boolean;
}

export const opTraits = {
  input: { int8: "input", inPlace: false },
  conv2d: { int8: "rescales", inPlace: false },
  dense: { int8: "rescales", inPlace: false },
  batchNorm: { int8: "none", inPlace: true },
  relu: { int8: "table", inPlace: true },
  relu6: { int8: "table", inPlace: true },
  hardswish: { int8: "table", inPlace: true },
  sigmoid: { int8: "table", inPlace: true },
  unary: { int8: "table", inPlace: true },
  softmax: { int8: "own", inPlace: false },
  add: { int8: "rescales", inPlace: true },
  multiply: { int8: "rescales", inPlace: true },
  subtract: { int8: "rescales", inPlace: true },
  maximum: { int8: "keeps", inPlace: true },
  minimum: { int8: "keeps", inPlace: true },
  constant: { int8: "own", inPlace: true },
  globalAveragePool: { int8: "rescales", inPlace: false },
  averagePool: { int8: "keeps", inPlace: false },
  maxWindow: { int8: "keeps", inPlace: false },
  maxPool: { int8: "keeps", inPlace: false },
  pad: { int8: "keeps", inPlace: false },
  resize: { int8: "keeps", inPlace: false },
  slice: { int8: "keeps", inPlace: false },
  concat: { int8: "keeps", inPlace: false },
  dropout: { int8: "none", inPlace: true },
  flatten: { int8: "keeps", inPlace: true },
  reshape: { int8: "keeps", inPlace: true },
} as const satisfies Readonly<Record<OpName, OpTraits>>;

/** Operators that int8 networks compute in one of the given ways. */
export type OpOf<B extends OpTraits["int8"]> = {
  [O in OpName]: (typeof opTraits)[O]["int8"] extends B ? O : never;
}[OpName];
/** Operators that int8 networks can have. */
export type Int8Op = Exclude<OpName, OpOf<"none">>;
/** Operators that int8 networks compute by table lookup. */
export type TableOp = OpOf<"table">;

/** A node with one of the given operators. */
export type NodeWith<O extends OpName> = { [P in O]: NodeOf<P> }[O];
/** Operators that sum products with weights. */
export type LinearNode = NodeWith<"conv2d" | "dense">;

export function isLinear(node: Node): node is LinearNode {
  return node.op === "conv2d" || node.op === "dense";
}

export function isTable(node: Node): node is NodeWith<TableOp> {
  return opTraits[node.op].int8 === "table";
}

/** Throws PhinetsError with the caller's code when an int8 network cannot have the node. */
export function requireInt8(node: Node, code: string): asserts node is NodeWith<Int8Op> {
  if (opTraits[node.op].int8 !== "none") return;
  throw new PhinetsError(
    code,
    `${node.op} "${node.name}": has no int8 arithmetic; deploy the graph first (deployGraph)`,
  );
}

/**
 * For each value that exactly one node reads once and that is not an output: that node. The maker of such a value can
 * do its reader's work too. Works on the nodes of every form of a graph.
 */
export function soleReaders<N extends { readonly name: string; readonly inputs: readonly string[] }>(
  nodes: readonly N[],
  outputs: readonly string[],
): ReadonlyMap<string, N> {
  const readers = new Map<string, N>();
  const shared = new Set(outputs);
  for (const node of nodes)
    for (const input of node.inputs) {
      if (readers.has(input)) shared.add(input);
      readers.set(input, node);
    }
  for (const value of shared) readers.delete(value);
  return readers;
}
