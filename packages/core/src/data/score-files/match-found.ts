/**
 * Matches each box of a result file with a picture and category of COCO ground truth: by id if the ids fit, else by
 * file name and category name.
 */
import { PhinetsError } from "../../tensor/index.js";
import { foldName } from "../files/tree.js";
import { categoryHint } from "./category-hint.js";
import { type CocoCategory, type CocoTruthFile, cocoCode, IdTable } from "./coco.js";
import type { FoundBox, FoundBoxes } from "./found.js";
import { PictureIndex } from "./picture-index.js";

/** A detection in the form that scoring expects. */
export interface CocoResultEntry {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  readonly score: number;
  /** area of the mask, if the result has a mask and no box */
  readonly area?: number;
}

export interface MatchedResults {
  readonly detections: readonly CocoResultEntry[];
  /** Information for the user: how ids were matched, and what was left out. */
  readonly notes: readonly string[];
}

export interface MatchOptions {
  /** Name of the ground truth for messages. Default "the ground truth". */
  readonly truthName?: string;
  /**
   * Class names for boxes with a class index. Default: the index counts the ground truth's categories by ascending id.
   */
  readonly classNames?: readonly string[];
}

type Truth = Pick<CocoTruthFile, "images" | "categories">;

/**
 * Leaves out boxes whose category is not in the ground truth, and boxes of unknown pictures identified by name. Throws
 * PhinetsError `data.coco` for an image_id that is not in the ground truth, and if no picture at all matches.
 */
export function matchFound(truth: Truth, found: FoundBoxes, options: MatchOptions = {}): MatchedResults {
  const { truthName = "the ground truth" } = options;
  const notes: string[] = [];
  const pictures = matchPictures(truth, found, truthName, notes);
  const categories = matchCategories(truth, found, { ...options, truthName }, notes);
  const detections: CocoResultEntry[] = [];
  for (const [i, box] of found.boxes.entries()) {
    const image = truth.images[pictures[i]];
    const category_id = categories[i];
    if (image === undefined || category_id === undefined) continue;
    let { bbox } = box;
    if (found.relative) {
      const { width, height } = image;
      if (!width || !height) {
        throw new PhinetsError(
          cocoCode,
          `${truthName}: image ${image.file_name ?? image.id} has no width and height; ${found.format} gives boxes as fractions of them`,
          truthName,
        );
      }
      bbox = [bbox[0] * width, bbox[1] * height, bbox[2] * width, bbox[3] * height];
    }
    detections.push({
      image_id: image.id,
      category_id,
      bbox,
      score: box.score,
      ...(box.area !== undefined && { area: box.area }),
    });
  }
  return { detections, notes };
}

const nowhere = -1;

/** For each box, the index of its picture in the ground truth, or -1. */
function matchPictures(truth: Truth, found: FoundBoxes, truthName: string, notes: string[]): Int32Array {
  const { boxes } = found;
  const ids = new IdTable(truth.images.map(({ id, text }) => text ?? id));
  const place = ({ imageId }: FoundBox) => ids.find(imageId!) ?? nowhere;
  const withIds = boxes.every(({ imageId }) => imageId !== undefined);
  const byId = withIds ? Int32Array.from(boxes, place) : new Int32Array(boxes.length).fill(nowhere);
  const allById = withIds && !byId.includes(nowhere);
  if (allById && !boxes.some(({ picture }) => picture !== undefined)) return byId;

  const index = new PictureIndex(truth.images.map(({ file_name, text }) => file_name ?? text));
  const byFile = Int32Array.from(boxes, ({ picture }) =>
    picture === undefined ? nowhere : (index.find(picture) ?? nowhere),
  );
  const allByFile = !byFile.includes(nowhere);
  const example = (i: number) => `${JSON.stringify(boxes[i].imageId)} is ${fileOf(truth, i, byFile)}`;
  if (allById) {
    const other = byFile.findIndex((row, i) => row !== byId[i]);
    if (other < 0 || !allByFile) return byId;
    notes.push(
      `${found.file}: image_id are not the ids of ${truthName}; pictures are matched by file_name (${example(other)})`,
    );
    return byFile;
  }
  if (allByFile) return byFile;
  if (withIds) {
    const byName = Int32Array.from(boxes, ({ imageId }) => {
      const row = typeof imageId === "number" ? index.findNumber(imageId) : index.find(imageId!);
      return row ?? nowhere;
    });
    if (!byName.includes(nowhere)) {
      notes.push(
        `${found.file}: image_id are file names; pictures are matched by them (${JSON.stringify(boxes[0].imageId)} is ${fileOf(truth, 0, byName)})`,
      );
      return byName;
    }
    const [most] = [byId, byFile, byName].sort((a, b) => missing(a) - missing(b));
    const first = most.indexOf(nowhere);
    throw new PhinetsError(
      cocoCode,
      `${found.where(first)}: image_id ${JSON.stringify(boxes[first].imageId)} is not among the images of ${truthName}${examplesOf(truth)}`,
      found.file,
    );
  }
  noteUnknownPictures(truth, found, byFile, truthName, notes);
  return byFile;
}

