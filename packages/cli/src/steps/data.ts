/** What a chain of steps works on: the pictures of each split, decoded and cached, and a key that names them. */
import { statSync } from "node:fs";
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
import { type CachedPictures, loadPictures, openDataset } from "../dataset/index.js";
import type { Context } from "../terminal/context.js";
import { keyOf } from "./hash.js";

export interface OpenedData {
  /** For titles: the data set's folder. */
  readonly name: string;
  readonly index: DatasetIndex;
  /** The same files and labels, the same key. */
  readonly key: string;
}

export interface OpenDataOptions {
  readonly seed: number;
  /** Share of the training pictures to use, 0..1. Default 1. */
  readonly fraction?: number;
}

/** Opens and joins data sets; a bad file ends it with its name and reason. */
export async function openData(paths: readonly string[], { seed, fraction = 1 }: OpenDataOptions): Promise<OpenedData> {
  const opened = await openDataset(paths, { seed });
  const train = takeFraction(opened.splits.train, fraction, { seed });
  const index = { ...opened, splits: { ...opened.splits, train } };
  const stamps = new Map<string, string>();
  const stampOf = ({ file, labels, class: label }: Sample) => {
    const path = fileOnDisk(file);
    let stamp = stamps.get(path);
    if (stamp === undefined) {
      const stats = statSync(path);
      stamp = `${stats.size} ${stats.mtimeMs}`;
      stamps.set(path, stamp);
    }
    return [basename(file), stamp, labels, label];
  };
  const key = keyOf(
    index.task,
    index.classes,
    splitNames.map((split) => index.splits[split].map(stampOf)),
  );
  return { name: paths.map(nameOf).join(" + "), index, key };
}

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
  try {
    return await loadPictures(samples, {
      height,
      width,
      channels,
      use,
      folder: join(project, ".cache/phinets"),
      onProgress: (done) => progress.update(done),
      onWarning: (message) => context.note(message),
      signal: context.signal,
    });
  } finally {
    progress.stop();
  }
}

/** Validation pictures, or where a data set has none, its test pictures. */
export function validationSplit(data: OpenedData): SplitName {
  return data.index.splits.val.length > 0 ? "val" : evaluationSplit(data.index);
}

/** Some of a source's pictures, spread evenly over it. */
export function someOf(source: PictureSource, count: number): PictureSource {
  const length = Math.min(count, source.length);
  return { length, at: (i) => source.at(Math.floor((i * source.length) / length)) };
}
