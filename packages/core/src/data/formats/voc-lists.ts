/** Lists of Pascal VOC: `ImageSets/Main/train.txt`, names of pictures, one a line. */
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
  /** The devkit that it belongs to: the folder that holds ImageSets. */
  readonly root: string;
}

/** ImageSets/Main, or ImageSets itself where the lists lie there, or lists in the root beside Annotations. */
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

/** Lists of one class (`cat_train.txt`) say what the annotations say: read, in a way. */
export function passOverClassLists(survey: Survey, log: OpenLog, lists: readonly VocListFile[]): void {
  const others = new Set(lists.map(({ file }) => folderOf(file)));
  for (const folder of others) {
    if (folder === survey.root) continue;
    for (const file of survey.filesIn(folder)) if (/_(train|val|trainval|test)\.txt$/i.test(file)) log.read(file);
  }
}

/** A line of a list: what it may name its picture by, the likeliest first. */
export interface ListEntry {
  readonly line: number;
  /** As `000012`, from `000012`, `000012 1`, `JPEGImages/000012.jpg Annotations/000012.xml`; perhaps with folders. */
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

/** Annotations below a root by the name that a list has. */
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
 * Splits from lists that overlap: `trainval` is the union of train and val, so what it has beyond the two is training
 * data, or validation data where there is a train list and no val list.
 */
export function splitsOfLists(kinds: ReadonlySet<ListKind>, all: ReadonlySet<ListKind>): SplitName[] {
  const own = (["train", "val", "test"] as const).filter((split) => kinds.has(split));
  if (!kinds.has("trainval") || kinds.has("train") || kinds.has("val")) return own;
  return [all.has("train") && !all.has("val") ? "val" : "train", ...own];
}
