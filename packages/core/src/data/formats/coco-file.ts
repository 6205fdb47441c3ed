/**
 * Reads COCO's annotation files (cocodataset.org/#format-data) as a data set: every picture and box, stored in columns,
 * so that a file of a million boxes fits in memory. Unusable rows are reported and left out.
 */
import { PhinetsError } from "../../tensor/index.js";
import { JsonBytes, memberNames } from "../files/json-bytes.js";
import { readSegmentation } from "../score-files/coco-segmentation.js";

export const cocoCode = "data.coco";

/** The file's id of a picture or category. */
export type CocoId = number | string;

export interface CocoPicture {
  readonly id?: CocoId;
  readonly name?: string;
  /** pixels; 0 if the file does not state it */
  readonly width: number;
  readonly height: number;
}

export interface CocoCategory {
  readonly id: CocoId;
  readonly name?: string;
  readonly supercategory?: string;
}

export interface CocoFile {
  readonly pictures: readonly CocoPicture[];
  readonly categories: readonly CocoCategory[];
  /** One entry per box; `index` is its index in `annotations`. */
  readonly boxes: {
    readonly index: readonly number[];
    readonly image: readonly CocoId[];
    readonly category: readonly CocoId[];
    /** left, top, width, height in pixels, four values per box */
    readonly corners: readonly number[];
    readonly ignore: readonly (0 | 1 | 2)[];
  };
  /** Problems of unusable annotations, such as `annotations[17].bbox has width -3; widths must be positive`. */
  readonly problems: readonly string[];
  /** Number of annotations, good or bad. */
  readonly rows: number;
}

/** Possible values of `ignore`, by code. */
export const cocoIgnore = [undefined, "crowd", "difficult"] as const;

const parts = memberNames("images", "annotations", "categories");
const pictureNames = memberNames("id", "file_name", "width", "height");
const categoryNames = memberNames("id", "name", "supercategory");
const boxNames = memberNames("image_id", "category_id", "bbox", "segmentation", "iscrowd", "ignore");

/** Throws PhinetsError `data.coco`, `FILE:LINE: problem`, if the file is not JSON of COCO's structure. */
export function readCocoFile(bytes: Uint8Array, file: string): CocoFile {
  const json = new JsonBytes(bytes, file, cocoCode);
  const pictures: CocoPicture[] = [];
  const categories: CocoCategory[] = [];
  const reader = new BoxReader(json);
  json.members("a COCO annotation file", parts, (part) => {
    if (json.word() === null) return;
    if (part === 0) json.elements("images", () => pictures.push(readPicture(json)));
    else if (part === 1) json.elements("annotations", (index) => reader.read(index));
    else json.elements("categories", () => categories.push(readCategory(json)));
  });
  json.end();
  return { pictures, categories, boxes: reader.boxes, problems: reader.problems, rows: reader.rows };
}

function readPicture(json: JsonBytes): CocoPicture {
  let id: CocoId | undefined;
  let name: string | undefined;
  let width = 0;
  let height = 0;
  json.members("an image", pictureNames, (member) => {
    if (member === 0) id = readId(json);
    else if (member === 1) name = readText(json);
    else if (member === 2) width = readNumber(json);
    else height = readNumber(json);
  });
  return { id, name, width: Math.max(0, width) || 0, height: Math.max(0, height) || 0 };
}

function readCategory(json: JsonBytes): CocoCategory {
  const { at } = json;
  let id: CocoId | undefined;
  let name: string | undefined;
  let supercategory: string | undefined;
  json.members("a category", categoryNames, (member) => {
    if (member === 0) id = readId(json);
    else if (member === 1) name = readText(json);
    else supercategory = readText(json);
  });
  return { id: id ?? json.fail("the category has no id", at), name, supercategory };
}

class BoxReader {
  readonly boxes = {
    index: [] as number[],
    image: [] as CocoId[],
    category: [] as CocoId[],
    corners: [] as number[],
    ignore: [] as (0 | 1 | 2)[],
  };
  readonly problems: string[] = [];
  rows = 0;

  constructor(readonly json: JsonBytes) {}

  read(index: number): void {
    this.rows++;
    const problem = this.#box(index);
    if (problem !== undefined) this.problems.push(`annotations[${index}]${problem}`);
  }

