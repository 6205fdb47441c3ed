/** Selects a part of a data set, or moves pictures between splits. */
import { PhinetsError } from "../tensor/index.js";
import { type SplitOptions, takeFraction } from "./split.js";
import { type DatasetIndex, type Sample, type SplitName, splitNames } from "./types.js";

/**
 * The data set with only these classes, numbered in the given order. Names are matched without regard to case if no
 * class matches exactly. A detection picture without boxes of these classes stays, as background. A classification
 * picture of another class is dropped.
 * @param name name of the data set, for errors: `data.classes` for a class that it lacks or that is listed twice
 */
export function onlyClasses(index: DatasetIndex, names: readonly string[], name: string): DatasetIndex {
  const fail = (problem: string): never => {
    throw new PhinetsError("data.classes", `${name}: ${problem}`, name);
  };
  const kept = names.map((wanted) => {
    const exact = index.classes.indexOf(wanted);
    const found = exact >= 0 ? exact : index.classes.findIndex((each) => each.toLowerCase() === wanted.toLowerCase());
    if (found < 0) return fail(`has no class "${wanted}"; its classes are ${listed(index.classes)}`);
    return found;
  });
  const twice = kept.findIndex((each, n) => kept.indexOf(each) !== n);
  if (twice >= 0) fail(`class "${names[twice]}" is named twice; name it once`);
  const numbers = new Map(kept.map((old, now) => [old, now]));
  const reduced = (sample: Sample): Sample[] => {
    if (index.task === "classify") {
      const now = numbers.get(sample.class as number);
      return now === undefined ? [] : [{ ...sample, class: now }];
    }
    const labels = sample.labels?.flatMap((label) => {
      const now = numbers.get(label.class);
      return now === undefined ? [] : [{ ...label, class: now }];
    });
    return [{ ...sample, labels }];
  };
  return { ...index, classes: [...names], splits: mapSplits((split) => index.splits[split].flatMap(reduced)) };
}

/**
 * The data set with a share (0..1) of its background pictures (those without objects), drawn by seed in each split. A
 * classification data set is returned unchanged.
 */
export function thinBackground(
  index: DatasetIndex,
  share: number,
  options: Pick<SplitOptions, "seed" | "name"> = {},
): DatasetIndex {
  const isBackground = ({ labels }: Sample) => labels?.length === 0;
  const thinned = (split: SplitName) => {
    const samples = index.splits[split];
    const background = samples.filter(isBackground);
    const kept = new Set(share > 0 ? takeFraction(background, share, options) : []);
    return samples.filter((sample) => !isBackground(sample) || kept.has(sample));
  };
  return { ...index, splits: mapSplits(thinned) };
}

/** Moves a split's pictures to another split. */
export interface SplitMove {
  readonly from: SplitName;
  readonly to: SplitName;
}

/** The data set with the pictures of some splits appended to others. Each split moves at most once. */
export function moveSplits(index: DatasetIndex, moves: readonly SplitMove[]): DatasetIndex {
  const placeOf = (split: SplitName): SplitName => moves.find(({ from }) => from === split)?.to ?? split;
  const gathered = (split: SplitName) => [
    ...(placeOf(split) === split ? index.splits[split] : []),
    ...splitNames.flatMap((each) => (each !== split && placeOf(each) === split ? index.splits[each] : [])),
  ];
  return { ...index, splits: mapSplits(gathered) };
}

function mapSplits(samplesOf: (split: SplitName) => readonly Sample[]): DatasetIndex["splits"] {
  return { train: samplesOf("train"), val: samplesOf("val"), test: samplesOf("test") };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 30).join(", ");
  return names.length > 30 ? `${shown} and ${names.length - 30} more` : shown;
}
