/** Pools of windows as the float kernels have them. */
import type { Padding } from "../../graph/index.js";
import { Unsupported } from "../unsupported.js";
import type { FloatGraph } from "./graph.js";

export interface Pool {
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [vertical: number, horizontal: number];
  readonly padding: Padding;
}

const isPadded = (padding: Padding): boolean => Object.values(padding).some((side) => side !== 0);

/** Square windows; padding, which is less than any value, is 0 after what is never below it. */
export function maxPool(graph: FloatGraph, x: string, wanted: string, { kernel, stride, padding }: Pool): string {
  if (kernel[0] !== kernel[1] || stride[0] !== stride[1])
    throw new Unsupported(
      `has windows of ${kernel.join("x")}, stride ${stride.join("x")}; square ones can be imported`,
    );
  let source = x;
  if (isPadded(padding)) {
    const node = graph.node(x);
    const isAbove0 =
      ["relu", "relu6", "sigmoid"].includes(node.op) ||
      ((node.op === "conv2d" || node.op === "dense") && node.attributes.activation === "relu6");
    if (!isAbove0) throw new Unsupported("pads values that may be below 0; padding after a ReLU can be imported");
    source = graph.add("pad", `${wanted}:padded`, [x], { padding });
  }
  return graph.add("maxPool", wanted, [source], { size: kernel[0], stride: stride[0] });
}

/**
 * Of the whole map it is a global one; else a depthwise convolution, which every form of a network has.
 * @param notes is told of that
 * @param counted the mean is over padding too
 */
export function averagePool(
  graph: FloatGraph,
  x: string,
  wanted: string,
  { kernel, stride, padding, counted, notes }: Pool & { readonly counted: boolean; readonly notes: string[] },
): string {
  const [, height, width, channels] = graph.shape(x);
  if (kernel[0] === height && kernel[1] === width && !isPadded(padding))
    return graph.add("globalAveragePool", wanted, [x], {});
  if (isPadded(padding) && !counted)
    throw new Unsupported("does not count its padding; export the network without that padding");
  const taps = kernel[0] * kernel[1];
  if (!(taps * channels <= 2 ** 24))
    throw new Unsupported(`has windows of ${kernel.join("x")} of ${channels} channels; export it again`);
  const window = { filters: channels, kernel, stride, padding, groups: channels };
  const weight = { data: new Float32Array(taps * channels).fill(1 / taps) };
  const name = graph.add("conv2d", wanted, [x], { ...window, bias: false, activation: "none" }, { weight });
  notes.push(`the average over windows of ${kernel.join("x")} ("${name}") is a depthwise convolution`);
  return name;
}
