/** Flash that an int8 network's constants take in the layout of its firmware program's kernels. */
import { kernels, shapeOf } from "./kernels.js";
import type { Program } from "./program.js";
import type { Lowering, Step } from "./steps.js";
import type { KernelRow } from "./terms.js";

export interface WeightBytes {
  /** Packed as the kernels read them: one byte each, or two where DSP kernels multiply words. */
  readonly weights: number;
  /** int32, one per output channel. */
  readonly biases: number;
  /** A multiplier and a shift per output channel. */
  readonly requantization: number;
  /**
   * 256 bytes for each look-up table (hard-swish, sigmoid, other functions, and a ReLU or ReLU6 that is not fused into
   * a convolution), and the exponentials of softmax.
   */
  readonly tables: number;
  /** Sum of the above. */
  readonly total: number;
}

const tableBytes = 256;
/** 256 exponentials of four bytes. */
const softmaxBytes = 1024;

export function weightBytes(program: Pick<Program, "lowering">): WeightBytes {
  let [weights, biases, requantization, tables] = [0, 0, 0, 0];
  for (const step of program.lowering.steps) {
    const row: KernelRow = kernels[step.kernel];
    const shape = shapeOf(step, program.lowering);
    weights += weightBytesOf(step, program.lowering) + (step.repeats?.constantBytes ?? 0);
    const channels = row.constantChannels?.(shape) ?? shape.filters;
    biases += (row.channelBytes?.bias ?? 0) * channels;
    requantization += (row.channelBytes?.requantization ?? 0) * channels;
    if (step.lookup !== undefined || /^(helium_)?lookup$/.test(step.kernel)) tables += tableBytes;
    if (step.kernel === "softmax") tables += softmaxBytes;
  }
  return { weights, biases, requantization, tables, total: weights + biases + requantization + tables };
}

/** Bytes of a step's weights in its kernel's layout. */
export function weightBytesOf(step: Step, lowering: Lowering): number {
  const row: KernelRow = kernels[step.kernel];
  return row.weightBytes?.(shapeOf(step, lowering)) ?? 0;
}
