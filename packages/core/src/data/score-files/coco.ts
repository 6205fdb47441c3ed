/**
 * Reads COCO's annotation files (cocodataset.org/#format-data). Only what box scoring needs is read; captions, and the
 * masks of annotations with a bbox (most of a large file), are skipped.
 */
import { JsonBytes, memberNames } from "../files/json-bytes.js";
import { byCodeUnits } from "../files/tree.js";
import { readSegmentation } from "./coco-segmentation.js";

export interface CocoAnnotation {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  /** area of the mask, square pixels */
  readonly area?: number;
  readonly iscrowd: number;
}

/** The file's id of a picture or category. */
export type CocoId = number | string;

export interface CocoImage {
  readonly id: number;
  /** The file's own id if it is a string; `id` is then its index among the sorted strings. */
  readonly text?: string;
  readonly file_name?: string;
  /** pixels */
  readonly width?: number;
  readonly height?: number;
}

export interface CocoCategory {
  readonly id: number;
  readonly text?: string;
  readonly name?: string;
}

export interface CocoTruthFile {
  readonly images: readonly CocoImage[];
  readonly categories: readonly CocoCategory[];
  readonly annotations: readonly CocoAnnotation[];
}

export const cocoCode = "data.coco";
const parts = memberNames("images", "categories", "annotations");
const imageNames = memberNames("id", "file_name", "width", "height");
const categoryNames = memberNames("id", "name");

/**
 * Reads ground truth; ids may be strings. An annotation without a bbox gets the box of its segmentation, and also its
 * area if it has none. Throws PhinetsError `data.coco`, `FILE:LINE: problem`.
 */
export function parseCocoTruth(bytes: Uint8Array, file: string): CocoTruthFile {
  const json = new JsonBytes(bytes, file, cocoCode);
  const images: (Omit<CocoImage, "id" | "text"> & { id: CocoId })[] = [];
  const categories: { id: CocoId; name?: string }[] = [];
  const annotations: RawBox[] = [];
  const seen = [false, false, false];
  json.members("a COCO annotation file", parts, (part) => {
    seen[part] = true;
    if (part === 0) json.elements("images", () => images.push(readCocoImage(json)));
    else if (part === 1) json.elements("categories", () => categories.push(readCocoCategory(json)));
    else {
      json.elements("annotations", () => {
        const box = readAnnotation(json);
        if (box.area !== undefined && !(box.area >= 0)) json.fail(`area is ${box.area}; it is not negative`, box.at);
        annotations.push(box);
      });
    }
  });
  json.end();
  const missing = seen.indexOf(false);
  if (missing >= 0)
    json.fail(`has no ${["images", "categories", "annotations"][missing]}; it is no COCO annotation file`, 0);
  const numbered = <T extends { id: CocoId }>(list: readonly T[]) => {
    const ids = list.map(({ id }) => id);
    const numbers = numbersOf(ids);
    const table = new IdTable(ids);
    return {
      list: list.map((each, i) => ({
        ...each,
        id: numbers[i],
        ...(typeof each.id === "string" && { text: each.id }),
      })),
      /** NaN, which no list contains, for an unlisted id. */
      numberOf: (id: CocoId) => numbers[table.find(id) ?? -1] ?? Number.NaN,
    };
  };
  const [pictures, classes] = [numbered(images), numbered(categories)];
  return {
    images: pictures.list,
    categories: classes.list,
    annotations: annotations.map(({ image_id, category_id, bbox, area, iscrowd }) => ({
      image_id: pictures.numberOf(image_id),
      category_id: classes.numberOf(category_id),
      bbox,
      area,
      iscrowd,
    })),
  };
}

export function readCocoImage(json: JsonBytes): Omit<CocoImage, "id" | "text"> & { id: CocoId } {
  const { at } = json;
  let id: CocoId | undefined;
  const image: { file_name?: string; width?: number; height?: number } = {};
  json.members("an image", imageNames, (member) => {
    const first = json.peek();
    if (member === 0) id = json.numberOrText("id");
    else if (member === 1 && first === '"') image.file_name = json.string("file_name");
    else if (member === 2 && first >= "0" && first <= "9") image.width = json.number("width");
    else if (member === 3 && first >= "0" && first <= "9") image.height = json.number("height");
    else json.skip();
  });
  return { id: id ?? json.fail("the image has no id", at), ...image };
}

