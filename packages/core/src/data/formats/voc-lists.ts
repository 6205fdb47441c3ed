/** Pascal VOC's lists: `ImageSets/Main/train.txt`, one picture name per line. */
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, folderOf, foldName, stemOf } from "../files/tree.js";
import { addTo } from "../files/values.js";
import type { SplitName } from "../types.js";
import type { OpenLog } from "./open-log.js";
import { splitOf } from "./splits.js";

export type ListKind = SplitName | "trainval";

export interface VocListFile {
  readonly file: string;
  readonly kind: ListKind;
  /** Root of its devkit: the folder that contains ImageSets. */
  readonly root: string;
}

/** Lists in ImageSets/Main, in ImageSets itself, or in the root beside Annotations. */
export function findLists(survey: Survey): VocListFile[] {
  const sets = [...survey.folders].filter((folder) => /^image_?sets?$/i.test(baseName(folder)));
  const found = sets.flatMap((folder) => {
    const main = survey.foldersIn(folder).find((name) => /^main$/i.test(name));
    return listsIn(survey, main === undefined ? folder : `${folder}/${main}`, folderOf(folder));
  });
  return found.length > 0 ? found : listsIn(survey, survey.root, survey.root);
}

function listsIn(survey: Survey, folder: string, root: string): VocListFile[] {
  return survey.filesIn(folder).flatMap((file): VocListFile[] => {
    if (!/\.txt$/i.test(file)) return [];
    const stem = baseName(stemOf(file));
    const kind = /^train_?val$/i.test(stem) ? "trainval" : splitOf(stem);
    return kind === undefined ? [] : [{ file, kind, root }];
  });
}

/** Marks lists of one class (`cat_train.txt`) as read, because the annotations contain the same information. */
export function passOverClassLists(survey: Survey, log: OpenLog, lists: readonly VocListFile[]): void {
  const others = new Set(lists.map(({ file }) => folderOf(file)));
  for (const folder of others) {
    if (folder === survey.root) continue;
    for (const file of survey.filesIn(folder)) if (/_(train|val|trainval|test)\.txt$/i.test(file)) log.read(file);
  }
}

/** A line of a list: names that may identify its picture, most likely first. */
export interface ListEntry {
  readonly line: number;
  /**
   * Such as `000012`, from `000012`, `000012 1` or `JPEGImages/000012.jpg Annotations/000012.xml`; may include folders.
   */
  readonly stems: readonly string[];
}

export function readEntries(text: string): ListEntry[] {
  return linesOf(text).flatMap((row, n): ListEntry[] => {
    const whole = row.replace(/^\ufeff/, "").trim();
    if (whole === "") return [];
    const first = whole.split(/[\s,]+/)[0];
    const stems = [...new Set([whole, first])].map((name) =>
      name.replaceAll("\\", "/").replace(/\.(xml|jpe?g|png|bmp|webp|tiff?)$/i, ""),
    );
    return [{ line: n + 1, stems }];
  });
}

/** Annotations below a root, by their names in lists. */
export class AnnotationIndex {
  readonly #byStem = new Map<string, string[]>();

  constructor(annotations: readonly string[]) {
    for (const file of annotations) {
      const key = foldName(baseName(stemOf(file)));
      addTo(this.#byStem, key, file);
    }
  }

  find(root: string, entry: ListEntry): string | undefined {
    const start = root === "" ? "" : `${root}/`;
    for (const stem of entry.stems) {
      const named = (this.#byStem.get(foldName(baseName(stem))) ?? []).filter((file) => file.startsWith(start));
      if (named.length === 1) return named[0];
      const exact = named.filter((file) => foldName(stemOf(file)).endsWith(`/${foldName(stem)}`));
      if (exact.length > 0) return exact[0];
    }
    return undefined;
  }
}

/**
 * Resolves overlapping lists: `trainval` is the union of train and val, so its remaining pictures are training data, or
 * validation data if there is a train list but no val list.
 */
export function splitsOfLists(kinds: ReadonlySet<ListKind>, all: ReadonlySet<ListKind>): SplitName[] {
  const own = (["train", "val", "test"] as const).filter((split) => kinds.has(split));
  if (!kinds.has("trainval") || kinds.has("train") || kinds.has("val")) return own;
  return [all.has("train") && !all.has("val") ? "val" : "train", ...own];
}
