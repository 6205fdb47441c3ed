/**
 * The firmware's steps: calls of kernels that make rows, and the rows that each reads. The lowering folder turns a
 * network into steps.
 */
import type { Node, NodeWith, TableOp } from "../graph/index.js";
import type { Kernel } from "./kernels.js";
import type { Value } from "./layout.js";

/** Input rows that make output row y: row y * stride - before and the `size - 1` rows after it, clipped to the map. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly before: number;
}

/** Reads the input row with the output row's number. */
export const row: Window = { size: 1, stride: 1, before: 0 };

/** For each output row, a range of input rows [from, to) where no window slides; both ends never decrease. */
export interface Spans {
  readonly spans: readonly (readonly [from: number, to: number])[];
}

export interface Read {
  readonly value: string;
  /** The rows read for each output row; "whole" for vectors, and for maps that a dense layer reads. */
  readonly window: Window | Spans | "whole";
}

/** The window of a read in the firmware's step; where no window slides, the row with the output row's number. */
export function slidingWindow({ window }: Read): Window {
  return window === "whole" || "spans" in window ? row : window;
}

/** One step of the program. Each call of its kernel makes a row. */
export interface Step {
  readonly kernel: Kernel;
  /** The node that it computes, and the look-up applied to its own output. No node: it only changes the layout. */
  readonly node?: Node;
  readonly lookup?: NodeWith<TableOp>;
  readonly reads: readonly Read[];
  readonly output: string;
  /** Bytes that the kernel needs in addition to its rows. */
  readonly scratchBytes: number;
  /**
   * For `repeat`: the index of the repeated input, and the size of a constant, whose rows are made along with those of
   * the other input.
   */
  readonly repeats?: { readonly input: 0 | 1; readonly constantBytes: number };
  /** Rows made in one call, which follow each other without a gap. Absent: one. */
  readonly batch?: number;
  /** For `dsp_conv2d`: pixels of a row whose windows are in memory at a time. */
  readonly tile?: number;
  /**
   * For a DSP product: weights are bytes instead of halfwords. This halves their flash for a fifth more instructions.
   */
  readonly byteWeights?: true;
}

export interface Lowering {
  readonly values: ReadonlyMap<string, Value>;
  /** In execution order. */
  readonly steps: readonly Step[];
  /** Names in `values` of the graph's input and outputs. */
  readonly input: string;
  readonly outputs: readonly string[];
}

export interface LoweringOptions {
  /** Use the kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Use Helium kernels in place of the portable ones; excludes `dsp`. Default false. */
  readonly helium?: boolean;
  /**
   * Layout of a ring that a depthwise layer reads, by the node that makes it: int16 is faster, int8 half as large. The
   * node is undefined for values that were NHWC before, such as the picture.
   */
  readonly planes?: (maker: Node | undefined) => "planes16" | "planes8";
  /** On narrow maps (`isNarrow`), products take several rows at a time, which is faster and needs more memory. */
  readonly batches?: boolean;
  /**
   * A convolution holds the windows of some pixels at a time instead of a whole row, which is slower and needs far less
   * memory.
   */
  readonly tiles?: boolean;
  /**
   * DSP products of maps with at most this many quads of pixels have byte weights. The time that a saved byte of flash
   * costs grows with the map. Default 0: none.
   */
  readonly byteWeightsUpTo?: number;
  /**
   * Convolutions and dense layers with one multiplier for all filters, as in a .tflite's dense layers. Default: none.
   */
  readonly uniformLayers?: ReadonlySet<string>;
}

/** Quads of pixels that a DSP product multiplies each filter with; infinity for other steps. */
export function quadsOfProduct({ kernel, output }: Step, values: Lowering["values"]): number {
  if (!kernel.startsWith("dsp_product") && kernel !== "dsp_conv2d") return Number.POSITIVE_INFINITY;
  const { height, width } = values.get(output)!;
  return height * Math.ceil(width / 4);
}
