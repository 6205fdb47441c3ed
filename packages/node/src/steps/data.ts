/** The data of a chain of steps: the pictures of each split, decoded and cached, and a key that identifies them. */
import { basename, dirname, join, resolve } from "node:path";
import {
  type DatasetIndex,
  describeOpened,
  evaluationSplit,
  type PictureSource,
  type Sample,
  type SplitName,
  splitNames,
} from "@phinets/core/data";
import { classNames, type Network } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { type CachedPictures, type CacheMode, digestFiles, loadPictures, openDataset } from "../dataset/index.js";
import type { PixelRange } from "../picture/bands.js";
import { fileOnDisk } from "../picture/idx-files.js";
import type { StepContext } from "./context.js";
import { keyOf } from "./hash.js";

export interface OpenedData {
  /** The name of the data set's folder, for titles. */
  readonly name: string;
  readonly index: DatasetIndex;
  /** Hash of bytes, names and labels: equal data sets have equal keys, wherever they lie. */
  readonly key: string;
  /** SHA-256 by file. */
  readonly digests: ReadonlyMap<string, string>;
  readonly loading: LoadingOptions;
  /** Counts of what `skipBad` left out when the labels were read. */
  readonly leftOut: SkippedCounts;
}

export interface SkippedCounts {
  /** Number of label rows. */
  readonly rows: number;
  /**
   * Pictures left out because of their labels or because the file is missing; those that cannot be decoded are counted
   * when they are loaded.
   */
  readonly pictures: number;
}

/** Options of reading the files, the same for all commands. */
export interface LoadingOptions {
  /** Id of the data format (`dataFormats`). Default: detected from the files. */
  readonly dataFormat?: string;
  /** As in the dataset module's `LoadOptions`. Default "ram". */
  readonly cache?: CacheMode;
  /** Names of the classes to use; default: all of the data set's. */
  readonly only?: readonly string[];
  /** Leave out bad rows and pictures, and report them. Default false: the first one is an error. */
  readonly skipBad?: boolean;
  /** Pixel values that map to 0 and 255. Default: the full range of a picture's depth. */
  readonly pixelRange?: PixelRange;
}

