/**
 * COCO files (cocodataset.org/#format-data): annotations of boxes, and results. Only what scoring boxes needs is read;
 * masks and captions, which are most of a large file, are passed over.
 */
import { JsonBytes, memberNames } from "./json-bytes.js";

export interface CocoAnnotation {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  /** of the mask, square pixels */
  readonly area?: number;
  readonly iscrowd: number;
}

export interface CocoTruthFile {
  readonly images: readonly { readonly id: number }[];
  readonly categories: readonly { readonly id: number; readonly name?: string }[];
  readonly annotations: readonly CocoAnnotation[];
}

export interface CocoResultEntry {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  readonly score: number;
}

const code = "data.coco";
const parts = memberNames("images", "categories", "annotations");
const imageNames = memberNames("id");
const categoryNames = memberNames("id", "name");
const boxNames = memberNames("image_id", "category_id", "bbox", "area", "iscrowd", "score");

/** Throws PhinetsError `data.coco`, `FILE:LINE: problem`. */
export function parseCocoTruth(bytes: Uint8Array, file: string): CocoTruthFile {
  const json = new JsonBytes(bytes, file, code);
  const images: { id: number }[] = [];
  const categories: { id: number; name?: string }[] = [];
  const annotations: CocoAnnotation[] = [];
  const seen = [false, false, false];
  json.members("a COCO annotation file", parts, (part) => {
    seen[part] = true;
    if (part === 0) {
      json.elements("images", () => {
        const at = json.at;
        let id: number | undefined;
        json.members("an image", imageNames, () => {
          id = json.number("id");
        });
        images.push({ id: id ?? json.fail("the image has no id", at) });
      });
    } else if (part === 1) {
      json.elements("categories", () => {
        const at = json.at;
        let id: number | undefined;
        let name: string | undefined;
        json.members("a category", categoryNames, (member) => {
          if (member === 0) id = json.number("id");
          else name = json.string("name");
        });
        categories.push({ id: id ?? json.fail("the category has no id", at), name });
      });
    } else {
      json.elements("annotations", () => {
        const { at, image_id, category_id, bbox, area, iscrowd } = readBox(json, "annotation");
        if (area !== undefined && !(area >= 0)) json.fail(`area is ${area}; it is not negative`, at);
        annotations.push({ image_id, category_id, bbox, area, iscrowd });
      });
    }
  });
  json.end();
  const missing = seen.indexOf(false);
  if (missing >= 0)
    json.fail(`has no ${["images", "categories", "annotations"][missing]}; it is no COCO annotation file`, 0);
  return { images, categories, annotations };
}

/**
 * A list of `{image_id, category_id, bbox, score}`.
 * @param truth its pictures are the only ones that may be named
 * Throws PhinetsError `data.coco`, `FILE:LINE: problem`.
 */
export function parseCocoResults(
  bytes: Uint8Array,
  file: string,
  truth?: Pick<CocoTruthFile, "images">,
): CocoResultEntry[] {
  const json = new JsonBytes(bytes, file, code);
  const known = truth && new Set(truth.images.map(({ id }) => id));
  const results: CocoResultEntry[] = [];
  json.elements("a COCO results file", (index) => {
    const { at, image_id, category_id, bbox, score } = readBox(json, "result");
    if (score === undefined) return json.fail(`result ${index} has no score`, at);
    if (known?.has(image_id) === false)
      json.fail(`image_id ${image_id} is not among the images of the ground truth`, at);
    results.push({ image_id, category_id, bbox, score });
  });
  json.end();
  return results;
}

interface Box {
  /** where it begins */
  readonly at: number;
  readonly image_id: number;
  readonly category_id: number;
  readonly bbox: readonly number[];
  readonly area?: number;
  readonly iscrowd: number;
  readonly score?: number;
}

function readBox(json: JsonBytes, what: string): Box {
  const { at } = json;
  let image: number | undefined;
  let category: number | undefined;
  let bbox: number[] | undefined;
  let area: number | undefined;
  let score: number | undefined;
  let iscrowd = 0;
  json.members(`the ${what}`, boxNames, (member) => {
    if (member === 0) image = json.number("image_id");
    else if (member === 1) category = json.number("category_id");
    else if (member === 2) bbox = readCorners(json);
    else if (member === 3) area = json.word() === undefined ? json.number("area") : undefined;
    else if (member === 4) {
      const word = json.word();
      iscrowd = word === undefined ? json.number("iscrowd") : word ? 1 : 0;
    } else score = json.number("score");
  });
  if (image === undefined) return json.fail(`the ${what} has no image_id`, at);
  if (category === undefined) return json.fail(`the ${what} has no category_id`, at);
  if (bbox === undefined) return json.fail(`the ${what} has no bbox; it is [left, top, width, height] in pixels`, at);
  return { at, image_id: image, category_id: category, bbox, area, iscrowd, score };
}

function readCorners(json: JsonBytes): number[] {
  const { at } = json;
  const bbox: number[] = [];
  json.elements("bbox", () => bbox.push(json.number("a number of bbox")));
  if (bbox.length !== 4) json.fail(`bbox has ${bbox.length} numbers; it is [left, top, width, height] in pixels`, at);
  if (!bbox.every(Number.isFinite)) json.fail(`bbox is ${bbox}; its numbers are finite`, at);
  if (bbox[2] < 0 || bbox[3] < 0) json.fail(`bbox is ${bbox[2]} x ${bbox[3]}; sizes are not negative`, at);
  return bbox;
}
