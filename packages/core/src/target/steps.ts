/** The firmware's steps: calls of kernels that make rows, and which rows each reads. How a network becomes steps: lowering. */
import type { Node, NodeWith, TableOp } from "../graph/index.js";
import type { Kernel } from "./kernels.js";
import type { Value } from "./layout.js";

/** Rows of an input that make row y of the output: y * stride - before and the `size - 1` after it, inside the map. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly before: number;
}

/** The row of the output's number. */
export const row: Window = { size: 1, stride: 1, before: 0 };

/** Rows of an input by row of the output, where no window slides: from the first up to the second; neither falls. */
export interface Spans {
  readonly spans: readonly (readonly [from: number, to: number])[];
}

export interface Read {
  readonly value: string;
  /** Or the whole value: vectors, and maps that a dense layer reads. */
  readonly window: Window | Spans | "whole";
}

/** The window of a read as the firmware's step has it: where none slides, the row of the output's number. */
export function slidingWindow({ window }: Read): Window {
  return window === "whole" || "spans" in window ? row : window;
}

/** One call of a kernel, which makes a row. */
export interface Step {
  readonly kernel: Kernel;
  /** The node it computes, and the look-up that it applies to its own output. None: it changes the layout. */
  readonly node?: Node;
  readonly lookup?: NodeWith<TableOp>;
  readonly reads: readonly Read[];
  readonly output: string;
  /** Bytes that the kernel needs beside its rows. */
  readonly scratchBytes: number;
  /** Of `repeat`: which of the node's inputs it repeats, and the bytes of a constant, whose rows it makes beside those it reads. */
  readonly repeats?: { readonly input: 0 | 1; readonly constantBytes: number };
  /** Rows that it makes in one call, which follow each other without a gap. Absent: one. */
  readonly batch?: number;
  /** Of `dsp_conv2d`: pixels of a row whose windows are in memory at a time. */
  readonly tile?: number;
  /** Of a DSP product: its weights are bytes, not halfwords. Half the flash for a fifth more instructions. */
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
  /** Kernels of the DSP extension. */
  readonly dsp: boolean;
  /** Kernels of Helium, in place of the portable ones and not beside the DSP extension's. Default false. */
  readonly helium?: boolean;
  /**
   * Layout of a ring that a depthwise layer reads: int16 is faster, int8 half as large. By the node that makes it; none
   * made what lies as NHWC before, such as the picture.
   */
  readonly planes?: (maker: Node | undefined) => "planes16" | "planes8";
  /** On narrow maps (`isNarrow`) products take several rows at a time: faster, and more of them in memory. */
  readonly batches?: boolean;
  /** A convolution's windows are in memory some pixels at a time, not a row's: slower, and a fraction of the bytes. */
  readonly tiles?: boolean;
  /**
   * DSP products of maps of at most so many quads of pixels have byte weights. What a byte of flash costs in time grows with
   * the map. Default 0: none.
   */
  readonly byteWeightsUpTo?: number;
  /** Convolutions and dense layers whose filters are all rescaled alike, as a .tflite's dense layers are. Default: none. */
  readonly uniformLayers?: ReadonlySet<string>;
}

/** Quads of pixels that a DSP product multiplies each filter with; infinitely many of every other step. */
export function quadsOfProduct({ kernel, output }: Step, values: Lowering["values"]): number {
  if (!kernel.startsWith("dsp_product") && kernel !== "dsp_conv2d") return Number.POSITIVE_INFINITY;
  const { height, width } = values.get(output)!;
  return height * Math.ceil(width / 4);
}
