/**
 * A data set as it was first read, stored as JSON with exact numbers (splits, classes, labels) beside the pictures,
 * each in a folder named by its SHA-256. Reading it anywhere gives the same samples in the same order, whatever the
 * original format; nothing is drawn or corrected again.
 */
import { PhinetsError, parseJson } from "../../tensor/index.js";
import { mostTextBytes } from "../files/limits.js";
import { showValue } from "../files/values.js";
import { type BoxLabel, type DatasetIndex, type Sample, type SplitName, splitNames, type Task } from "../types.js";
import type { Format, FoundDataset } from "./format.js";

/** The file that identifies such a data set. */
export const writtenIndexFile = "phinets-data.json";
const format = "phinets-data-1";

/** A file that contains pictures: a single one, or an archive or idx file of many. */
export interface IndexedFile {
  readonly sha256: string;
  readonly bytes: number;
  /** File name without a folder. */
  readonly name: string;
}

export interface IndexedSample extends Omit<Sample, "file"> {
  /** Index into `files`. */
  readonly file: number;
  /** The part of `Sample.file` after the file's path if the file contains several pictures: `!/a/b.jpg`, `#7`. */
  readonly inside?: string;
}

export interface WrittenIndex {
  readonly format: typeof format;
  readonly task: Task;
  readonly classes: readonly string[];
  readonly files: readonly IndexedFile[];
  readonly splits: Readonly<Record<SplitName, readonly IndexedSample[]>>;
}

/** Path of a file relative to the index. */
export const indexedPath = ({ sha256, name }: IndexedFile): string => `${sha256}/${name}`;

/** @param place for each sample, the file that contains its picture, and the part of `Sample.file` inside it */
export function writtenIndexOf(
  { task, classes, splits }: DatasetIndex,
  place: (file: string) => { readonly file: IndexedFile; readonly inside: string },
): WrittenIndex {
  const files: IndexedFile[] = [];
  const places = new Map<string, number>();
  const indexed = ({ file, ...sample }: Sample): IndexedSample => {
    const found = place(file);
    const path = indexedPath(found.file);
    const at = places.get(path) ?? files.push(found.file) - 1;
    places.set(path, at);
    return { file: at, ...(found.inside !== "" && { inside: found.inside }), ...sample };
  };
  const [train, val, test] = splitNames.map((split) => splits[split].map(indexed));
  return { format, task, classes, files, splits: { train, val, test } };
}

/**
 * Reads the output of `writtenIndexOf`. No name in it leads out of the folder that contains it.
 * @param shown the file's name for errors
 * @throws PhinetsError `data.index` for anything else
 */
export function parseWrittenIndex(text: string, shown: string): WrittenIndex {
  const check = new Checked(shown);
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    return check.fail("", (error as Error).message);
  }
  const index = check.fields(document, "", ["format", "task", "classes", "files", "splits"]);
  check.that(index.format === format, "format", index.format, `"${format}"`);
  check.that(index.task === "detect" || index.task === "classify", "task", index.task, "detect or classify");
  const classes = check.list(index.classes, "classes");
  for (const [n, name] of classes.entries())
    check.that(typeof name === "string", `classes[${n}]`, name, "a class's name");
  const files = check.list(index.files, "files");
  for (const [n, file] of files.entries()) checkFile(check, file, `files[${n}]`);
  const splits = check.fields(index.splits, "splits", splitNames);
  const counts = { files: files.length, classes: classes.length };
  for (const split of splitNames)
    for (const [n, sample] of check.list(splits[split], `splits.${split}`).entries())
      checkSample(check, sample, { ...counts, at: `splits.${split}[${n}]`, task: index.task as Task });
  // The parsed objects are kept, because the order of their fields is part of a data set's key.
  return document as WrittenIndex;
}