export function readCocoCategory(json: JsonBytes): { id: CocoId; name?: string } {
  const { at } = json;
  let id: CocoId | undefined;
  let name: string | undefined;
  json.members("a category", categoryNames, (member) => {
    if (member === 0) id = json.numberOrText("id");
    else name = json.string("name");
  });
  return { id: id ?? json.fail("the category has no id", at), name };
}

interface RawBox {
  /** position where it begins */
  readonly at: number;
  readonly image_id: CocoId;
  readonly category_id: CocoId;
  readonly bbox: readonly number[];
  readonly area?: number;
  readonly iscrowd: number;
}

const boxNames = memberNames("image_id", "category_id", "bbox", "area", "iscrowd", "segmentation");

function readAnnotation(json: JsonBytes): RawBox {
  const { at } = json;
  let image: CocoId | undefined;
  let category: CocoId | undefined;
  let bbox: number[] | undefined;
  let area: number | undefined;
  let segmentation: number | undefined;
  let iscrowd = 0;
  json.members("the annotation", boxNames, (member) => {
    if (member === 0) image = json.numberOrText("image_id");
    else if (member === 1) category = json.numberOrText("category_id");
    else if (member === 2) bbox = readCocoCorners(json);
    else if (member === 3) area = json.word() === undefined ? json.number("area") : undefined;
    else if (member === 4) {
      const word = json.word();
      iscrowd = word === undefined ? json.number("iscrowd") : word ? 1 : 0;
    } else {
      segmentation = json.at;
      json.skip();
    }
  });
  if (image === undefined) return json.fail("the annotation has no image_id", at);
  if (category === undefined) return json.fail("the annotation has no category_id", at);
  if (bbox !== undefined) return { at, image_id: image, category_id: category, bbox, area, iscrowd };
  const mask = segmentation === undefined ? undefined : json.revisit(segmentation, () => readSegmentation(json));
  if (mask === undefined) return json.fail(noBox("annotation"), at);
  return { at, image_id: image, category_id: category, bbox: mask.bbox, area: area ?? mask.area, iscrowd };
}

export const noBox = (what: string): string =>
  `the ${what} has no bbox and no segmentation; bbox is [left, top, width, height] in pixels`;

/** Returns undefined for null and an empty list. */
export function readCocoCorners(json: JsonBytes): number[] | undefined {
  const { at } = json;
  if (json.word() === null) return undefined;
  const bbox: number[] = [];
  json.elements("bbox", () => bbox.push(json.number("a number of bbox")));
  if (bbox.length === 0) return undefined;
  if (bbox.length !== 4) json.fail(`bbox has ${bbox.length} numbers; it is [left, top, width, height] in pixels`, at);
  if (!bbox.every(Number.isFinite)) json.fail(`bbox is ${bbox}; its numbers are finite`, at);
  if (bbox[2] < 0 || bbox[3] < 0) json.fail(`bbox is ${bbox[2]} x ${bbox[3]}; sizes are not negative`, at);
  return bbox;
}

/**
 * Finds ids in a list. A string and a number are the same id if they are written alike ("7" and 7; also "007" if it is
 * unambiguous).
 */
export class IdTable {
  readonly #numbers = new Map<number, number>();
  readonly #texts = new Map<string, number>();

  constructor(ids: readonly CocoId[]) {
    for (const [place, id] of ids.entries()) {
      if (typeof id === "number") this.#numbers.set(id, place);
      else this.#texts.set(id, place);
    }
    for (const [text, place] of this.#texts) {
      if (/^-?\d+$/.test(text) && !this.#numbers.has(Number(text))) this.#numbers.set(Number(text), place);
    }
  }

  /** Index of an id in the list; undefined if there is none. */
  find(id: CocoId): number | undefined {
    if (typeof id === "number") return this.#numbers.get(id) ?? this.#texts.get(String(id));
    return this.#texts.get(id) ?? (/^-?\d+$/.test(id) ? this.#numbers.get(Number(id)) : undefined);
  }
}

/** Ids as numbers. If any id is a string, ids become their indices in string order, as pycocotools sorts them. */
function numbersOf(ids: readonly CocoId[]): readonly number[] {
  if (ids.every((id) => typeof id === "number")) return ids;
  const texts = ids.map(String);
  const ranks = new Map([...new Set(texts)].sort(byCodeUnits).map((text, rank) => [text, rank]));
  return texts.map((text) => ranks.get(text)!);
}
