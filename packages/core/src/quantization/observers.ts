/** Observes the values of a tensor and chooses the range that int8 should cover. */
import { PhinetsError } from "../tensor/index.js";
import type { Activation } from "./simulate.js";

/** Real range of a tensor; low <= 0 <= high. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * How a range is chosen from the observed values: `minmax` covers all of them, `percentile` leaves out the share (100 -
 * percentile) % at each end, `mse` balances rounding against clipping for the least mean squared error. The last two
 * weigh each channel by its importance.
 */
export type RangeMethod = "minmax" | "percentile" | "mse";

const bins = 4096;

/**
 * Observes one tensor in a histogram over [-limit, limit]. When a larger value arrives, the limit doubles and
 * neighbouring bins merge, so one pass over the calibration pictures is enough and memory is constant. Exact ends and
 * the mean of each channel are kept too.
 */
export class Observer {
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;
  count = 0;
  readonly #sums: Float64Array;
  readonly #importance: Float64Array;
  readonly #reader: Activation;
  #limit = 2 ** -10;
  #histogram = new Float64Array(bins);

  /**
   * @param channels length of the last axis
   * @param importance weight of each channel's elements where a range is chosen; they should average 1. Default 1
   * @param reader the activation that alone reads the value; `mse` then measures the errors of its results. Default:
   *   the errors of the value itself count
   */
  constructor(
    channels: number,
    importance: Float64Array = new Float64Array(channels).fill(1),
    reader: Activation = identity,
  ) {
    this.#sums = new Float64Array(channels);
    this.#importance = importance;
    this.#reader = reader;
  }

  /** Adds values, channels last. Throws PhinetsError when one is not finite. */
  observe(values: Float32Array, name: string): void {
    let low = this.low;
    let high = this.high;
    for (let i = 0; i < values.length; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
    const sums = this.#sums;
    const channels = sums.length;
    for (let row = 0; row < values.length; row += channels)
      for (let c = 0; c < channels; c++) sums[c] += values[row + c];
    if (!sums.every(Number.isFinite))
      throw new PhinetsError(
        "quantization.calibration",
        `value "${name}" is not finite on a calibration picture; the weights are damaged, train again`,
      );
    this.low = low;
    this.high = high;
    this.count += values.length;
    while (Math.max(-low, high) >= this.#limit) this.#double();
    const histogram = this.#histogram;
    const perUnit = bins / 2 / this.#limit;
    for (let row = 0; row < values.length; row += channels)
      for (let c = 0; c < channels; c++)
        histogram[Math.floor(values[row + c] * perUnit) + bins / 2] += this.#importance[c];
  }

  /** Mean of each channel. */
  means(): Float64Array {
    return this.#sums.map((sum) => (sum * this.#sums.length) / this.count);
  }

  /**
   * The range to quantise.
   *
   * @param method see `RangeMethod`
   * @param within bounds outside which the readers of the value cannot tell values apart; default none
   * @param percentile for that method only, 50..100. Default 99.99
   */
  range(method: RangeMethod, within: Range = everything, percentile = 99.99): Range {
    const low = Math.min(0, Math.max(this.low, within.low));
    const high = Math.max(0, Math.min(this.high, within.high));
    if (method === "percentile") return this.#percentile(low, high, percentile);
    return method === "mse" ? this.#leastError(low, high) : { low, high };
  }

  #double(): void {
    const merged = new Float64Array(bins);
    for (let i = 0; i < bins; i++) merged[bins / 4 + (i >> 1)] += this.#histogram[i];
    this.#histogram = merged;
    this.#limit *= 2;
  }

  /** Value at the middle of a bin. */
  #centre(bin: number): number {
    return ((bin + 0.5) / (bins / 2) - 1) * this.#limit;
  }

  #percentile(low: number, high: number, percentile: number): Range {
    const outside = this.count * (1 - percentile / 100);
    let first = 0;
    for (let seen = this.#histogram[0]; seen <= outside && first < bins - 1; ) seen += this.#histogram[++first];
    let last = bins - 1;
    for (let seen = this.#histogram[last]; seen <= outside && last > 0; ) seen += this.#histogram[--last];
    const half = this.#limit / bins; // to the outer edge of the bin
    return {
      low: Math.min(0, Math.max(low, this.#centre(first) - half)),
      high: Math.max(0, Math.min(high, this.#centre(last) + half)),
    };
  }

  /**
   * Tries fractions of either end. With the reader f and values x, the error of a candidate is (f(0) - f(x))^2 for
   * values that round to zero, f'(x)^2 scale^2 / 12 for other values inside, and (f(end) - f(x))^2 for values outside;
   * the histogram's running moments give it in constant time. Values beyond `low` and `high` add nothing further, since
   * every candidate clips them.
   */
  #leastError(low: number, high: number): Range {
    const { value, slope } = this.#reader;
    const moments = [0, 1, 2, 3].map(() => new Float64Array(bins + 1));
    for (let i = 0; i < bins; i++) {
      const x = Math.min(high, Math.max(low, this.#centre(i)));
      const y = value(x);
      const n = this.#histogram[i];
      moments[0][i + 1] = moments[0][i] + n;
      moments[1][i + 1] = moments[1][i] + n * y;
      moments[2][i + 1] = moments[2][i] + n * y * y;
      moments[3][i + 1] = moments[3][i] + n * slope(x) ** 2;
    }
    /** Sum of (f(x) - f(edge))^2 over the bins from..to-1. */
    const clipped = (edge: number, from: number, to: number): number => {
      const [n, s, q] = moments.map((moment) => moment[to] - moment[from]);
      const y = value(edge);
      return q - 2 * y * s + y * y * n;
    };
    const binOf = (x: number): number => Math.min(bins, Math.max(0, Math.round((x / this.#limit + 1) * (bins / 2))));
    let best = { low, high };
    let least = Number.POSITIVE_INFINITY;
    for (const i of fractions) {
      const a = low * i;
      const first = binOf(a);
      const below = clipped(a, 0, first);
      for (const j of fractions) {
        const b = high * j;
        const last = binOf(b);
        const scale = (b - a) / 255;
        const zeroFirst = Math.max(first, binOf(-scale / 2));
        const zeroLast = Math.max(zeroFirst, Math.min(last, binOf(scale / 2)));
        const rounded =
          moments[3][Math.max(first, last)] - moments[3][first] - (moments[3][zeroLast] - moments[3][zeroFirst]);
        const error =
          below +
          clipped(b, Math.max(first, last), bins) +
          clipped(0, zeroFirst, zeroLast) +
          (rounded * scale ** 2) / 12;
        if (error < least) {
          least = error;
          best = { low: a, high: b };
        }
        if (high === 0) break;
      }
      if (low === 0) break;
    }
    return best;
  }
}

const identity: Activation = { value: (x) => x, slope: () => 1 };
const everything: Range = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
/** From 1 to 1/64, each 3 to 6 % less than the one before. */
const fractions = Array.from({ length: 6 * 16 + 1 }, (_, i) => (32 - (i % 16)) / (32 << Math.floor(i / 16)));
