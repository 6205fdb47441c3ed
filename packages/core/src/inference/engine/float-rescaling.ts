/**
 * Rescaling of sums in float32, p(s) = (s F + H) + (1.5 * 2^23 + zero point), H with the sign of s: constants F and H with
 * which it gives the result of TensorFlow Lite's two roundings for every sum that a channel can have, or for all but a few.
 */
import { multiplyByQuantizedMultiplier } from "../../quantization/index.js";
import { whole } from "./layout.js";

export interface Channel {
  /** Q31, 0..2^31-1. */
  readonly multiplier: number;
  /** Positive is a left shift. */
  readonly shift: number;
  /** Smallest and largest sum. */
  readonly low: number;
  readonly high: number;
  readonly zeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

export interface FloatConstants {
  readonly factor: number;
  readonly half: number;
  /** Sums whose result is wrong, and what to add to it; at most `mostWrong`. */
  readonly wrong: readonly WrongSum[];
}

interface WrongSum {
  readonly sum: number;
  readonly change: number;
}

export const mostWrong = 2;

/** Results must fit in int16 before they are clamped. */
const largestResult = 30000;
/** Up to here quotients of doubles say exactly where a step is. */
const exactQuotient = 2 ** 22;

// V8 computes a power where its value is used, so that a loop would do it at every turn: `findSteps` has none.
/** 2^n, n = 0..31. */
const powers = Float64Array.from({ length: 32 }, (_, n) => 2 ** n);
const q30 = 2 ** 30;
const q31 = 2 ** 31;
/** Of float32, next to 1. */
const epsilon = 2 ** -23;

/** Constants that are tried when the nominal ones are wrong somewhere. */
export interface Search {
  /** Changes of H, a part of it, up to `largestHalf`. */
  readonly halves: readonly number[];
  readonly largestHalf: number;
  /** Changes of F, in units of 2^-23 of it, up to `largestFactor`. */
  readonly factors: readonly number[];
  readonly largestFactor: number;
}

const quick: Search = { halves: [0, -0.02, 0.02], largestHalf: 0.02, factors: [0, -1, 1], largestFactor: 1 };
/** For a map's only constants. */
export const thorough: Search = {
  halves: [0, ...[0.02, 0.05, 0.1, 0.2].flatMap((h) => [-h, h])],
  largestHalf: 0.2,
  factors: [0, -1, 1, -2, 2, -3, 3, -4, 4],
  largestFactor: 4,
};

/** Undefined where there are none, or none were found. */
export function findFloatConstants(channel: Channel, search: Search = quick): FloatConstants | undefined {
  const { multiplier, shift, low, high } = channel;
  if (multiplier === 0) return { factor: 0, half: 0, wrong: [] };
  const factor = Math.fround(multiplier / 2 ** (31 - shift));
  if (shift > 0 || Math.max(-low, high) * factor > largestResult) return undefined;
  const steps = findSteps(channel, search);
  const half = shift === 0 ? 0 : 2 ** (shift - 1);
  const wrong = wrongSums(factor, half, steps, channel, mostWrong);
  if (wrong?.length === 0) return { factor, half, wrong };
  let best: FloatConstants | undefined = wrong === undefined ? undefined : { factor, half, wrong };
  for (const halfChange of search.halves)
    for (const factorChange of search.factors) {
      const tried = {
        factor: Math.fround(factor * (1 + factorChange * epsilon)),
        half: Math.fround(half * (1 + halfChange)),
      };
      const most = best === undefined ? mostWrong : best.wrong.length - 1;
      const found = wrongSums(tried.factor, tried.half, steps, channel, most);
      if (found?.length === 0) return { ...tried, wrong: found };
      if (found !== undefined) best = { ...tried, wrong: found };
    }
  return best;
}

/** For some results, the smallest sum that gives the result or more; one beyond the largest sum where none does. */
interface Steps {
  count: number;
  readonly results: Int32Array;
  readonly sums: Int32Array;
}

const scratch: Steps = { count: 0, results: new Int32Array(256), sums: new Int32Array(256) };

/**
 * Steps among the sums that a channel can have where float32 may be wrong; valid until the next call. Others are left out:
 * there the real result of a step's sum, and that of the sum before, are so far from the half between two whole numbers that
 * neither roundings nor changes of the constants matter: a sum beyond 2^24, the factor, the product and the next sum are
 * rounded, each by 2^-24 of the result at most, and H is
 * one sum at most.
 */
function findSteps(
  { multiplier, shift, low, high, zeroPoint, clampMin, clampMax }: Channel,
  { largestHalf, largestFactor }: Search,
): Steps {
  const { results, sums } = scratch;
  const exact = (sum: number): number => multiplyByQuantizedMultiplier(sum, multiplier, shift);
  // Beyond these no sum of the channel gets, or the clamps decide.
  const [least, most] = [clampMin - zeroPoint + 1, clampMax - zeroPoint];
  const first = Math.min(most, Math.max(least, exact(low)));
  const last = Math.min(most, Math.max(least, exact(high) + 1));
  // s m + 2^30 + 2^(n + 30) - (s < 0 ? 2^31 : 0) >= result 2^(n + 31); with n = 0, s m + 2^30 >= result 2^31
  const unit = powers[-shift];
  const rounding = shift === 0 ? 0 : 1;
  const perSum = q30 / multiplier;
  const perResult = 2 * unit * perSum;
  const atZero = (rounding - unit) * perSum;
  const aboveZero = (-rounding - unit) * perSum;
  const factor = multiplier / (q31 * unit);
  const doubt = ((2 + largestFactor) * epsilon) / factor;
  const leastMargin = largestHalf + (1 + factor) * doubt;
  scratch.count = 0;
  for (let result = first; result <= last; result++) {
    const place = result * perResult + (result > 0 ? aboveZero : atZero);
    const fraction = place - Math.floor(place);
    const margin = leastMargin + (result > 0 ? result : -result) * doubt;
    if (fraction > margin && fraction < 1 - margin) continue;
    const middle = (2 * result - 1) * unit + (result > 0 ? -rounding : rounding);
    let sum = Math.max(low, Math.min(high + 1, Math.ceil((q30 * middle) / multiplier)));
    if (sum > exactQuotient || sum < -exactQuotient) {
      while (sum <= high && exact(sum) < result) sum++;
      while (sum > low && exact(sum - 1) >= result) sum--;
    }
    results[scratch.count] = result;
    sums[scratch.count++] = sum;
  }
  return scratch;
}

/**
 * Undefined where there are more than `most`. As both functions rise with the sum, only sums beside a step can be wrong. A
 * step that was wrong goes to the front, where it ends the next trial soon.
 */
function wrongSums(
  factor: number,
  half: number,
  { count, results, sums }: Steps,
  channel: Channel,
  most: number,
): WrongSum[] | undefined {
  const { low, high } = channel;
  const offset = whole + channel.zeroPoint;
  let wrong: WrongSum[] | undefined;
  for (let i = 0; i < count; i++) {
    const sum = sums[i];
    const result = results[i];
    const least = result + offset;
    const enough = sum > high || rescaled(sum, factor, half, offset) >= least;
    if (enough && (sum === low || rescaled(sum - 1, factor, half, offset) < least)) continue;
    sums[i] = sums[0];
    results[i] = results[0];
    sums[0] = sum;
    results[0] = result;
    wrong ??= [];
    for (let s = sum; s <= high && rescaled(s, factor, half, offset) < least; s++)
      if (!add(wrong, s, most)) return undefined;
    for (let s = sum - 1; s >= low && rescaled(s, factor, half, offset) >= least; s--)
      if (!add(wrong, s, most)) return undefined;
  }
  return wrong ?? [];

  function add(all: WrongSum[], sum: number, limit: number): boolean {
    if (all.some((other) => other.sum === sum)) return true;
    const wanted = multiplyByQuantizedMultiplier(sum, channel.multiplier, channel.shift);
    all.push({ sum, change: wanted + offset - rescaled(sum, factor, half, offset) });
    return all.length <= limit;
  }
}

function rescaled(sum: number, factor: number, half: number, offset: number): number {
  const product = Math.fround(Math.fround(sum) * factor);
  return Math.fround(Math.fround(product + (sum < 0 ? -half : half)) + offset);
}