const missing = (rows: Int32Array) => rows.reduce((sum, row) => sum + (row === nowhere ? 1 : 0), 0);

function fileOf({ images }: Truth, box: number, rows: Int32Array): string {
  const { file_name, text, id } = images[rows[box]];
  return file_name ?? text ?? String(id);
}

/** Example text: ", which has 3, such as id 1, p1.jpg" */
function examplesOf({ images }: Truth): string {
  if (images.length === 0) return ", which has none";
  const [{ id, text, file_name }] = images;
  const name = file_name === undefined ? "" : `, ${JSON.stringify(file_name)}`;
  return `; it has ${images.length}, such as id ${JSON.stringify(text ?? id)}${name}`;
}

function noteUnknownPictures(
  truth: Truth,
  found: FoundBoxes,
  rows: Int32Array,
  truthName: string,
  notes: string[],
): void {
  const lost = new Set<string>();
  for (const [i, row] of rows.entries()) if (row === nowhere) lost.add(String(found.boxes[i].picture));
  const [name] = lost;
  const known = rows.length - missing(rows);
  if (known === 0) {
    throw new PhinetsError(
      cocoCode,
      `${found.file}: none of its pictures, such as ${JSON.stringify(name)}, is among the images of ${truthName}${examplesOf(truth)}`,
      found.file,
    );
  }
  notes.push(
    `${found.file}: ${lost.size} pictures that ${truthName} lacks are left out, with ${missing(rows)} boxes (${name})`,
  );
}

/** For each box, the id of its category; undefined if the ground truth has no such category. */
function matchCategories(
  truth: Truth,
  found: FoundBoxes,
  { classNames, truthName }: MatchOptions & { readonly truthName: string },
  notes: string[],
): (number | undefined)[] {
  const sorted = [...truth.categories].sort((a, b) => a.id - b.id);
  const ids = new IdTable(truth.categories.map(({ id, text }) => text ?? id));
  const names = namesOf(sorted);
  const nameless = truth.categories.every(({ name }) => name === undefined);
  const unknown = new Map<string, number>();
  const numbers = new Set<number>();
  let named: string | undefined;
  let counted = false;
  const categories = found.boxes.map(({ className, categoryId, classIndex }) => {
    const name = className ?? (classIndex === undefined ? undefined : classNames?.[classIndex]);
    const byName = name === undefined ? undefined : names(name);
    const byId = categoryId === undefined ? undefined : truth.categories[ids.find(categoryId) ?? -1]?.id;
    if (byName !== undefined) {
      if (byId !== undefined && byId !== byName) named ??= `${categoryId} is ${name}`;
      return byName;
    }
    if (typeof categoryId === "number") numbers.add(categoryId);
    if (byId !== undefined) return byId;
    const byText = typeof categoryId === "string" ? names(categoryId) : undefined;
    if (byText !== undefined) return byText;
    if ((name === undefined || nameless) && classIndex !== undefined && sorted[classIndex]) {
      counted = true;
      return sorted[classIndex].id;
    }
    const text = name ?? (categoryId === undefined ? `class ${classIndex}` : String(categoryId));
    unknown.set(text, (unknown.get(text) ?? 0) + 1);
    return undefined;
  });
  if (named) {
    notes.push(`${found.file}: category_id are not the ids of ${truthName}; categories are matched by name (${named})`);
  }
  if (counted) {
    const order = sorted.map(({ name, id }, k) => `${k} is ${name ?? id}`);
    notes.push(
      `${found.file}: classes are the categories of ${truthName} by id: ${few(order)}; --names has other names`,
    );
  }
  if (unknown.size > 0) {
    const lost = [...unknown.values()].reduce((sum, count) => sum + count, 0);
    notes.push(
      `${found.file}: ${lost} detections of categories that ${truthName} lacks are left out: ${few([...unknown.keys()])}; it has ${few(sorted.map(({ id, text, name }) => name ?? text ?? String(id)))}`,
    );
  }
  const hint = categoryHint(
    sorted.map(({ id }) => id),
    [...numbers],
  );
  if (hint) notes.push(`${found.file}: ${hint}`);
  return categories;
}

/** Finds a category by exact name, or else ignoring case. Names shared by two categories are ambiguous and ignored. */
function namesOf(categories: readonly CocoCategory[]): (name: string) => number | undefined {
  const exact = new Map<string, number | undefined>();
  const folded = new Map<string, number | undefined>();
  for (const { id, name } of categories) {
    if (name === undefined) continue;
    exact.set(name, exact.has(name) ? undefined : id);
    const key = foldName(name.trim());
    folded.set(key, folded.has(key) ? undefined : id);
  }
  return (name) => exact.get(name) ?? folded.get(foldName(name.trim()));
}

const few = (words: readonly string[], most = 8): string =>
  words.length <= most ? words.join(", ") : `${words.slice(0, most).join(", ")} and ${words.length - most} more`;
