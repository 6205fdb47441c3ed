/**
 * Splits a data set that has no splits. Pictures that belong together (picture-groups.ts) go to one split. A group's
 * split depends on the seed and the names in it, so adding pictures moves few others, and the data set's location does
 * not matter.
 */
import { hashString, Random } from "../tensor/index.js";
import { byCodeUnits } from "./files/tree.js";
import { addTo, append } from "./files/values.js";
import { byNumberedName, groupPictures, type PictureGroups, type PictureLook } from "./picture-groups.js";
import type { DatasetIndex, Sample, SplitName } from "./types.js";

export interface SplitOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Share of the samples for validation, 0..1. Default 0.1. */
  readonly val?: number;
  /** Share of the samples for testing, 0..1. Default 0.1. */
  readonly test?: number;
  /** A sample's name, independent of its location. Default: its `file`. */
  readonly name?: (sample: Sample) => string;
  /** The look of a sample's picture, for keeping copies together. Default: unknown. */
  readonly look?: (sample: Sample) => PictureLook | undefined;
}

/** The splits, and how they were made. */
export interface MadeSplits {
  readonly splits: Record<SplitName, Sample[]>;
  /** Groups of more than one picture that were kept together, and their pictures. */
  readonly kept: { readonly groups: number; readonly pictures: number };
  /** Pictures of groups too large to stay whole: they were divided into runs by name. */
  readonly parted: number;
}

interface Unit {
  readonly name: string;
  /** Indices of samples. */
  readonly members: readonly number[];
  /** Number of members per stratum. */
  readonly counts: ReadonlyMap<number, number>;
}

/** Samples in an order drawn from the seed and their names. */
function shuffledByName<T>(items: readonly T[], seed: number, nameOf: (item: T) => string): T[] {
  return items
    .map((item) => ({ item, name: nameOf(item) }))
    .map((entry) => ({ ...entry, key: new Random(seed, hashString(entry.name)).uint32() }))
    .sort((a, b) => a.key - b.key || byCodeUnits(a.name, b.name))
    .map((entry) => entry.item);
}

/**
 * The stratum of a sample: its class, or for detection, whether it has boxes. Each split should get its share of every
 * stratum.
 */
function stratumOf({ class: label, labels }: Sample): number {
  return label ?? (labels === undefined || labels.some(({ ignore }) => ignore === undefined) ? 0 : background);
}
const background = -1;

/**
 * Splits samples by seed. Each class is near its share in every split, and has one picture in val if it has two (in
 * test if it has three), unless all are copies of one. Within a split the samples keep their order.
 */
export function splitSamples(samples: readonly Sample[], options: SplitOptions = {}): Record<SplitName, Sample[]> {
  return makeSplits(samples, options).splits;
}

/** Like `splitSamples`, with details about the result. */
export function makeSplits(samples: readonly Sample[], options: SplitOptions = {}): MadeSplits {
  const { seed = 0, name = (sample: Sample) => sample.file, look = () => undefined } = options;
  const names = samples.map(name);
  const strata = samples.map(stratumOf);
  const groups = groupPictures(
    samples.map((sample, n) => ({ name: names[n], look: look(sample), group: sample.group })),
  );
  const totals = countBy(strata);
  const wanted = new Map([...totals].map(([stratum, count]) => [stratum, sharesOf(count, options)]));
  const { units, parted } = partLarge(groups, names, strata, totals, wanted);
  const place = new Placing(
    shuffledByName(units, seed, (unit) => unit.name),
    totals,
    wanted,
  ).place();
  const kept = units.filter(({ members }) => members.length > 1);
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  const splitOf = new Array<SplitName>(samples.length).fill("train");
  for (const [unit, split] of place) for (const n of unit.members) splitOf[n] = split;
  for (const [n, sample] of samples.entries()) splits[splitOf[n]].push(sample);
  return {
    splits,
    kept: { groups: kept.length, pictures: kept.reduce((sum, { members }) => sum + members.length, 0) },
    parted,
  };
}

interface Shares {
  readonly val: number;
  readonly test: number;
}

function sharesOf(count: number, { val = 0.1, test = 0.1 }: SplitOptions): Shares {
  const least = (share: number, from: number) =>
    share > 0 && count >= from ? Math.max(1, Math.round(count * share)) : 0;
  const vals = Math.min(count - 1, least(val, 2));
  return { val: vals, test: Math.min(count - 1 - vals, least(test, 3)) };
}

