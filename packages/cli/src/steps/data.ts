/** What a chain of steps works on: the pictures of each split, decoded and cached, and a key that names them. */
import { basename, dirname, join, resolve } from "node:path";
import {
  type DatasetIndex,
  evaluationSplit,
  type PictureSource,
  type Sample,
  type SplitName,
  splitNames,
  takeFraction,
} from "@phinets/core/data";
import type { Network } from "@phinets/core/networks";
import { fileOnDisk } from "../dataset/idx-files.js";
import { type CachedPictures, type CacheMode, digestFiles, loadPictures, openDataset } from "../dataset/index.js";
import type { Context } from "../terminal/context.js";
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
}

export interface LoadingOptions {
  /** See dataset's `LoadOptions`. Default "ram". */
  readonly cache?: CacheMode;
  /** Leave out pictures that are missing or cannot be decoded, and say so. Default false: the first is an error. */
  readonly skipBad?: boolean;
}

export interface OpenDataOptions {
  readonly seed: number;
  /** Share of the training pictures to use, 0..1. Default 1. */
  readonly fraction?: number;
  /** Folder of all runs: the cache in it keeps what is known of the files. */
  readonly project?: string;
  readonly loading?: LoadingOptions;
  readonly signal?: AbortSignal;
}

/** Opens and joins data sets; a bad file ends it with its name and reason. */
export async function openData(paths: readonly string[], options: OpenDataOptions): Promise<OpenedData> {
  const { seed, fraction = 1, project, loading = {}, signal } = options;
  const opened = await openDataset(paths, { seed });
  const train = takeFraction(opened.splits.train, fraction, { seed });
  const index = { ...opened, splits: { ...opened.splits, train } };
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
  );
  return { name: paths.map(nameOf).join(" + "), index, key, digests, loading };
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
  context: Context,
): Promise<CachedPictures> {
  const { height, width, channels } = network.input;
  const samples = data.index.splits[split];
  const progress = context.progress({
    label: `reading ${split}`,
    total: samples.length,
    unit: "pictures",
    lineEvery: 1,
  });
  const bad: string[] = [];
  const { cache, skipBad = false } = data.loading;
  try {
    return await loadPictures(samples, {
      height,
      width,
      channels,
      use,
      folder: cacheOf(project),
      cache,
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
