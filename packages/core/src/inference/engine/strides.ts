/** Limits strides that lead out of the map. */
import type { IntegerNode } from "../../quantization/index.js";

/**
 * The node with strides of at most the padded map's sides. Longer strides are never taken, but instructions reserve
 * room for one more step than windows have positions.
 */
export function withoutLongStrides(node: IntegerNode): IntegerNode {
  if (!("stride" in node)) return node;
  const [, height, width] = node.inputShapes[0];
  if (node.op === "maxPool") return { ...node, stride: Math.min(node.stride, Math.max(height, width)) };
  const { stride, padding } = node;
  const sides = [height + padding.top + padding.bottom, width + padding.left + padding.right];
  return { ...node, stride: [Math.min(stride[0], sides[0]), Math.min(stride[1], sides[1])] };
}
