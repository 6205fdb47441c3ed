/** The settings that a sweep tries: every combination of lists, or draws that cover lists and ranges evenly. */
import { PhinetsError, Random } from "../tensor/index.js";
import { exp, log } from "../tensor/math.js";

export type SettingValue = string | number | boolean;

/** Option values by name. */
export type Setting = Readonly<Record<string, SettingValue>>;

export interface ListDimension {
  readonly name: string;
  /** At least one value, all different. */
  readonly values: readonly SettingValue[];
}

export interface RangeDimension {
  readonly name: string;
  readonly min: number;
  /** Greater than `min`. */
  readonly max: number;
  /** "log": equal ratios are equally likely; requires `min` > 0. */
  readonly scale: "linear" | "log";
  /** Integers only. */
  readonly whole?: boolean;
}

export type Dimension = ListDimension | RangeDimension;

export const isRange = (dimension: Dimension): dimension is RangeDimension => "scale" in dimension;

/**
 * Every combination; the last dimension varies fastest.
 * @throws PhinetsError `sweep.space` for a range, which has no list of values
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

/** Number of repeated settings in a row after which no new setting is expected. */
const mostRepeats = 1000;

/**
 * `count` different, evenly spread settings, or fewer if the lists have no more combinations: the additive recurrence
 * R_d (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences") from a start drawn by `seed`. The first
 * n settings are the same for every larger count, so a longer sweep extends a shorter one.
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

/** The root above 1 of x^(d+1) = x + 1; the golden ratio for d = 1. */
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

/** @param place position within the dimension, 0 <= place < 1 */
function valueAt(dimension: Dimension, place: number): SettingValue {
  if (!isRange(dimension)) return dimension.values[Math.floor(place * dimension.values.length)];
  const { min, max, scale, whole } = dimension;
  const value = scale === "log" ? exp(log(min) + place * (log(max) - log(min))) : min + place * (max - min);
  // More than four significant digits would carry no meaning.
  const short = whole === true ? Math.round(value) : Number(value.toPrecision(4));
  return Math.min(max, Math.max(min, short));
}