function countBy(keys: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

/**
 * Turns groups into units to be placed. A group is divided if it leaves fewer pictures of a class than validation
 * needs, as a single video or a fixed camera does. It is divided into runs in the order of the names, so that only the
 * ends of runs have similar pictures in another split. Copies of one picture always stay together.
 */
function partLarge(
  { copyOf, groupOf }: PictureGroups,
  names: readonly string[],
  strata: readonly number[],
  totals: ReadonlyMap<number, number>,
  wanted: ReadonlyMap<number, Shares>,
): { readonly units: readonly Unit[]; readonly parted: number } {
  const unitOf = (members: readonly number[]): Unit => ({
    name: members.map((n) => names[n]).sort(byCodeUnits)[0],
    members,
    counts: countBy(members.map((n) => strata[n])),
  });
  const units: Unit[] = [];
  let parted = 0;
  for (const members of listsOf(groupOf)) {
    const unit = unitOf(members);
    const tooLarge = [...unit.counts].some(
      ([stratum, count]) => (totals.get(stratum) ?? 0) - count < (wanted.get(stratum)?.val ?? 0),
    );
    if (!tooLarge) {
      units.push(unit);
      continue;
    }
    const byStratum = new Map<number, number[][]>();
    const copies = listsOf(copyOf, members).sort((a, b) => byNumberedName(names[a[0]], names[b[0]]));
    for (const same of copies) {
      addTo(byStratum, strata[same[0]], same);
    }
    const before = units.length;
    for (const [stratum, list] of byStratum) {
      const length = Math.max(1, Math.ceil((wanted.get(stratum)?.val ?? 0) / 2));
      let run: number[] = [];
      for (const same of list) {
        append(run, same);
        if (run.length < length) continue;
        units.push(unitOf(run));
        run = [];
      }
      if (run.length > 0) units.push(unitOf(run));
    }
    if (units.length > before + 1) parted += members.length;
  }
  return { units, parted };
}

/** Lists of the numbers that share the same first number. */
function listsOf(firsts: Int32Array, members: Iterable<number> = firsts.keys()): number[][] {
  const lists = new Map<number, number[]>();
  for (const n of members) {
    addTo(lists, firsts[n], n);
  }
  return [...lists.values()];
}

/** Assigns units, in order, to val, test or train. */
class Placing {
  readonly #place = new Map<Unit, SplitName>();
  readonly #counts: Readonly<Record<SplitName, Map<number, number>>>;

  constructor(
    readonly units: readonly Unit[],
    readonly totals: ReadonlyMap<number, number>,
    readonly wanted: ReadonlyMap<number, Shares>,
  ) {
    this.#counts = { train: new Map(totals), val: new Map(), test: new Map() };
    for (const unit of units) this.#place.set(unit, "train");
  }

  place(): ReadonlyMap<Unit, SplitName> {
    for (const unit of this.units) {
      const split = (["val", "test"] as const).find((each) => this.#nears(unit, each) && this.#leaves(unit, 1, 0));
      if (split !== undefined) this.#move(unit, split);
    }
    for (const split of ["val", "test"] as const) {
      for (const [stratum, shares] of this.wanted) {
        if (shares[split] === 0 || this.#count(split, stratum) > 0) continue;
        const unit = this.#smallestOf(stratum, 0.5) ?? (split === "val" ? this.#smallestOf(stratum, 0) : undefined);
        if (unit !== undefined) this.#move(unit, split);
      }
    }
    return this.#place;
  }

  /** Whether a unit brings a split closer to its shares. */
  #nears({ counts }: Unit, split: "val" | "test"): boolean {
    let change = 0;
    for (const [stratum, count] of counts) {
      const target = this.wanted.get(stratum)?.[split] ?? 0;
      const has = this.#count(split, stratum);
      change += Math.abs(has + count - target) - Math.abs(has - target);
    }
    return change < 0;
  }

  /** Whether train keeps at least `least` pictures, and a share, of every stratum but background if a unit leaves. */
  #leaves({ counts }: Unit, least: number, share: number): boolean {
    return [...counts].every(
      ([stratum, count]) =>
        stratum === background ||
        this.#count("train", stratum) - count >= Math.max(least, share * (this.totals.get(stratum) ?? 0)),
    );
  }

  /** The smallest unit of a stratum that train can spare. */
  #smallestOf(stratum: number, share: number): Unit | undefined {
    let best: Unit | undefined;
    for (const unit of this.units) {
      if (this.#place.get(unit) !== "train" || !unit.counts.has(stratum)) continue;
      if (!this.#leaves(unit, 1, share)) continue;
      if (best === undefined || unit.members.length < best.members.length) best = unit;
    }
    return best;
  }

  #count(split: SplitName, stratum: number): number {
    return this.#counts[split].get(stratum) ?? 0;
  }

  #move(unit: Unit, split: "val" | "test"): void {
    this.#place.set(unit, split);
    for (const [stratum, count] of unit.counts) {
      this.#counts.train.set(stratum, this.#count("train", stratum) - count);
      this.#counts[split].set(stratum, this.#count(split, stratum) + count);
    }
  }
}

