/** Weights as the int8 kernels read them: int16, panels of eight filters or channels, inputs or taps in pairs. */
import { evenOdd } from "./layout.js";
import type { SumBounds } from "./requantization.js";

/** Pairs of inputs that `linear` multiplies: an even number. */
export const pairsOf = (window: number): number => 2 * Math.ceil(window / 4);

/**
 * Panels of eight filters: for each pair of inputs, `(w[f][k], w[f][k + 1])` of the even filters, then of the odd ones.
 * @param weights `[filters, window]`
 */
export function packFilters(weights: Int8Array, filters: number, window: number): Int16Array {
  const pairs = pairsOf(window);
  const packed = new Int16Array(Math.ceil(filters / 8) * pairs * 16);
  for (let f = 0; f < filters; f++) {
    const panel = (f >> 3) * pairs * 16 + 2 * evenOdd.indexOf(f & 7);
    for (let k = 0; k < window; k++) packed[panel + (k >> 1) * 16 + (k & 1)] = weights[f * window + k];
  }
  return packed;
}

/** Two taps of a depthwise kernel whose bytes are multiplied together; -1: none, its weight is 0. */
export type TapPair = readonly [number, number];

/** @param weights `[channels, taps]` */
export function packTaps(weights: Int8Array, channels: number, taps: number, pairs: readonly TapPair[]): Int16Array {
  const packed = new Int16Array(Math.ceil(channels / 8) * pairs.length * 16);
  for (let c = 0; c < channels; c++)
    for (const [p, pair] of pairs.entries())
      for (const [half, tap] of pair.entries()) {
        const at = ((c >> 3) * pairs.length + p) * 16 + 2 * (c & 7) + half;
        if (tap >= 0) packed[at] = weights[c * taps + tap];
      }
  return packed;
}

/** int32 by panels of eight in an order of lanes, filled up with zeros. */
export function byLanes(values: ArrayLike<number>, lanes: readonly number[]): Int32Array {
  const panels = Math.ceil(values.length / 8);
  return Int32Array.from({ length: 8 * panels }, (_, i) => values[(i & ~7) + lanes[i & 7]] ?? 0);
}

/**
 * Smallest and largest sum of each filter over all inputs of -128..127.
 * @param weights `[filters, window]`
 * @param bias folded, one a filter
 */
export function sumBounds(weights: Int8Array, bias: Int32Array): SumBounds {
  const window = weights.length / bias.length;
  const [low, high] = [Float64Array.from(bias), Float64Array.from(bias)];
  for (let f = 0; f < bias.length; f++)
    for (let i = f * window; i < (f + 1) * window; i++) {
      const w = weights[i];
      low[f] += w > 0 ? -128 * w : 127 * w;
      high[f] += w > 0 ? 127 * w : -128 * w;
    }
  return { low, high };
}
