/**
 * Replaces the product of a value with a look-up of itself, such as swish (x times the sigmoid of x), by a single
 * look-up.
 */
import { soleReaders } from "../../graph/index.js";
import { type IntegerLookup, type IntegerMultiply, type IntegerNode, requantize } from "../../quantization/index.js";

/**
 * The same network with such products as look-ups.
 * @param outputs values that must exist
 */
export function withProductsAsTables(nodes: readonly IntegerNode[], outputs: readonly string[]): IntegerNode[] {
  const readers = soleReaders(nodes, outputs);
  const made = new Map<string, IntegerNode>();
  for (const node of nodes) {
    const product = node.op === "multiply" ? asTable(node, made) : undefined;
    if (product !== undefined && readers.has(product.table)) {
      made.delete(product.table);
      made.set(node.name, product.lookup);
    } else made.set(node.name, node);
  }
  return [...made.values()];
}

function asTable(
  node: IntegerMultiply,
  made: ReadonlyMap<string, IntegerNode>,
): { readonly table: string; readonly lookup: IntegerLookup } | undefined {
  for (const [other, itself] of [[0, 1] as const, [1, 0] as const]) {
    const factor = made.get(node.inputs[other]);
    if (factor?.op !== "lookup" || factor.inputs[0] !== node.inputs[itself] || node.broadcast) continue;
    const { multiplier, shift, inputZeroPoints, outputZeroPoint, clampMin, clampMax } = node;
    const table = factor.table.map((value, i) => {
      const sum = (i - 128 - inputZeroPoints[itself]) * (value - inputZeroPoints[other]);
      return requantize(sum, multiplier, shift, outputZeroPoint, clampMin, clampMax);
    });
    return { table: factor.name, lookup: { ...factor, name: node.name, outputZeroPoint, table } };
  }
  return undefined;
}
