/**
 * What files of data sets may hold at most. Anything beyond is refused before memory is taken for it, as a size that a
 * file states may be wrong or a trap. docs/data.md lists these.
 */
import { PhinetsError } from "../../tensor/index.js";

/** Files of a data set, and pictures: more is a mistaken path, such as a whole disk. */
export const mostFiles = 5_000_000;
/** Bytes of any file. */
export const mostFileBytes = 2 ** 31 - 1;
/** Bytes of a text that is read as a whole: lists, tables of tracks, JSON of many pictures. */
export const mostTextBytes = 2 ** 28;
/** Bytes of the labels of one picture. */
export const mostLabelBytes = 2 ** 26;
/** Bytes of a data.yaml. */
export const mostYamlBytes = 2 ** 24;
/** Classes of a data set: the largest public ones have some twenty thousand. */
export const mostClasses = 100_000;
/** Bytes of one text or number in a JSON file, that of pixels packed into it aside. */
export const mostJsonTextBytes = 2 ** 20;
/** Compressed data of more than `ratioFrom` bytes must not have shrunk to less than this share: no pictures or labels do. */
export const ratioFrom = 2 ** 26;
export const mostRatio = 250;

/** Throws PhinetsError `data.size` where a file has more bytes than are read. */
export function checkBytes(shown: string, bytes: number, most: number): void {
  if (bytes <= most) return;
  throw new PhinetsError(
    "data.size",
    `${shown}: has ${bytes} bytes; at most ${most} are read of such a file; divide it or remove it from the data set`,
    shown,
  );
}

/** Throws PhinetsError `data.classes` for more classes than any network has, and for a name that no list of names can hold. */
export function checkClasses(shown: string, classes: readonly string[]): void {
  const fail = (problem: string): never => {
    throw new PhinetsError("data.classes", `${shown}: ${problem}`, shown);
  };
  if (classes.length > mostClasses) fail(`has ${classes.length} classes; at most ${mostClasses} are read`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  const unfit = /^\s*$|[\u0000-\u001f\u007f]|\p{Surrogate}/u;
  const bad = classes.find((name) => unfit.test(name));
  if (bad !== undefined)
    fail(
      `has a class named ${JSON.stringify(bad.slice(0, 80))}; a name has letters and is one line: rename it in the labels`,
    );
}
