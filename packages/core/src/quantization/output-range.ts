/** Chooses the range of a network's output by an error measure that suits the output's purpose. */
import type { Range } from "./observers.js";

/**
 * How much worse a picture's output is when it is `rounded` instead of `exact`, in any unit: at least 0, and 0 when
 * both are equal.
 */
export type OutputError = (exact: Float32Array, rounded: Float32Array) => number;

const steps = 16;
const leastStep = 4;

/**
 * The range within `seen` whose rounding and clipping to int8 cause the least error in the outputs. Candidates are
 * sixteenths of either end, from a quarter up; the whole range is one of them.
 *
 * @param seen low <= 0 <= high
 * @param outputs one array per picture
 */
export function leastHarmfulRange(seen: Range, outputs: readonly Float32Array[], errorOf: OutputError): Range {
  let best = seen;
  let least = Number.POSITIVE_INFINITY;
  const rounded = outputs.map((output) => new Float32Array(output.length));
  for (let i = steps; i >= leastStep; i--) {
    for (let j = steps; j >= leastStep; j--) {
      const low = (seen.low * i) / steps;
      const high = (seen.high * j) / steps;
      const scale = (high - low) / 255;
      const least8 = Math.round(low / scale);
      let error = 0;
      for (const [n, output] of outputs.entries()) {
        const y = rounded[n];
        for (let k = 0; k < y.length; k++)
          y[k] = scale * Math.min(least8 + 255, Math.max(least8, Math.round(output[k] / scale)));
        error += errorOf(output, y);
        if (error >= least) break; // it only grows from here
      }
      if (error < least) {
        least = error;
        best = { low, high };
      }
      if (seen.high === 0) break;
    }
    if (seen.low === 0) break;
  }
  return best;
}
