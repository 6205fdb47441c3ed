/** Opens data sets on disk in core's formats, checks and joins them. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, relative } from "node:path";
import {
  completeSplits,
  countLeftOut,
  type DatasetIndex,
  dataSetKinds,
  lacksSplits,
  moveSplits,
  type OpenedTree,
  onlyClasses,
  openTree,
  type PictureLook,
  type Problem,
  type Sample,
  type SplitMove,
  type SplitName,
  type SplitOptions,
  splitNames,
  takeFraction,
  thinBackground,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { openArchive } from "../files/archives.js";
import { describeKind } from "../files/regular-file.js";
import { requireWithin } from "../files/within.js";
import type { PixelRange } from "../picture/bands.js";
import { FolderTree } from "./folder-tree.js";
import { nodeHost } from "./host.js";
import { lookAtPictures } from "./looks.js";

export interface OpenOptions extends Pick<SplitOptions, "seed" | "val" | "test"> {
  /** Id of the format of all data sets; default: detected for each. */
  readonly format?: string;
  /**
   * Bad files and rows: "throw" the first, with the number of others, or "leave out" all of them; the result's `sets`
   * list them. Default "throw".
   */
  readonly bad?: "throw" | "leave out";
  /** Names of the classes to use, see `onlyClasses`; default all. */
  readonly only?: readonly string[];
  /** Fraction of the pictures without objects to keep, see `thinBackground`; default all. */
  readonly background?: number;
  /** Fraction of the training pictures of all data sets together, 0..1; default all. */
  readonly fraction?: number;
  /** Splits whose pictures are moved to others, before missing splits are made. */
  readonly moves?: readonly SplitMove[];
  /** Make missing splits; false: only the data set's own. Default true. */
  readonly complete?: boolean;
  /** As in core's `openTree`: pictures without labels are included and are not a problem. Default false. */
  readonly keepUnlabelled?: boolean;
  /** Require training pictures. Default: the value of `complete`. */
  readonly toTrain?: boolean;
  /**
   * Returns the pictures' looks by file; called where a split has to be made. Default: `lookAtPictures` with `cache`,
   * `onProgress` and `signal`.
   */
  readonly look?: (files: readonly string[]) => Promise<ReadonlyMap<string, PictureLook>>;
  /** Folder in which pictures' looks are stored, `PROJECT/.cache/phinets`; absent: they are not stored. */
  readonly cache?: string;
  /** Called with the number of pictures looked at. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Pixel values that map to black and white when looks are computed. */
  readonly pixelRange?: PixelRange;
  /** Real path of a folder outside of which nothing is read, whatever links say. Default: no limit. */
  readonly within?: string;
  readonly signal?: AbortSignal;
}

/** One of the joined data sets. */
export interface OpenedSet extends OpenedTree {
  /** Path as the user gave it. */
  readonly path: string;
}

export interface OpenedDataset extends DatasetIndex {
  readonly sets: readonly OpenedSet[];
}

/**
 * Opens one data set, or joins several that have the same classes. Missing splits are made from train, with the seed,
 * for each data set separately. Throws PhinetsError naming the file: nothing found, missing or bad labels, unknown
 * classes, differing classes, no pictures, or only one class to distinguish.
 * @param paths folders, archives, or the file that describes a data set (a data.yaml, a COCO JSON)
 */
export async function openDataset(paths: readonly string[], options: OpenOptions = {}): Promise<OpenedDataset> {
  if (paths.length === 0) throw new PhinetsError("data.none", `no data set is named; --data takes ${dataSetKinds}`);
  const { bad = "throw", complete: completes = true, toTrain = completes } = options;
  const sets: OpenedSet[] = [];
  for (const path of paths) {
    const set = selectFrom({ ...(await openOne(path, options)), path }, options);
    sets.push(set);
    const lenient = bad === "leave out" || set.problems.length > 0;
    if (!lenient) checkContent(set, toTrain);
  }
  const problems = sets.flatMap((set) => set.problems);
  if (bad === "throw" && problems.length > 0) throw firstOf(problems, sets);
  joinDatasets(sets, paths);
  const completed = [];
  for (const set of sets) completed.push(await complete(set, options));
  return { ...takeShare(joinDatasets(completed, paths), completed, options), sets: completed };
}

/** Draws a fraction of the training pictures, by their names within their data sets. */
function takeShare(index: DatasetIndex, sets: readonly OpenedSet[], { fraction = 1, seed }: OpenOptions): DatasetIndex {
  if (fraction >= 1) return index;
  const names = new Map<Sample, string>();
  for (const { path, splits } of sets) {
    const nameOf = nameWithin(path);
    for (const sample of splits.train) names.set(sample, nameOf(sample));
  }
  const train = takeFraction(index.splits.train, fraction, { seed, name: (sample) => names.get(sample)! });
  return { ...index, splits: { ...index.splits, train } };
}

/** Applies the options that select pictures and classes to one data set. */
function selectFrom(set: OpenedSet, { only, moves, background = 1, seed }: OpenOptions): OpenedSet {
  let selected = set;
  if (only !== undefined) selected = { ...selected, ...onlyClasses(selected, only, set.path) };
  if (moves !== undefined) selected = { ...selected, ...moveSplits(selected, moves) };
  if (background < 1)
    selected = { ...selected, ...thinBackground(selected, background, { seed, name: nameWithin(set.path) }) };
  return selected;
}

