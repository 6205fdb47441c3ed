/**
 * The last step of the linear kernels, for a row of channels at once: the hottest scalar code of the integer
 * interpreter.
 */
import { requantize } from "../quantization/index.js";

export interface RowRequantization {
  readonly multipliers: Int32Array;
  readonly shifts: Int8Array;
  readonly outputZeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/** Fills y[offset..] from int32 sums, one per channel. */
export type RequantizeRow = (sums: Int32Array, y: Int8Array, offset: number) => void;

/** Largest magnitude of a sum whose product with a 31-bit multiplier is exact in a double. */
const exactLimit = 2 ** 22;

/**
 * Gives the results of `requantize` for every sum. Below 2^22, where nearly all sums lie, the product is exact in a
 * double, so the high multiplication is a single floor; larger sums and left shifts use `requantize` itself.
 */
export function requantizeRow(node: RowRequantization): RequantizeRow {
  const { multipliers, shifts, outputZeroPoint, clampMin, clampMax } = node;
  const factors = Float64Array.from(multipliers, (multiplier) => multiplier / 2147483648);
  const rightShifts = Int32Array.from(shifts, (shift) => Math.max(0, -shift));
  const halves = rightShifts.map((shift) => (shift > 0 ? 2 ** (shift - 1) : 0));
  const signMasks = rightShifts.map((shift) => (shift > 0 ? -1 : 0)); // rounds halves away from zero, if there is a shift
  const limits = Int32Array.from(shifts, (shift) => (shift > 0 ? 0 : exactLimit)); // 0 disables the fast path
  return (sums, y, offset) => {
    for (let c = 0; c < factors.length; c++) {
      const sum = sums[c];
      const limit = limits[c];
      if (sum < limit && sum > -limit) {
        const high = Math.floor(sum * factors[c] + 0.5) | 0;
        const q = ((high + halves[c] + ((high >> 31) & signMasks[c])) >> rightShifts[c]) + outputZeroPoint;
        y[offset + c] = Math.min(clampMax, Math.max(clampMin, q));
      } else y[offset + c] = requantize(sum, multipliers[c], shifts[c], outputZeroPoint, clampMin, clampMax);
    }
  };
}
