/** Fuses integer nodes that the int8 engine computes together. */
import { soleReaders } from "../../graph/index.js";
import type { IntegerMultiply, IntegerNode } from "../../quantization/index.js";
import { layoutOf } from "./layout.js";

/** A node with the work fused into it: a product of its input with a gate, and a look-up of its output. */
export interface Step {
  readonly node: IntegerNode;
  /** Values read; with `scale`, those of the product. */
  readonly inputs: readonly string[];
  /** Name of the value made; with a fused look-up, the look-up's. */
  readonly output: string;
  readonly table?: Int8Array;
  /** The words with which `linear` computes the product of its input and a gate. */
  readonly scale?: readonly number[];
}

/** Kernels that can apply a table to their output. */
const withTable: ReadonlySet<IntegerNode["op"]> = new Set([
  "conv2d",
  "dense",
  "add",
  "multiply",
  "globalAveragePool",
  "maxPool",
]);

/**
 * Steps in execution order.
 * @param outputs values that must exist
 * @param scalingOf words with which `linear` computes a product; undefined where it cannot
 */
export function fuse(
  nodes: readonly IntegerNode[],
  outputs: readonly string[],
  scalingOf: (node: IntegerMultiply) => number[] | undefined,
): Step[] {
  const readers = soleReaders(nodes, outputs);
  const steps = new Map<string, Step>();
  for (const node of nodes) {
    let step: Step = { node, inputs: node.inputs, output: node.name };
    const before = steps.get(node.inputs[0]);
    if (before !== undefined && readers.has(before.output)) {
      if (node.op === "lookup" && withTable.has(before.node.op) && before.table === undefined) {
        step = { ...before, output: node.name, table: node.table };
        steps.delete(before.output);
      } else if (isPointwise(node) && before.node.op === "multiply" && before.table === undefined) {
        const scale = before.node.broadcast ? scalingOf(before.node) : undefined;
        if (scale !== undefined) {
          step = { ...step, inputs: before.inputs, scale };
          steps.delete(before.output);
        }
      }
    }
    steps.set(step.output, step);
  }
  return [...steps.values()];
}

/** Whether a convolution's windows are single pixels. */
export function isPointwise(node: IntegerNode): boolean {
  if (node.op !== "conv2d" || node.depthwise || node.groups > 1) return false;
  const { kernel, stride, inputShapes, outputShape } = node;
  const same = layoutOf(inputShapes[0]).pixels === layoutOf(outputShape).pixels;
  return kernel[0] === 1 && kernel[1] === 1 && stride[0] === 1 && stride[1] === 1 && same;
}