/** Adds the splits that a data set lacks, and notes on them. */
async function complete(set: OpenedSet, options: OpenOptions): Promise<OpenedSet> {
  if (options.complete === false || !lacksSplits(set)) return set;
  const { task, classes, splits } = set;
  const { seed, val, test, cache: folder, pixelRange, onProgress, signal } = options;
  const lookAt = options.look ?? ((files) => lookAtPictures(files, { folder, pixelRange, onProgress, signal }));
  const looks = await lookAt(splits.train.map(({ file }) => file));
  const look = ({ file }: Sample) => looks.get(file);
  const made = completeSplits({ task, classes, splits }, { seed, val, test, name: nameWithin(set.path), look });
  return { ...set, ...made.index, notes: [...set.notes, ...made.notes] };
}

async function openOne(path: string, options: OpenOptions): Promise<OpenedTree> {
  if (!existsSync(path)) {
    throw new PhinetsError(
      "data.missing",
      `${path}: there is no such file or folder; --data takes ${dataSetKinds}`,
      path,
    );
  }
  const { format, within, signal, keepUnlabelled } = options;
  requireWithin(within, path);
  const stats = statSync(path);
  if (!stats.isDirectory() && !stats.isFile()) {
    throw new PhinetsError("data.file", `${path}: is ${describeKind(stats)}; --data takes ${dataSetKinds}`, path);
  }
  const how = { format, signal, keepUnlabelled };
  if (stats.isDirectory()) return openTree(new FolderTree(path, within), nodeHost, how);
  if (isArchive(path)) return openTree(await openArchive(path), nodeHost, how);
  return openTree(new FolderTree(dirname(path), within), nodeHost, { ...how, chosen: basename(path) });
}

const isArchive = (path: string): boolean => /\.zip$/i.test(path) && statSync(path).isFile();

/** Names a sample by its path within its data set, so that the draw does not depend on where the data set lies. */
function nameWithin(path: string): (sample: Sample) => string {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const start = isArchive(path) ? `${path}!/` : new FolderTree(folder).locate("").replace(/\/?$/, "/");
  return ({ file }) => (file.startsWith(start) ? file.slice(start.length) : relative(folder, file));
}

/** The first problem as an error, with the number of others and the effect of `--skip-bad`. */
function firstOf(problems: readonly Problem[], sets: readonly OpenedSet[]): PhinetsError {
  const [{ error }] = problems;
  const rest = problems.length - 1;
  const more = rest === 0 ? "" : `and ${rest} more ${rest === 1 ? "problem" : "problems"}; `;
  const all = { problems, rows: sets.reduce((sum, set) => sum + set.rows, 0), splits: joinedSplits(sets) };
  return new PhinetsError(
    error.code,
    `${error.message} (${more}--skip-bad would go on without ${countLeftOut(all)}; phinets doctor lists them)`,
    error.path,
  );
}

/** @param toTrain whether training pictures are required */
function checkContent(index: OpenedSet, toTrain: boolean): void {
  const { path } = index;
  const pictures = splitNames.reduce((sum, split) => sum + index.splits[split].length, 0);
  if (pictures === 0)
    throw new PhinetsError("data.empty", `${path}: the data set has no pictures; put some there`, path);
  if (!toTrain) return;
  if (index.splits.train.length === 0) {
    throw new PhinetsError("data.empty", `${path}: the training split has no pictures; put some there`, path);
  }
  if (index.task === "detect" && index.splits.train.every((sample) => sample.labels?.length === 0)) {
    throw new PhinetsError(
      "data.empty",
      `${path}: no training picture has a box; a detector cannot learn from that; draw boxes into the label files`,
      path,
    );
  }
}

function joinDatasets(parts: readonly DatasetIndex[], paths: readonly string[]): DatasetIndex {
  const [first, ...others] = parts;
  for (const [i, other] of others.entries()) {
    const path = paths[i + 1];
    const fail = (problem: string): never => {
      throw new PhinetsError("data.join", `${path}: cannot join ${paths[0]}: ${problem}`, path);
    };
    if (other.task !== first.task) {
      const words = { detect: "boxes (detection)", classify: "classes (classification)" };
      fail(`it has ${words[other.task]}, the first ${words[first.task]}`);
    }
    const differs = other.classes.findIndex((name, n) => name !== first.classes[n]);
    if (differs >= 0 || other.classes.length !== first.classes.length) {
      const n = differs >= 0 ? differs : other.classes.length;
      const say = (name: string | undefined) => (name === undefined ? "absent" : `"${name}"`);
      fail(`class ${n} is ${say(other.classes[n])}, there ${say(first.classes[n])}; make names and order agree`);
    }
  }
  const { task, classes } = first;
  return { task, classes, splits: joinedSplits(parts) };
}

function joinedSplits(parts: readonly Pick<DatasetIndex, "splits">[]): DatasetIndex["splits"] {
  const merged = (split: SplitName) => parts.flatMap((part) => part.splits[split]);
  return { train: merged("train"), val: merged("val"), test: merged("test") };
}