/** A plain folder name on every system, not hidden. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is kept out
const plainName = /^(?!\.)[^/\\:\u0000-\u001f]+$/u;

function checkFile(check: Checked, value: unknown, at: string): void {
  const { sha256, bytes, name } = check.fields(value, at, ["sha256", "bytes", "name"]);
  check.that(
    typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256),
    `${at}.sha256`,
    sha256,
    "64 hexadecimal digits",
  );
  check.that(isCount(bytes), `${at}.bytes`, bytes, "a number of bytes");
  const isName = typeof name === "string" && plainName.test(name) && name.length <= 255;
  check.that(isName, `${at}.name`, name, "a file's name, without a folder and not hidden");
}

interface SampleCheck {
  readonly at: string;
  readonly task: Task;
  readonly files: number;
  readonly classes: number;
}

function checkSample(check: Checked, value: unknown, { at, task, files, classes }: SampleCheck): void {
  const names = ["inside", "labels", "class", "labelSize", "group"];
  const sample = check.fields(value, at, ["file"], names);
  check.that(isCount(sample.file) && sample.file < files, `${at}.file`, sample.file, `a place below ${files}`);
  const inside = sample.inside ?? "#0";
  const isInside = typeof inside === "string" && /^(!\/[^#]+|#\d+|!\/.+#\d+)$/s.test(inside);
  check.that(isInside, `${at}.inside`, inside, "!/PATH, #N, or both");
  check.that(sample.group === undefined || typeof sample.group === "string", `${at}.group`, sample.group, "a text");
  if (sample.labelSize !== undefined) {
    const { width, height } = check.fields(sample.labelSize, `${at}.labelSize`, ["height", "width"]);
    check.that(isCount(width) && isCount(height), `${at}.labelSize`, sample.labelSize, "height and width in pixels");
  }
  const isClass = (value: unknown): boolean => isCount(value) && value < classes;
  if (task === "classify") {
    check.that(sample.labels === undefined, `${at}.labels`, sample.labels, "none, as classes are told apart,");
    check.that(isClass(sample.class), `${at}.class`, sample.class, `a class below ${classes}`);
    return;
  }
  check.that(sample.class === undefined, `${at}.class`, sample.class, "none, as there are boxes,");
  for (const [n, label] of check.list(sample.labels, `${at}.labels`).entries()) {
    const where = `${at}.labels[${n}]`;
    const box = check.fields(label, where, ["class", "x", "y", "width", "height"], ["trackId", "ignore"]);
    check.that(isClass(box.class), `${where}.class`, box.class, `a class below ${classes}`);
    for (const side of ["x", "y", "width", "height"] as const)
      check.that(typeof box[side] === "number", `${where}.${side}`, box[side], "a number");
    check.that(
      box.trackId === undefined || Number.isSafeInteger(box.trackId),
      `${where}.trackId`,
      box.trackId,
      "an integer",
    );
    const ignore: readonly unknown[] = [undefined, "crowd", "difficult"] satisfies BoxLabel["ignore"][];
    check.that(ignore.includes(box.ignore), `${where}.ignore`, box.ignore, "crowd or difficult");
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

class Checked {
  constructor(readonly shown: string) {}

  fail(at: string, problem: string): never {
    const place = at === "" ? "" : `${at} `;
    throw new PhinetsError("data.index", `${this.shown}: ${place}${problem}; have it written again`, this.shown);
  }

  that(valid: boolean, at: string, value: unknown, needed: string): void {
    if (!valid) this.fail(at, `is ${showValue(value) ?? "missing"}; ${needed} is needed`);
  }

  list(value: unknown, at: string): readonly unknown[] {
    return Array.isArray(value) ? value : this.fail(at, `is ${showValue(value) ?? "missing"}; a list is needed`);
  }

  /** The fields of an object, which must have exactly these. */
  fields(
    value: unknown,
    at: string,
    needed: readonly string[],
    possible: readonly string[] = [],
  ): Readonly<Record<string, unknown>> {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return this.fail(at, `is ${showValue(value) ?? "missing"}; an object is needed`);
    const strange = Object.keys(value).find((name) => !needed.includes(name) && !possible.includes(name));
    if (strange !== undefined) this.fail(at, `has ${showValue(strange)}, which is no field of it`);
    const missing = needed.find((name) => !Object.hasOwn(value, name));
    if (missing !== undefined) this.fail(at, `lacks ${missing}`);
    return value as Readonly<Record<string, unknown>>;
  }
}

export const writtenIndex: Format = {
  id: "index",
  title: "PhiNets index",
  looksFor: "phinets-data.json, as a sweep over many machines sends it, beside folders named by SHA-256",
  recognise(survey) {
    const [file] = survey.find(writtenIndexFile);
    return file === undefined ? undefined : { score: 1, from: writtenIndexFile, by: [file] };
  },
  async open(survey, { log }) {
    const [path] = survey.find(writtenIndexFile);
    const shown = survey.show(path);
    log.read(path);
    const { task, classes, files, splits } = parseWrittenIndex(await survey.text(path, mostTextBytes), shown);
    const located = files.map((file) => {
      const place = survey.path(indexedPath(file));
      log.read(place);
      if (survey.has(place)) return survey.tree.locate(place);
      log.problem("picture", "data.index", `${shown}: there is no ${survey.show(place)}; restore it`, shown);
      return undefined;
    });
    const samples = (split: SplitName): Sample[] =>
      splits[split].flatMap(({ file, inside = "", ...sample }) => {
        const place = located[file];
        return place === undefined ? [] : [{ file: place + inside, ...sample }];
      });
    return {
      ...{ task, classes },
      splits: { train: samples("train"), val: samples("val"), test: samples("test") },
      named: splitNames.filter((split) => splits[split].length > 0),
    } satisfies FoundDataset;
  },
};
