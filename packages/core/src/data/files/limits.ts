/**
 * Upper limits for the files of data sets. Anything larger is refused before memory is allocated, because a size stated
 * in a file may be wrong or malicious. docs/data.md lists these limits.
 */
import { PhinetsError } from "../../tensor/index.js";

/** Maximum number of files, and of pictures, in a data set; more is probably a wrong path, such as a whole disk. */
export const mostFiles = 5_000_000;
/** Maximum bytes of any file. */
export const mostFileBytes = 2 ** 31 - 1;
/** Maximum bytes of a text that is read as a whole: lists, tables of tracks, JSON files of many pictures. */
export const mostTextBytes = 2 ** 28;
/** Maximum bytes of one picture's labels. */
export const mostLabelBytes = 2 ** 26;
/** Maximum bytes of a data.yaml. */
export const mostYamlBytes = 2 ** 24;
/** Maximum number of classes; the largest public data sets have some twenty thousand. */
export const mostClasses = 100_000;
/** Maximum bytes of a string or number in a JSON file, except embedded pixels. */
export const mostJsonTextBytes = 2 ** 20;
/**
 * Compressed data that unpacks to more than `ratioFrom` bytes may not unpack to more than `mostRatio` times its packed
 * size; pictures and labels never do.
 */
export const ratioFrom = 2 ** 26;
export const mostRatio = 250;

/** Throws PhinetsError `data.size` if a file has more bytes than the limit. */
export function checkBytes(shown: string, bytes: number, most: number): void {
  if (bytes <= most) return;
  throw new PhinetsError(
    "data.size",
    `${shown}: has ${bytes} bytes; at most ${most} are read of such a file; divide it or remove it from the data set`,
    shown,
  );
}

/** Throws PhinetsError `data.classes` for too many classes, and for a name that cannot be stored in a list of names. */
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
