/** The parts of convolutions' and dense layers' constants that do not depend on the kernels. */
import type { IntegerConv2d, IntegerDense, IntegerLookup } from "../../quantization/index.js";
import { PhinetsError } from "../../tensor/index.js";
import { arrayDefinition } from "./literals.js";

export type Linear = IntegerConv2d | IntegerDense;

/**
 * C of the table that a layer's results are looked up in: its array, if any, and an expression of its middle, the entry
 * of 0.
 */
export function tableOf(layer: string, table: Int8Array | undefined): { array: string[]; middle: string } {
  if (table === undefined) return { array: [], middle: "NULL" };
  return { array: [arrayDefinition("int8_t", `${layer}_table`, table)], middle: `${layer}_table + 128` };
}

/** Whether a channel's output is always its zero point, because its multiplier is 0. */
export const isConstant = (node: Linear, channel: number): boolean => node.multipliers[channel] === 0;

/** Whether all channels share one multiplier and shift, and none is constant. */
export function isRescaledAlike({ multipliers, shifts }: Linear): boolean {
  return multipliers[0] !== 0 && multipliers.every((m) => m === multipliers[0]) && shifts.every((s) => s === shifts[0]);
}

/**
 * Throws PhinetsError where some input could take an accumulator, or a part of one, out of int32: signed overflow is
 * undefined in C.
 */
export function checkAccumulators(node: Linear): void {
  const perFilter = node.weights.length / node.bias.length;
  for (let filter = 0; filter < node.bias.length; filter++) {
    let magnitude = 0;
    for (let i = filter * perFilter; i < (filter + 1) * perFilter; i++) magnitude += Math.abs(node.weights[i]);
    // At most 255 per offset byte, or 128 per stored byte plus 128 for the offset folded into the bias.
    if (Math.abs(node.bias[filter]) + 256 * magnitude > 2147483647)
      throw new PhinetsError(
        "export.accumulator",
        `${node.op} "${node.name}": bias ${node.bias[filter]} of channel ${filter} could overflow an int32 accumulator; quantise again with more calibration pictures`,
      );
  }
}

/**
 * The table for a kernel's saturated results: the clamp of a fused ReLU6, followed by a fused look-up. Undefined where
 * neither applies.
 */
export function outputTable(node: Linear, fused: IntegerLookup | undefined): Int8Array | undefined {
  if (fused === undefined && node.clampMin === -128 && node.clampMax === 127) return undefined;
  return Int8Array.from({ length: 256 }, (_, i) => {
    const clamped = Math.max(node.clampMin, Math.min(node.clampMax, i - 128));
    return fused === undefined ? clamped : fused.table[clamped + 128];
  });
}

/** Describes a layer for a comment. */
export function linearText(node: Linear): string {
  if (node.op === "dense") return "dense";
  const { top, bottom, left, right } = node.padding;
  const [vertical, horizontal] = node.stride;
  const stride =
    vertical * horizontal === 1 ? "" : `, stride ${vertical === horizontal ? vertical : `${vertical}x${horizontal}`}`;
  const padding = top + bottom + left + right === 0 ? "" : `, padding ${top} ${bottom} ${left} ${right}`;
  const groups = node.groups > 1 && !node.depthwise ? `, ${node.groups} groups` : "";
  return `${node.depthwise ? "depthwise" : "convolution"} ${node.kernel[0]}x${node.kernel[1]}${stride}${padding}${groups}`;
}
