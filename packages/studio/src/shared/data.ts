/**
 * Data sets in the page's format. A catalogue is made of columns, not of one object per picture: 50,000 pictures are a
 * few arrays, which filters scan in a millisecond or two.
 */
import type { BoxLabel, DatasetIndex, Problem, Sample, SplitName, Task } from "@phinets/core/data";
import { fractionsOf, type LabelDocument } from "./labels.js";

/** A data set that was found in the opened folder. */
export interface DatasetEntry {
  /** Path within the opened folder, "" for the folder itself; it identifies the data set in the API. */
  readonly path: string;
  /** How its format was recognised. */
  readonly recognised: string;
  readonly task: Task;
  readonly classes: number;
  readonly pictures: number;
  /** Whether it is only pictures, none of them labelled. */
  readonly isBare: boolean;
}

export interface Catalogue {
  readonly path: string;
  readonly recognised: string;
  readonly format: string;
  readonly task: Task;
  readonly classes: readonly string[];
  readonly notes: readonly string[];
  /** Problems with files and rows, each of which was left out. */
  readonly problems: readonly { readonly file: string; readonly message: string; readonly kind: string }[];
  /** Number of pictures by split, in the order train, val, test. A picture's number is its index in that order. */
  readonly splits: Readonly<Record<SplitName, number>>;
  /** By picture: its path within the data set. */
  readonly files: readonly string[];
  /** By picture: the class for classification, else -1. */
  readonly labels: readonly number[];
  /** By picture, plus one entry: index of its first box. */
  readonly starts: readonly number[];
  /** Five numbers per box: class, and centre x, y, width, height as fractions of the picture. */
  readonly boxes: readonly number[];
  /** By box: 0 a label, 1 crowd, 2 difficult. */
  readonly ignored: readonly number[];
  /** Numbers of the unlabelled pictures, ascending; they belong to their splits too. */
  readonly unlabelled: readonly number[];
}

/** Numbers per box in `Catalogue.boxes`. */
export const boxFields = 5;

const splitOrder: readonly SplitName[] = ["train", "val", "test"];
const ignoreCodes = { crowd: 1, difficult: 2 } as const;

interface Opened extends DatasetIndex {
  readonly recognised: string;
  readonly format: string;
  readonly notes: readonly string[];
  readonly problems: readonly Problem[];
  /** Files of the unlabelled pictures. */
  readonly unlabelled?: ReadonlySet<string>;
}

/** All samples of an index, in the catalogue's order. */
export function samplesOf({ splits }: Pick<DatasetIndex, "splits">): Sample[] {
  return splitOrder.flatMap((split) => splits[split]);
}

/**
 * @param path path that identifies the data set
 * @param shorten returns the path of a sample's file to show
 */
export function catalogueOf(opened: Opened, path: string, shorten: (file: string) => string): Catalogue {
  const samples = samplesOf(opened);
  const starts = [0];
  const boxes: number[] = [];
  const ignored: number[] = [];
  for (const { labels = [] } of samples) {
    for (const box of labels) {
      boxes.push(box.class, box.x, box.y, box.width, box.height);
      ignored.push(box.ignore === undefined ? 0 : ignoreCodes[box.ignore]);
    }
    starts.push(ignored.length);
  }
  const { recognised, format, task, classes, notes, problems, splits } = opened;
  return {
    path,
    recognised,
    format,
    task,
    classes,
    notes,
    problems: problems.map(({ error, leavesOut }) => ({
      file: shorten(error.path ?? ""),
      message: error.message,
      kind: leavesOut,
    })),
    splits: { train: splits.train.length, val: splits.val.length, test: splits.test.length },
    files: samples.map(({ file }) => shorten(file)),
    labels: samples.map((sample) => sample.class ?? -1),
    starts,
    boxes,
    ignored,
    unlabelled: [...samples.keys()].filter((n) => opened.unlabelled?.has(samples[n].file)),
  };
}

/** The catalogue with new boxes for a picture. A box's centre and sides are fractions of the picture. */
function withBoxes(
  catalogue: Catalogue,
  n: number,
  { boxes: labels, classes }: { readonly boxes: readonly BoxLabel[]; readonly classes: readonly string[] },
): Catalogue {
  const { starts, boxes, ignored } = catalogue;
  const [from, to] = [starts[n], starts[n + 1]];
  const more = labels.length - (to - from);
  const numbers = labels.flatMap((box) => [box.class, box.x, box.y, box.width, box.height]);
  const codes = labels.map(({ ignore }) => (ignore === undefined ? 0 : ignoreCodes[ignore]));
  return {
    ...catalogue,
    classes,
    starts: starts.map((start, i) => (i > n ? start + more : start)),
    boxes: [...boxes.slice(0, from * boxFields), ...numbers, ...boxes.slice(to * boxFields)],
    ignored: [...ignored.slice(0, from), ...codes, ...ignored.slice(to)],
    unlabelled: catalogue.unlabelled.filter((each) => each !== n),
  };
}

/** The catalogue after the boxes of a picture were saved. */
export function withSaved(catalogue: Catalogue, saved: LabelDocument): Catalogue {
  const boxes = saved.boxes.map((box) => fractionsOf(box, saved.size));
  let next = catalogue;
  for (const [n, file] of catalogue.files.entries())
    if (file === saved.picture) next = withBoxes(next, n, { boxes, classes: saved.classes });
  return next;
}

/** The split of picture `n`. */
export function splitOf({ splits }: Pick<Catalogue, "splits">, n: number): SplitName {
  if (n < splits.train) return "train";
  return n < splits.train + splits.val ? "val" : "test";
}

/** The boxes of picture `n`. */
export function boxesOf({ starts, boxes, ignored }: Catalogue, n: number): BoxLabel[] {
  const found: BoxLabel[] = [];
  for (let i = starts[n]; i < starts[n + 1]; i++) {
    const [kind, x, y, width, height] = boxes.slice(i * boxFields, (i + 1) * boxFields);
    const ignore = ignored[i] === 0 ? undefined : ignored[i] === 1 ? "crowd" : "difficult";
    found.push({ class: kind, x, y, width, height, ...(ignore && { ignore }) });
  }
  return found;
}
