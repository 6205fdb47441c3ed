/** The settings that a sweep tries: every combination of lists, or draws that spread evenly over lists and ranges. */
import { PhinetsError, Random } from "../tensor/index.js";
import { exp, log } from "../tensor/math.js";

export type SettingValue = string | number | boolean;

/** Values by their options' names. */
export type Setting = Readonly<Record<string, SettingValue>>;

export interface ListDimension {
  readonly name: string;
  /** At least one, none twice. */
  readonly values: readonly SettingValue[];
}

export interface RangeDimension {
  readonly name: string;
  readonly min: number;
  /** Above `min`. */
  readonly max: number;
  /** "log": equal ratios are as likely as each other; then `min` is above 0. */
  readonly scale: "linear" | "log";
  /** Integers only. */
  readonly whole?: boolean;
}

export type Dimension = ListDimension | RangeDimension;

export const isRange = (dimension: Dimension): dimension is RangeDimension => "scale" in dimension;

/**
 * Every combination, the last dimension's values first.
 * @throws PhinetsError `sweep.space` for a range, of which a grid takes no value
 */
export function gridSettings(dimensions: readonly Dimension[]): Setting[] {
  let settings: Setting[] = [{}];
  for (const dimension of dimensions) {
    if (isRange(dimension))
      throw new PhinetsError(
        "sweep.space",
        `space.${dimension.name}: is a range, of which a grid takes no value; list values, or search: random or asha`,
      );
    const { name, values } = dimension;
    settings = settings.flatMap((setting) => values.map((value) => ({ ...setting, [name]: value })));
  }
  return settings;
}

/** Draws that give nothing new in a row after which there is nothing new. */
const mostRepeats = 1000;

/**
 * `count` different settings that spread evenly, or fewer where lists have no more: the additive recurrence R_d (Roberts
 * 2018, "The unreasonable effectiveness of quasirandom sequences") from a start that `seed` draws. The first n of more
 * settings are those of n: a longer sweep goes on with a shorter one.
 */
export function drawSettings(
  dimensions: readonly Dimension[],
  { count, seed }: { readonly count: number; readonly seed: number },
): Setting[] {
  const random = new Random(seed, dimensions.length);
  const place = dimensions.map(() => random.uniform());
  const root = plasticRoot(dimensions.length);
  const steps: number[] = [];
  for (let step = 1 / root; steps.length < dimensions.length; step /= root) steps.push(step);
  const found = new Map<string, Setting>();
  for (let repeats = 0; found.size < count && repeats < mostRepeats; ) {
    const setting = Object.fromEntries(dimensions.map((each, d) => [each.name, valueAt(each, place[d])]));
    const key = JSON.stringify(setting);
    if (found.has(key)) repeats++;
    else {
      repeats = 0;
      found.set(key, setting);
    }
    for (const [d, step] of steps.entries()) place[d] = (place[d] + step) % 1;
  }
  return [...found.values()];
}

/** The root of x^(d+1) = x + 1 above 1: the golden ratio for 1. */
function plasticRoot(dimensions: number): number {
  let [low, high] = [1, 2];
  for (let i = 0; i < 60; i++) {
    const x = (low + high) / 2;
    let power = x;
    for (let d = 0; d < dimensions; d++) power *= x;
    if (power > x + 1) high = x;
    else low = x;
  }
  return (low + high) / 2;
}

/** @param place 0 to below 1 */
function valueAt(dimension: Dimension, place: number): SettingValue {
  if (!isRange(dimension)) return dimension.values[Math.floor(place * dimension.values.length)];
  const { min, max, scale, whole } = dimension;
  const value = scale === "log" ? exp(log(min) + place * (log(max) - log(min))) : min + place * (max - min);
  // Digits that nobody would have typed tell nothing.
  const short = whole === true ? Math.round(value) : Number(value.toPrecision(4));
  return Math.min(max, Math.max(min, short));
}
