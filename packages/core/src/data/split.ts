/**
 * Splitting a data set that does not come split. A sample's place depends on the seed and its own name only, so adding
 * pictures moves few others, and the folder the data lies in does not matter.
 */
import { hashString, Random } from "../tensor/index.js";
import type { DatasetIndex, Sample, SplitName } from "./types.js";

export interface SplitOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Share of the samples that validates, 0..1. Default 0.1. */
  readonly val?: number;
  /** Share of the samples that tests, 0..1. Default 0.1. */
  readonly test?: number;
  /** What names a sample, independent of where it lies. Default: its `file`. */
  readonly name?: (sample: Sample) => string;
}

/** Samples in an order drawn from the seed and their names. */
function shuffledByName(samples: readonly Sample[], seed: number, name: (sample: Sample) => string): Sample[] {
  return samples
    .map((sample) => ({ sample, name: name(sample) }))
    .map((entry) => ({ ...entry, key: new Random(seed, hashString(entry.name)).uint32() }))
    .sort((a, b) => a.key - b.key || (a.name < b.name ? -1 : 1))
    .map((entry) => entry.sample);
}

/**
 * Splits samples by seed; each class of a classification set is split on its own, so that all splits have all classes.
 * Within a split the samples keep their order.
 */
export function splitSamples(samples: readonly Sample[], options: SplitOptions = {}): Record<SplitName, Sample[]> {
  const { seed = 0, val = 0.1, test = 0.1, name = (sample: Sample) => sample.file } = options;
  const groups = new Map<number | undefined, Sample[]>();
  for (const sample of samples) {
    const group = groups.get(sample.class);
    if (group === undefined) groups.set(sample.class, [sample]);
    else group.push(sample);
  }
  const place = new Map<Sample, SplitName>();
  for (const group of groups.values()) {
    const vals = Math.round(group.length * val);
    const tests = Math.round(group.length * test);
    const order = shuffledByName(group, seed, name);
    for (let i = 0; i < order.length; i++) place.set(order[i], i < vals ? "val" : i < vals + tests ? "test" : "train");
  }
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const sample of samples) splits[place.get(sample) ?? "train"].push(sample);
  return splits;
}

/**
 * Gives an index the splits it lacks, out of `train`: `val` when there is none, and `test` when there is neither. A set
 * with its own val and no test keeps an empty test split (`evaluationSplit` then falls back to val).
 */
export function completeSplits(index: DatasetIndex, options: SplitOptions = {}): DatasetIndex {
  const { train, val, test } = index.splits;
  if (val.length > 0) return index;
  const made = splitSamples(train, { ...options, test: test.length > 0 ? 0 : options.test });
  return { ...index, splits: test.length > 0 ? { ...made, test } : made };
}

/** The split that final figures are measured on: test, or val where there is no test. */
export function evaluationSplit(index: DatasetIndex): SplitName {
  return index.splits.test.length > 0 ? "test" : "val";
}

/** A seeded share of the samples (at least one, in their order): what `--fraction` trains on. */
export function takeFraction(
  samples: readonly Sample[],
  fraction: number,
  options: Pick<SplitOptions, "seed" | "name"> = {},
): readonly Sample[] {
  if (fraction >= 1 || samples.length === 0) return samples;
  const count = Math.max(1, Math.round(samples.length * fraction));
  const { seed = 0, name = (sample: Sample) => sample.file } = options;
  const kept = new Set(shuffledByName(samples, seed, name).slice(0, count));
  return samples.filter((sample) => kept.has(sample));
}