/** A data set with all the splits that could be made, and sentences about the new ones. */
export interface CompletedSplits {
  readonly index: DatasetIndex;
  readonly notes: readonly string[];
}

/** Whether `completeSplits` would make a split and therefore needs the pictures' looks. */
export function lacksSplits({ splits }: Pick<DatasetIndex, "splits">): boolean {
  return splits.val.length === 0 && splits.train.length > 0;
}

/**
 * Makes the missing splits out of `train`: `val` if there is none, and `test` if there is neither. A set with its own
 * val but no test keeps an empty test split (`evaluationSplit` then falls back to val).
 */
export function completeSplits(index: DatasetIndex, options: SplitOptions = {}): CompletedSplits {
  const { train, test } = index.splits;
  if (!lacksSplits(index)) return { index, notes: [] };
  const makes: SplitName[] = test.length > 0 ? ["val"] : ["val", "test"];
  const made = makeSplits(train, { ...options, test: test.length > 0 ? 0 : options.test });
  const splits = test.length > 0 ? { ...made.splits, test } : made.splits;
  return { index: { ...index, splits }, notes: notesOn(index, made, makes, options.seed ?? 0) };
}

function notesOn(index: DatasetIndex, made: MadeSplits, makes: readonly SplitName[], seed: number): string[] {
  const { splits, kept, parted } = made;
  const { train } = index.splits;
  const sizes = makes.map((split) => `${splits[split].length} for ${split}`).join(" and ");
  const notes = [
    `the data set has no ${makes.join(" or ")}: of its ${train.length} ${train.length === 1 ? "picture" : "pictures"} ${sizes} are drawn by seed ${seed}`,
  ];
  if (kept.groups > 0) {
    const groups = kept.groups === 1 ? "1 group" : `${kept.groups} groups`;
    notes.push(
      `${kept.pictures} pictures that are copies, look alike or follow each other stay together, in ${groups}`,
    );
  }
  if (parted > 0) {
    notes.push(
      `${parted} pictures look alike or are of one sequence, too many to be kept together: they are divided by runs of their names, so figures will be better than on new pictures; give the data set a val and test of its own`,
    );
  }
  for (const split of makes) {
    const missing = missingFrom(index, splits[split]);
    if (missing !== undefined) notes.push(`${split} has ${missing}: there are too few different pictures`);
  }
  return notes;
}

/** What train contains and a split made from it lacks. */
function missingFrom({ task, classes, splits }: DatasetIndex, samples: readonly Sample[]): string | undefined {
  if (samples.length === 0) return "no pictures";
  if (task === "detect") {
    const boxes = samples.some((sample) => stratumOf(sample) !== background);
    return boxes ? undefined : "no picture with a box";
  }
  const there = new Set(samples.map((sample) => sample.class));
  const missing = [...new Set(splits.train.map((sample) => sample.class))].filter((each) => !there.has(each));
  if (missing.length === 0) return undefined;
  const names = missing.slice(0, 5).map((each) => classes[each as number]);
  return `no picture of ${names.join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more classes` : ""}`;
}

/** The split for final metrics: test, or val if there is no test. */
export function evaluationSplit(index: DatasetIndex): SplitName {
  return index.splits.test.length > 0 ? "test" : "val";
}

/** A random share of the samples (at least one, in order), drawn by seed: the training data of `--fraction`. */
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
