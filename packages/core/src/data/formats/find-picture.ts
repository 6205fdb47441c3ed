/**
 * Finds the picture that a label file describes, wherever the two are: beside each other, in `images` and
 * `annotations`, in `train/images` and `train/annotations`, or in several years of a devkit.
 */
import type { Survey } from "../files/survey.js";
import { baseName, folderOf, foldName, stemOf } from "../files/tree.js";
import { addTo, extentOf } from "../files/values.js";
import type { SplitName } from "../types.js";
import { splitOf } from "./splits.js";

/** Folders of segmentation masks, which have the same names as the pictures that they label. */
const maskFolder = /^(segmentation(class|object)?(raw|visualization)?|segmentation_?maps?|masks?|depth|instances?)$/i;
const usualFolder = /^(jpegimages|images?|imgs?|pictures|photos|frames)$/i;

export class PictureFinder {
  readonly #byStem = new Map<string, string[]>();

  constructor(survey: Survey) {
    for (const picture of survey.pictures) {
      if (folderOf(picture).split("/").some(isMaskFolder)) continue;
      const key = foldName(baseName(stemOf(picture)));
      addTo(this.#byStem, key, picture);
    }
  }

  /**
   * Looks first for the label file's own name, which tools keep when both files are renamed, then for the name stated
   * in the file, ignoring folders. Of pictures with the same name, returns the nearest to the label file, or several if
   * there is a tie.
   * @param named such as `C:\pictures\1.jpg`, `../images/1.jpg`, or without extension
   */
  find(labelFile: string, named = ""): readonly string[] {
    const name = foldName(baseName(named));
    const own = this.withStem(baseName(stemOf(labelFile)));
    const found = own.length > 0 ? own : this.withStem(stemOf(name));
    if (found.length <= 1) return found;
    const ranked = found.map((picture) => ({ picture, nearness: nearness(labelFile, picture) }));
    const [, most] = extentOf(ranked.map(({ nearness }) => nearness));
    const nearest = ranked.filter(({ nearness }) => nearness === most).map(({ picture }) => picture);
    const exact = nearest.filter((picture) => foldName(baseName(picture)) === name);
    return exact.length === 1 ? exact : nearest;
  }

  /** Pictures with this name without extension, in any folder; ignores case and Unicode form. */
  withStem(stem: string): readonly string[] {
    return this.#byStem.get(foldName(stem)) ?? [];
  }
}

const isMaskFolder = (name: string): boolean => maskFolder.test(name);

/** Higher for folders that both paths share at their beginning or end; lower for every other folder. */
function nearness(labelFile: string, picture: string): number {
  const a = folderOf(labelFile).split("/");
  const b = folderOf(picture).split("/");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return 10 * (start + end) + (b.some((name) => usualFolder.test(name)) ? 5 : 0) - b.length;
}

/** The split that a folder between the survey's root and a file names. */
export function splitOfPath(survey: Survey, file: string): SplitName | undefined {
  const folder = folderOf(file).slice(survey.root.length);
  for (const name of folder.split("/")) {
    const split = splitOf(name);
    if (split !== undefined) return split;
  }
  return undefined;
}

/** Names, in order, of the folders on the way to these files that name a split. */
export function splitFolders(survey: Survey, files: readonly string[]): string[] {
  const names = new Set<string>();
  for (const folder of new Set(files.map(folderOf))) {
    const found = folder
      .slice(survey.root.length)
      .split("/")
      .find((name) => splitOf(name) !== undefined);
    if (found !== undefined) names.add(found);
  }
  return [...names].sort();
}

/** The pictures without a label file, except masks. */
export function leftWithoutLabels(survey: Survey, used: ReadonlySet<string>): string[] {
  return survey.pictures.filter((picture) => !used.has(picture) && !folderOf(picture).split("/").some(isMaskFolder));
}

/** Whether a label file is in the same folder as a picture of the same name. */
export function isBeside(survey: Survey, labelFile: string): boolean {
  const stem = stemOf(labelFile);
  return survey.filesIn(folderOf(labelFile)).length > 1 && survey.pictureOf(stem) !== undefined;
}

/** At most `count` elements, spread evenly over the list. */
export function spread<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count);
  return Array.from({ length: Math.min(count, list.length) }, (_, n) => list[Math.floor(n * step)]);
}