export interface OpenDataOptions {
  readonly seed: number;
  /** Fraction of the training pictures to use, 0..1. Default 1. */
  readonly fraction?: number;
  /** Folder of all runs: its cache keeps what is known about the files. */
  readonly project?: string;
  readonly loading?: LoadingOptions;
  /** Require training pictures. Default true. */
  readonly toTrain?: boolean;
  /** Called with lines that say how the data set was interpreted. */
  readonly note?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Opens and joins data sets. The first bad file is an error with its name and the reason. */
export async function openData(paths: readonly string[], options: OpenDataOptions): Promise<OpenedData> {
  const { seed, fraction, project, loading = {}, toTrain, note, signal } = options;
  const bad = loading.skipBad === true ? "leave out" : "throw";
  const { only, pixelRange } = loading;
  const { sets, ...index } = await openDataset(paths, {
    ...{
      seed,
      fraction,
      bad,
      format: loading.dataFormat,
      only,
      toTrain,
      cache: project && cacheOf(project),
      pixelRange,
      signal,
    },
    onProgress: note && tellNowAndThen(note, "looking for copies in"),
  });
  for (const set of sets) for (const line of describeOpened(set, set.path)) note?.(line);
  const files = splitNames.flatMap((split) => index.splits[split].map(({ file }) => fileOnDisk(file)));
  const digests = await digestFiles(files, { folder: project && cacheOf(project), signal });
  const stampOf = ({ file, labels, class: label }: Sample) => [
    basename(file),
    digests.get(fileOnDisk(file)),
    labels,
    label,
  ];
  const key = keyOf(
    index.task,
    index.classes,
    splitNames.map((split) => index.splits[split].map(stampOf)),
    // The pixel range changes the pixels that are trained on.
    ...(pixelRange === undefined ? [] : [pixelRange]),
  );
  const problems = sets.flatMap((set) => set.problems);
  const rows = problems.filter((problem) => problem.leavesOut === "row").length;
  const leftOut = { rows, pictures: problems.length - rows };
  return { name: paths.map(nameOf).join(" + "), index, key, digests, loading, leftOut };
}

/** Reports at most one line every 5 seconds, as `looking for copies in 1200 of 60000 pictures`. */
function tellNowAndThen(note: (line: string) => void, what: string): (done: number, total: number) => void {
  let told = performance.now();
  return (done, total) => {
    if (performance.now() - told < 5000) return;
    told = performance.now();
    note(`${what} ${done} of ${total} pictures`);
  };
}

const cacheOf = (project: string): string => join(project, ".cache/phinets");

/** The data set's name: `../data/coco-person/data.yaml` gives "coco-person". */
function nameOf(path: string): string {
  const absolute = resolve(path);
  return basename(/\.ya?ml$/i.test(absolute) ? dirname(absolute) : absolute);
}

/** Loads the pictures of one split for training (jittered crops) or for evaluation (fitted to the network's input). */
export async function loadSplit(
  data: OpenedData,
  split: SplitName,
  use: "training" | "evaluation",
  network: Network,
  project: string,
  context: StepContext,
): Promise<CachedPictures> {
  return load(data, split, data.index.splits[split], use, network, project, context);
}

/**
 * Loads a split for evaluation, but only the pictures at the indices that `draw` returns; others cannot be accessed.
 * With `skipBad` all are loaded, because only then it is known how many remain.
 */
export async function loadDrawn(
  data: OpenedData,
  split: SplitName,
  draw: (length: number) => ArrayLike<number>,
  network: Network,
  project: string,
  context: StepContext,
): Promise<PictureSource> {
  if (data.loading.skipBad === true) return loadSplit(data, split, "evaluation", network, project, context);
  const samples = data.index.splits[split];
  const drawn = Array.from(draw(samples.length));
  const some = drawn.map((i) => samples[i]);
  const pictures = await load(data, split, some, "evaluation", network, project, context);
  const places = new Map(drawn.map((i, place) => [i, place]));
  return { length: samples.length, at: (i) => pictures.at(places.get(i)!) };
}

/** Requires that a data set's classes agree with an imported network's outputs. */
function requireClasses({ name, index: { classes } }: OpenedData, network: Network): void {
  const { family, head } = network;
  if (family !== "imported" || head.kind === "none") return;
  const own = classNames(head);
  const fits = typeof head.classes === "number" ? classes.length <= own.length : classes.join() === own.join();
  if (fits) return;
  const list = (names: readonly string[]) => names.slice(0, 8).join(", ") + (names.length > 8 ? ", ..." : "");
  throw new PhinetsError(
    "data.classes",
    `${name}: has the ${classes.length} classes ${list(classes)}, and the network ${own.length}, ${list(own)}; give data of these in this order, or import the network with --classes for what its outputs mean`,
  );
}

async function load(
  data: OpenedData,
  split: SplitName,
  samples: readonly Sample[],
  use: "training" | "evaluation",
  network: Network,
  project: string,
  context: StepContext,
): Promise<CachedPictures> {
  requireClasses(data, network);
  const { height, width, channels } = network.input;
  const progress = context.progress({
    label: `reading ${split}`,
    total: samples.length,
    unit: "pictures",
    lineEvery: 1,
  });
  const bad: string[] = [];
  const { cache, skipBad = false, pixelRange } = data.loading;
  try {
    return await loadPictures(samples, {
      height,
      width,
      channels,
      use,
      folder: cacheOf(project),
      cache,
      pixelRange,
      onHint: (count, first) => {
        if (hinted.has(data)) return;
        hinted.add(data); // once per data set: its other splits are alike
        context.note(
          `note: ${count} of ${samples.length} ${split} pictures use only a small part of their value range: ${first}`,
        );
      },
      ...(skipBad && { onBad: ({ message }) => bad.push(message.split("; ")[0]) }),
      onProgress: (done) => progress.update(done),
      onWarning: (message) => context.note(message),
      signal: context.signal,
    });
  } finally {
    progress.stop();
    for (const message of bad.slice(0, mostNamed)) context.note(`skipped: ${message}`);
    if (bad.length > 0) context.note(`warning: ${bad.length} of ${samples.length} ${split} pictures are left out`);
  }
}

/** Data sets for which the hint on their pictures' depth was given. */
const hinted = new WeakSet<OpenedData>();

/** Number of skipped pictures that are reported by name; the others are counted. */
const mostNamed = 10;

/** The validation split, or the test split where there are no validation pictures. */
export function validationSplit(data: OpenedData): SplitName {
  return data.index.splits.val.length > 0 ? "val" : evaluationSplit(data.index);
}

/** `count` of a source's pictures, spread evenly over it. */
export function someOf(source: PictureSource, count: number): PictureSource {
  const length = Math.min(count, source.length);
  return { length, at: (i) => source.at(Math.floor((i * source.length) / length)) };
}
