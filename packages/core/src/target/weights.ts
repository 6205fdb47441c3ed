/** Flash that an int8 network's constants take, as the kernels of its firmware program read them. */
import { kernels, shapeOf } from "./kernels.js";
import type { Program } from "./program.js";
import type { Lowering, Step } from "./steps.js";
import type { KernelRow } from "./terms.js";

export interface WeightBytes {
  /** Packed as the kernels read them: a byte each, or two where DSP kernels multiply words. */
  readonly weights: number;
  /** int32, one an output channel. */
  readonly biases: number;
  /** A multiplier and a shift an output channel. */
  readonly requantization: number;
  /** 256 bytes for each hard-swish, sigmoid and lone ReLU6 (not fused into a convolution), which are looked up; softmax's. */
  readonly tables: number;
  /** All of it. */
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

/** Bytes of a step's weights as its kernel reads them. */
export function weightBytesOf(step: Step, lowering: Lowering): number {
  const row: KernelRow = kernels[step.kernel];
  return row.weightBytes?.(shapeOf(step, lowering)) ?? 0;
}