  /** Reads an annotation; returns what is wrong with it if it cannot be used. */
  #box(index: number): string | undefined {
    const { json, boxes } = this;
    let image: CocoId | undefined;
    let category: CocoId | undefined;
    let corners: number[] | undefined;
    let segmentation: number | undefined;
    let crowd = false;
    let ignored = false;
    json.members("an annotation", boxNames, (member) => {
      if (member === 0) image = readId(json);
      else if (member === 1) category = readId(json);
      else if (member === 2) corners = readNumbers(json);
      else if (member === 3) {
        segmentation = json.at;
        json.skip();
      } else if (member === 4) crowd = readFlag(json);
      else ignored = readFlag(json);
    });
    if (image === undefined) return " has no image_id; give it the id of its image or remove it";
    if (category === undefined) return " has no category_id; give it one or remove it";
    if (corners === undefined && segmentation !== undefined) {
      const from = segmentation;
      try {
        corners = json.revisit(from, () => readSegmentation(json))?.bbox as number[] | undefined;
      } catch (error) {
        if (!(error instanceof PhinetsError)) throw error;
        return ` has no bbox, and its segmentation cannot be read: ${error.message.replace(/^.*?:\d+: /s, "")}`;
      }
    }
    if (corners === undefined) return " has no bbox and no segmentation; draw one or remove it";
    if (corners.length !== 4) {
      return `.bbox has ${corners.length} numbers; it is [left, top, width, height] in pixels`;
    }
    const odd = corners.find((value) => !Number.isFinite(value));
    if (odd !== undefined) return `.bbox is [${corners.join(", ")}]; its values are numbers`;
    if (corners[2] < 0) return `.bbox has width ${corners[2]}; widths must be positive`;
    if (corners[3] < 0) return `.bbox has height ${corners[3]}; heights must be positive`;
    boxes.index.push(index);
    boxes.image.push(image);
    boxes.category.push(category);
    boxes.corners.push(corners[0], corners[1], corners[2], corners[3]);
    boxes.ignore.push(crowd ? 1 : ignored ? 2 : 0);
    return undefined;
  }
}

const isNumber = (first: string): boolean => first === "-" || (first >= "0" && first <= "9");

function readId(json: JsonBytes): CocoId | undefined {
  const first = json.peek();
  if (first === '"') return json.string("an id");
  return isNumber(first) ? json.number("an id") : skip(json);
}

function readText(json: JsonBytes): string | undefined {
  const first = json.peek();
  if (first === '"') return json.string("a text");
  return isNumber(first) ? String(json.number("a number")) : skip(json);
}

/** Reads a number, also one written as a string; NaN for anything else. */
function readNumber(json: JsonBytes): number {
  const first = json.peek();
  if (isNumber(first)) return json.number("a number");
  if (first !== '"') return skip(json) ?? Number.NaN;
  const text = json.string("a number").trim();
  return text === "" ? Number.NaN : Number(text);
}

/** Returns undefined for an empty list and for anything that is not a list. */
function readNumbers(json: JsonBytes): number[] | undefined {
  if (json.peek() !== "[") return skip(json);
  const values: number[] = [];
  json.elements("a list", () => values.push(readNumber(json)));
  return values.length === 0 ? undefined : values;
}

function readFlag(json: JsonBytes): boolean {
  const word = json.word();
  return word === undefined ? readNumber(json) > 0 : word === true;
}

function skip(json: JsonBytes): undefined {
  json.skip();
  return undefined;
}

/**
 * boxes: a data set of boxes; captions, panoptic, classes, nothing: a COCO file whose annotations are not boxes;
 * results: a list of detections.
 */
export type CocoKind = "boxes" | "captions" | "panoptic" | "classes" | "nothing" | "results";

const sniffNames = memberNames("images", "annotations");
const keyNames = memberNames("bbox", "segmentation", "caption", "segments_info", "image_id", "score", "category_id");
/** Number of annotations examined to determine the kind. */
const sniffed = 20;

/** Thrown to stop reading early. */
class Enough extends Error {}

/** The kind of a COCO file; undefined for any other file. Reads only as much as necessary. */
export function sniffCoco(bytes: Uint8Array): CocoKind | undefined {
  const json = new JsonBytes(bytes, "", cocoCode);
  let pictures = false;
  let kind: CocoKind | undefined;
  const seen = new Set<number>();
  const look = () => {
    if (json.peek() !== "{") throw new Enough();
    json.members("an annotation", keyNames, (key) => {
      // An empty bbox or segmentation counts as absent.
      const empty = key <= 1 && json.peek() === "n";
      json.skip();
      if (!empty) seen.add(key);
    });
  };
  try {
    if (json.peek() === "[") {
      json.elements("a list", () => {
        look();
        throw new Enough();
      });
    } else if (json.peek() === "{") {
      json.members("a file", sniffNames, (part) => {
        if (part === 0) {
          pictures = json.peek() === "[";
          json.skip();
        } else if (json.peek() !== "[") json.skip();
        else {
          kind = "nothing";
          json.elements("annotations", (index) => {
            if (index < sniffed) look();
            else if (pictures) throw new Enough();
            else json.skip();
            kind = kindOf(seen);
          });
        }
      });
    }
  } catch (error) {
    // The file is damaged further on; opening it will report where.
    if (!(error instanceof Enough) && !(error instanceof PhinetsError)) throw error;
  }
  const [imageId, score] = [4, 5].map((key) => seen.has(key));
  if (kind === undefined) return imageId && score ? "results" : undefined;
  return pictures ? kind : undefined;
}

function kindOf(seen: ReadonlySet<number>): CocoKind {
  if (seen.has(0) || seen.has(1)) return "boxes";
  if (seen.has(2)) return "captions";
  return seen.has(3) ? "panoptic" : "classes";
}
