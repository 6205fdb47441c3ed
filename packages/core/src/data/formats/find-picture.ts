/**
 * The picture that a label file is about, wherever both lie: beside each other, in `images` and `annotations`, in
 * `train/images` and `train/annotations`, in several years of a devkit.
 */
import type { Survey } from "../files/survey.js";
import { baseName, folderOf, foldName, stemOf } from "../files/tree.js";
import { addTo, extentOf } from "../files/values.js";
import type { SplitName } from "../types.js";
import { splitOf } from "./splits.js";

/** Folders whose pictures are labels themselves, of the same names as the pictures that they label. */
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
   * By the label file's own name, as tools keep it when both are renamed; else by the name that stands in the file,
   * folders aside. Of pictures with one name, the nearest to the label file. Several where none is nearest.
   * @param named as `C:\pictures\1.jpg`, `../images/1.jpg` or without extension
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

  /** Pictures of this name without extension, wherever they are; case and Unicode form aside. */
  withStem(stem: string): readonly string[] {
    return this.#byStem.get(foldName(stem)) ?? [];
  }
}

const isMaskFolder = (name: string): boolean => maskFolder.test(name);

/** More for folders in common at the beginning or the end of both paths; less for every other folder. */
function nearness(labelFile: string, picture: string): number {
  const a = folderOf(labelFile).split("/");
  const b = folderOf(picture).split("/");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  return 10 * (start + end) + (b.some((name) => usualFolder.test(name)) ? 5 : 0) - b.length;
}

/** The split that a folder on the way from the survey's root to a file names. */
export function splitOfPath(survey: Survey, file: string): SplitName | undefined {
  const folder = folderOf(file).slice(survey.root.length);
  for (const name of folder.split("/")) {
    const split = splitOf(name);
    if (split !== undefined) return split;
  }
  return undefined;
}

/** Names of the folders that name a split, on the way to these files, in order. */
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

/** The pictures that no label file is about; masks aside. */
export function leftWithoutLabels(survey: Survey, used: ReadonlySet<string>): string[] {
  return survey.pictures.filter((picture) => !used.has(picture) && !folderOf(picture).split("/").some(isMaskFolder));
}

/** Whether a label file lies in the same folder as a picture of its name. */
export function isBeside(survey: Survey, labelFile: string): boolean {
  const stem = stemOf(labelFile);
  return survey.filesIn(folderOf(labelFile)).length > 1 && survey.pictureOf(stem) !== undefined;
}

/** At most `count` of the list's elements, spread over it. */
export function spread<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count);
  return Array.from({ length: Math.min(count, list.length) }, (_, n) => list[Math.floor(n * step)]);
}
