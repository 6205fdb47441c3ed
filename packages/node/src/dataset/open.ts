/** Data sets on disk: opened by core's formats, checked, and joined. */
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
  /** Id of the format that every data set is opened as; default: what it is recognised as. */
  readonly format?: string;
  /**
   * What is wrong with files and rows: "throw" the first, saying how many more there are, or "leave out" every one of
   * them; they are in `sets` of the result. Default "throw".
   */
  readonly bad?: "throw" | "leave out";
  /** Classes that count, by their names, see `onlyClasses`; default all. */
  readonly only?: readonly string[];
  /** Share of the pictures that show nothing, see `thinBackground`; default all. */
  readonly background?: number;
  /** Share of the training pictures of all sets together, 0..1; default all. */
  readonly fraction?: number;
  /** Splits whose pictures go to others, before any is made. */
  readonly moves?: readonly SplitMove[];
  /** Make splits that are missing; false: the data set's own only. Default true. */
  readonly complete?: boolean;
  /** As of core's `openTree`: pictures without labels are listed, and nothing is wrong with them. Default false. */
  readonly keepUnlabelled?: boolean;
  /** There must be something to learn from. Default: what `complete` is. */
  readonly toTrain?: boolean;
  /**
   * Says what pictures look like, by file; asked where a split has to be made. Default: `lookAtPictures` with `cache`,
   * `onProgress` and `signal`.
   */
  readonly look?: (files: readonly string[]) => Promise<ReadonlyMap<string, PictureLook>>;
  /** Folder in which is kept what pictures look like, `PROJECT/.cache/phinets`; absent: it is not. */
  readonly cache?: string;
  /** Told how many of the pictures have been looked at. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Values of pictures that become black and white, where they are looked at. */
  readonly pixelRange?: PixelRange;
  /** Real path of a folder outside of which nothing is read, over whatever links. Default: all may be. */
  readonly within?: string;
  readonly signal?: AbortSignal;
}

/** One of the data sets that were joined. */
export interface OpenedSet extends OpenedTree {
  /** As the user named it. */
  readonly path: string;
}

export interface OpenedDataset extends DatasetIndex {
  readonly sets: readonly OpenedSet[];
}

/**
 * Opens one data set, or joins several that have the same classes. Missing splits are made from train by seed, each data
 * set on its own. Throws PhinetsError naming the file: nothing found, missing or bad labels, unknown classes, classes that
 * differ, no pictures, a single class to tell apart.
 * @param paths folders, archives, or the file that describes a set (a data.yaml, a COCO JSON)
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

/** A share of the training pictures, drawn by their names within their sets. */
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

/** What of a set is asked for. */
function selectFrom(set: OpenedSet, { only, moves, background = 1, seed }: OpenOptions): OpenedSet {
  let selected = set;
  if (only !== undefined) selected = { ...selected, ...onlyClasses(selected, only, set.path) };
  if (moves !== undefined) selected = { ...selected, ...moveSplits(selected, moves) };
  if (background < 1)
    selected = { ...selected, ...thinBackground(selected, background, { seed, name: nameWithin(set.path) }) };
  return selected;
}

/** The set with the splits that it lacks, and with notes on them. */
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

/** Names samples by where they lie in their data set, so that its place on the disk does not change what is drawn. */
function nameWithin(path: string): (sample: Sample) => string {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const start = isArchive(path) ? `${path}!/` : new FolderTree(folder).locate("").replace(/\/?$/, "/");
  return ({ file }) => (file.startsWith(start) ? file.slice(start.length) : relative(folder, file));
}

/** The first problem as an error: how many more there are, and what `--skip-bad` would do. */
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

/** @param toTrain whether there must be something to learn from */
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
