/** Window pools of imported float networks. */
import { isPadded, noPadding, type Padding } from "../../graph/index.js";
import type { FloatGraph } from "./graph.js";

export interface Pool {
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [vertical: number, horizontal: number];
  readonly padding: Padding;
}

export function maxPool(graph: FloatGraph, x: string, wanted: string, { kernel, stride, padding }: Pool): string {
  const isSquare = kernel[0] === kernel[1] && stride[0] === stride[1];
  if (isSquare && !isPadded(padding)) return graph.add("maxPool", wanted, [x], { size: kernel[0], stride: stride[0] });
  return graph.add("maxWindow", wanted, [x], { kernel, stride, padding });
}

/**
 * Adds an average pool; a window that covers the whole map becomes a global one.
 * @param counted whether the mean includes padding
 */
export function averagePool(
  graph: FloatGraph,
  x: string,
  wanted: string,
  { kernel, stride, padding, counted }: Pool & { readonly counted: boolean },
): string {
  const [, height, width] = graph.shape(x);
  if (kernel[0] === height && kernel[1] === width && !isPadded(padding))
    return graph.add("globalAveragePool", wanted, [x], {});
  if (!isPadded(padding) || !counted) return graph.add("averagePool", wanted, [x], { kernel, stride, padding });
  const padded = graph.add("pad", `${wanted}:padded`, [x], { padding });
  return graph.add("averagePool", wanted, [padded], { kernel, stride, padding: noPadding });
}
