/**
 * Data sets on disk, told apart by their structure: a YOLO data.yaml, class folders, MNIST-style idx files.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  completeSplits,
  type DatasetIndex,
  type Sample,
  type SplitOptions,
  splitNames,
  splitOfFolder,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { openClassFolders } from "./open-folders.js";
import { openIdx } from "./open-idx.js";
import { openYolo } from "./open-yolo.js";

export interface OpenOptions extends Pick<SplitOptions, "seed" | "val" | "test"> {
  /**
   * Receives everything that is wrong with single files; they are left out of the index. Without it the first problem is
   * thrown, saying how many more there are.
   */
  readonly onProblem?: (error: PhinetsError) => void;
}

/** A data set as its files have it, before missing splits are made. */
export interface FoundDataset {
  readonly index: DatasetIndex;
  /** Name of a sample that does not depend on where the data set lies. */
  readonly nameOf: (sample: Sample) => string;
}

export type Report = (error: PhinetsError) => void;

const kinds = "a data.yaml (YOLO), a folder with a folder of pictures for each class, or a folder of idx files (MNIST)";

/**
 * Opens one data set, or joins several that have the same classes. Missing splits are made from train by seed, each data
 * set on its own. Throws PhinetsError naming the file: nothing found, missing or bad labels, unknown classes, classes that
 * differ, no pictures, a single class to tell apart.
 * @param paths a data.yaml, or folders
 */
export async function openDataset(paths: readonly string[], options: OpenOptions = {}): Promise<DatasetIndex> {
  if (paths.length === 0) throw new PhinetsError("data.none", `no data set is named; --data takes ${kinds}`);
  const problems: PhinetsError[] = [];
  const report = options.onProblem ?? ((error: PhinetsError) => problems.push(error));
  const parts: DatasetIndex[] = [];
  for (const path of paths) {
    const { index, nameOf } = await openOne(path, report);
    checkContent(index, path, problems.length > 0 || options.onProblem !== undefined);
    parts.push(completeSplits(index, { seed: options.seed, val: options.val, test: options.test, name: nameOf }));
  }
  const joined = joinDatasets(parts, paths);
  if (problems.length > 0) {
    const [first] = problems;
    const rest = problems.length - 1;
    const more =
      rest === 0 ? "" : ` (and ${rest} more ${rest === 1 ? "problem" : "problems"}; phinets doctor lists them)`;
    throw new PhinetsError(first.code, first.message + more, first.path);
  }
  return joined;
}

async function openOne(path: string, report: Report): Promise<FoundDataset> {
  if (!existsSync(path)) {
    throw new PhinetsError("data.missing", `${path}: there is no such file or folder; --data takes ${kinds}`, path);
  }
  if (!statSync(path).isDirectory()) {
    if (/\.ya?ml$/i.test(path)) return openYolo(path, report);
    throw new PhinetsError("data.kind", `${path}: is no data set; --data takes ${kinds}`, path);
  }
  const names = readdirSync(path);
  const yaml = names.find((name) => /^data(set)?\.ya?ml$/i.test(name)) ?? onlyYaml(names);
  if (yaml !== undefined) return openYolo(join(path, yaml), report);
  if (names.some((name) => /idx3-ubyte(\.gz)?$/.test(name))) return openIdx(path);
  const labelled = [path, ...names.filter((name) => splitOfFolder(name) !== undefined).map((name) => join(path, name))];
  if (labelled.some((folder) => existsSync(join(folder, "images")) && existsSync(join(folder, "labels")))) {
    throw new PhinetsError(
      "data.kind",
      `${path}: has images and labels folders but no data.yaml; write one with train:, val: and names:`,
      path,
    );
  }
  return openClassFolders(path);
}

function onlyYaml(names: readonly string[]): string | undefined {
  const found = names.filter((name) => /\.ya?ml$/i.test(name));
  return found.length === 1 ? found[0] : undefined;
}

function checkContent(index: DatasetIndex, path: string, lenient: boolean): void {
  const pictures = splitNames.reduce((sum, split) => sum + index.splits[split].length, 0);
  if (pictures === 0 && !lenient)
    throw new PhinetsError("data.empty", `${path}: the data set has no pictures; put some there`, path);
  if (index.splits.train.length === 0 && !lenient) {
    throw new PhinetsError("data.empty", `${path}: the training split has no pictures; put some there`, path);
  }
  if (index.task === "classify" && index.classes.length < 2) {
    throw new PhinetsError(
      "data.classes",
      `${path}: has ${index.classes.length === 0 ? "no class folders with pictures" : `one class (${index.classes[0]})`}; a classifier tells at least 2 apart; add a folder with pictures of another class`,
      path,
    );
  }
  if (index.task === "detect" && !lenient && index.splits.train.every((sample) => sample.labels?.length === 0)) {
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
  if (others.length === 0) return first;
  const merged = (split: (typeof splitNames)[number]) => parts.flatMap((part) => part.splits[split]);
  return { ...first, splits: { train: merged("train"), val: merged("val"), test: merged("test") } };
}
