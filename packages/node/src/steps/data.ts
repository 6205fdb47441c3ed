/** What a chain of steps works on: the pictures of each split, decoded and cached, and a key that names them. */
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
  /** For titles: the data set's folder. */
  readonly name: string;
  readonly index: DatasetIndex;
  /** The same bytes, names and labels, the same key, wherever they lie. */
  readonly key: string;
  /** SHA-256 by file. */
  readonly digests: ReadonlyMap<string, string>;
  readonly loading: LoadingOptions;
  /** What `skipBad` left out when the labels were read. */
  readonly leftOut: SkippedCounts;
}

export interface SkippedCounts {
  /** Rows of labels. */
  readonly rows: number;
  /** Pictures, for their labels or as they are not there; those that cannot be decoded are counted when they are loaded. */
  readonly pictures: number;
}

/** How the files are read; the same for all verbs. */
export interface LoadingOptions {
  /** Id of the data format (`dataFormats`). Default: what the files are recognised as. */
  readonly dataFormat?: string;
  /** See dataset's `LoadOptions`. Default "ram". */
  readonly cache?: CacheMode;
  /** Classes that count, by their names; default all of the data set's. */
  readonly only?: readonly string[];
  /** Leave out rows and pictures that are bad, and say so. Default false: the first is an error. */
  readonly skipBad?: boolean;
  /** Pixel values that become 0 and 255. Default: all that a picture's depth can hold. */
  readonly pixelRange?: PixelRange;
}

export interface OpenDataOptions {
  readonly seed: number;
  /** Share of the training pictures to use, 0..1. Default 1. */
  readonly fraction?: number;
  /** Folder of all runs: the cache in it keeps what is known of the files. */
  readonly project?: string;
  readonly loading?: LoadingOptions;
  /** There must be something to learn from. Default true. */
  readonly toTrain?: boolean;
  /** Told, line by line, how the data set was understood. */
  readonly note?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Opens and joins data sets; a bad file ends it with its name and reason. */
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
    // Other pixels are learnt from.
    ...(pixelRange === undefined ? [] : [pixelRange]),
  );
  const problems = sets.flatMap((set) => set.problems);
  const rows = problems.filter((problem) => problem.leavesOut === "row").length;
  const leftOut = { rows, pictures: problems.length - rows };
  return { name: paths.map(nameOf).join(" + "), index, key, digests, loading, leftOut };
}

/** A line every 5 seconds, as `looking for copies in 1200 of 60000 pictures`. */
function tellNowAndThen(note: (line: string) => void, what: string): (done: number, total: number) => void {
  let told = performance.now();
  return (done, total) => {
    if (performance.now() - told < 5000) return;
    told = performance.now();
    note(`${what} ${done} of ${total} pictures`);
  };
}

const cacheOf = (project: string): string => join(project, ".cache/phinets");

/** `../data/coco-person/data.yaml` is "coco-person". */
function nameOf(path: string): string {
  const absolute = resolve(path);
  return basename(/\.ya?ml$/i.test(absolute) ? dirname(absolute) : absolute);
}

/** The pictures of one split, ready for training (jittered crops) or for evaluation (the network's own input). */
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
 * The split as for evaluation, of which only the pictures that were drawn can be looked at. Reads no others, unless bad
 * ones are left out: how many there are is known once all are read.
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

/** Classes of an imported network are those of its outputs, whatever a data set calls its own. */
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
        hinted.add(data); // the other splits are alike
        context.note(`note: ${count} of ${samples.length} ${split} pictures use little of their depth: ${first}`);
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

/** Data sets whose pictures' depth has been spoken of. */
const hinted = new WeakSet<OpenedData>();

/** Skipped pictures that are named; the others are counted. */
const mostNamed = 10;

/** Validation pictures, or where a data set has none, its test pictures. */
export function validationSplit(data: OpenedData): SplitName {
  return data.index.splits.val.length > 0 ? "val" : evaluationSplit(data.index);
}

/** Some of a source's pictures, spread evenly over it. */
export function someOf(source: PictureSource, count: number): PictureSource {
  const length = Math.min(count, source.length);
  return { length, at: (i) => source.at(Math.floor((i * source.length) / length)) };
}
