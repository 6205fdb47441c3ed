/**
 * What several rooms ask of an operator, said once. How a room computes or writes an operator is that room's record of
 * rules, typed over the operators: a new one does not compile before each room has a rule for it.
 */
import { PhinetsError } from "../tensor/index.js";
import type { Node, NodeOf } from "./graph.js";
import type { OpName } from "./ops.js";

export interface OpTraits {
  /**
   * How an int8 network computes it. input: its bytes are given; rescales: sums in int32, rescaled to a range of their own;
   * table: each byte is looked up; keeps: bytes are moved or averaged, under the scale they had; own: in a way of its own; none:
   * not at all.
   */
  readonly int8: "input" | "rescales" | "table" | "keeps" | "own" | "none";
  /** Whether the output may lie over an input of its size: an element is made of those at its own place alone. */
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

/** Operators that int8 networks compute in one of some ways. */
export type OpOf<B extends OpTraits["int8"]> = {
  [O in OpName]: (typeof opTraits)[O]["int8"] extends B ? O : never;
}[OpName];
/** Operators that int8 networks have. */
export type Int8Op = Exclude<OpName, OpOf<"none">>;
/** Operators that are tables in an int8 network. */
export type TableOp = OpOf<"table">;

/** A node with one of some operators. */
export type NodeWith<O extends OpName> = { [P in O]: NodeOf<P> }[O];
/** Sums of products with weights. */
export type LinearNode = NodeWith<"conv2d" | "dense">;

export function isLinear(node: Node): node is LinearNode {
  return node.op === "conv2d" || node.op === "dense";
}

export function isTable(node: Node): node is NodeWith<TableOp> {
  return opTraits[node.op].int8 === "table";
}

/** Throws PhinetsError, under the caller's code, when a node has no form in an int8 network. */
export function requireInt8(node: Node, code: string): asserts node is NodeWith<Int8Op> {
  if (opTraits[node.op].int8 !== "none") return;
  throw new PhinetsError(
    code,
    `${node.op} "${node.name}": has no int8 arithmetic; deploy the graph first (deployGraph)`,
  );
}

/**
 * The node that alone reads a value, where it is read once and does not leave the network: who makes the value may do that
 * node's work too. Of the nodes of any form of a graph.
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
