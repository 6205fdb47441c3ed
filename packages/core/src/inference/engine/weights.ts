/** Weights as the int8 kernels read them: int16, eight filters or channels together, inputs or taps in pairs. */

/**
 * Panels of eight filters: for each pair of inputs, `(w[f][k], w[f][k + 1])` of the eight.
 * @param weights `[filters, window]`
 */
export function packPanels(weights: Int8Array, filters: number, window: number): Int16Array {
  const pairs = (window + 1) >> 1;
  const packed = new Int16Array(Math.ceil(filters / 8) * pairs * 16);
  for (let f = 0; f < filters; f++) {
    const panel = (f >> 3) * pairs * 16 + 2 * (f & 7);
    for (let k = 0; k < window; k++) packed[panel + (k >> 1) * 16 + (k & 1)] = weights[f * window + k];
  }
  return packed;
}

/** int32 filled up with zeros to a multiple of eight. */
export function padToEight(values: Int32Array): Int32Array {
  const padded = new Int32Array(Math.ceil(values.length / 8) * 8);
  padded.set(values);
  return padded;
}

/**
 * Largest magnitude of each filter's sum over all inputs of -128..127.
 * @param weights `[filters, window]`
 * @param bias folded, one a filter
 */
export function sumBounds(weights: Int8Array, bias: Int32Array): Float64Array {
  const window = weights.length / bias.length;
  return Float64Array.from(bias, (b, f) => {
    let sum = 0;
    for (let i = f * window; i < (f + 1) * window; i++) sum += Math.abs(weights[i]);
    return Math.abs(b) + 128 * sum;
  });
}
