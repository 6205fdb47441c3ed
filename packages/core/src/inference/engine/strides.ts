/** Strides that lead out of the map. */
import type { IntegerNode } from "../../quantization/index.js";

/**
 * The same node with strides of at most the padded map's sides: a longer one is never taken, and instructions make room for one
 * more step than windows have places.
 */
export function withoutLongStrides(node: IntegerNode): IntegerNode {
  if (!("stride" in node)) return node;
  const [, height, width] = node.inputShapes[0];
  if (node.op === "maxPool") return { ...node, stride: Math.min(node.stride, Math.max(height, width)) };
  const { stride, padding } = node;
  const sides = [height + padding.top + padding.bottom, width + padding.left + padding.right];
  return { ...node, stride: [Math.min(stride[0], sides[0]), Math.min(stride[1], sides[1])] };
}
