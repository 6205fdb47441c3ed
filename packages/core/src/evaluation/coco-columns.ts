/** COCO's truths and detections as columns of typed arrays, sorted by category and picture. */
import { PhinetsError } from "../tensor/index.js";
import type { CocoDetection, CocoGroundTruth } from "./coco.js";
import { type CategoryMatches, type CocoParameters, cocoParameters } from "./coco-category.js";
import { type DetectionColumns, matchCategory, type TruthColumns } from "./coco-matcher.js";

interface Placed {
  /** index of the picture by ascending id */
  readonly picture: Int32Array;
  readonly category: Int32Array;
  /** indices sorted by category, then picture, then position in the list */
  readonly order: Int32Array;
  /** start of each category in `order`, and the end of the last */
  readonly starts: Int32Array;
}

/** Allocates columns; with `SharedArrayBuffer` other threads can read them. */
type Allocate = (bytes: number) => ArrayBufferLike;

/** Truths and detections in columns: everything that matching needs, in a form that threads can share. */
export interface CocoColumns {
  readonly parameters: CocoParameters;
  /** ids, ascending */
  readonly pictures: Float64Array;
  /** by ascending id */
  readonly categories: readonly { readonly id: number; readonly name: string }[];
  readonly truths: TruthColumns & Placed;
  readonly detections: DetectionColumns & Placed;
}

/**
 * Leaves out detections of categories that the truth lacks, and truths of unlisted pictures or categories, as
 * pycocotools does. Throws `evaluation.coco` for a detection of an unknown picture, a box or score that is not a
 * number, or options out of range.
 */
export function cocoColumns(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  options: Partial<CocoParameters> = {},
  allocate: Allocate = (bytes) => new ArrayBuffer(bytes),
): CocoColumns {
  const parameters = cocoParameters(options);
  const pictures = ranksOf(truth.images.map((image) => image.id));
  const categories = ranksOf(truth.categories.map((category) => category.id));
  const names = new Map(truth.categories.map((category) => [category.id, category.name ?? String(category.id)]));
  checkDetections(detections, pictures);
  const counted = truth.annotations.filter((a) => pictures.has(a.image_id) && categories.has(a.category_id));
  const found = detections.filter((d) => categories.has(d.category_id));
  const doubles = (count: number) => new Float64Array(allocate(8 * count));
  const integers = (count: number) => new Int32Array(allocate(4 * count));
  const placed = (list: readonly { image_id: number; category_id: number }[]): Placed => {
    const picture = integers(list.length);
    const category = integers(list.length);
    for (const [i, each] of list.entries()) {
      picture[i] = pictures.get(each.image_id)!;
      category[i] = categories.get(each.category_id)!;
    }
    const inList = Int32Array.from(picture, (_, i) => i);
    const byPicture = countingSort(inList, picture, integers(list.length), integers(pictures.size + 1));
    const starts = integers(categories.size + 1);
    return { picture, category, order: countingSort(byPicture, category, integers(list.length), starts), starts };
  };
  const truthBoxes = boxColumn(counted, "truth", doubles(4 * counted.length));
  const truthAreas = doubles(counted.length);
  const crowd = new Uint8Array(allocate(counted.length));
  for (const [i, { area, iscrowd, difficult }] of counted.entries()) {
    truthAreas[i] = area ?? truthBoxes[4 * i + 2] * truthBoxes[4 * i + 3];
    crowd[i] = iscrowd ? (difficult ? 2 : 1) : 0;
  }
  const boxes = boxColumn(found, "detection", doubles(4 * found.length));
  const areas = doubles(found.length);
  const scores = doubles(found.length);
  for (const [i, { score, area }] of found.entries()) {
    areas[i] = area ?? boxes[4 * i + 2] * boxes[4 * i + 3];
    scores[i] = score;
  }
  const ids = doubles(pictures.size);
  ids.set([...pictures.keys()]);
  return {
    parameters,
    pictures: ids,
    categories: [...categories.keys()].map((id) => ({ id, name: names.get(id)! })),
    truths: { boxes: truthBoxes, areas: truthAreas, crowd, ...placed(counted) },
    detections: { boxes, areas, scores, ...placed(found) },
  };
}

/** Matches one category (by its index) in the pictures with indices from `from` up to, but excluding, `to`. */
export function matchColumns(
  { parameters, truths, detections, pictures }: CocoColumns,
  category: number,
  from = 0,
  to = pictures.length,
): CategoryMatches {
  const own = (placed: Placed) => {
    const all = placed.order.subarray(placed.starts[category], placed.starts[category + 1]);
    if (from === 0 && to === pictures.length) return all;
    return all.subarray(firstAtLeast(all, placed.picture, from), firstAtLeast(all, placed.picture, to));
  };
  const truthOrder = own(truths);
  const detectionOrder = own(detections);
  return matchCategory(truths, truthOrder, detections, detectionOrder, parameters);
}

/** Position of the first index whose picture is at least `picture`; pictures are in ascending order. */
function firstAtLeast(order: Int32Array, pictureOf: Int32Array, picture: number): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (pictureOf[order[middle]] < picture) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Maps each distinct id to its rank, ascending; the Map is in the same order. */
export function ranksOf(ids: readonly number[]): Map<number, number> {
  return new Map([...new Set(ids)].sort((a, b) => a - b).map((id, rank) => [id, rank]));
}

export function checkDetections(detections: readonly CocoDetection[], pictures: ReadonlyMap<number, number>): void {
  for (const [i, d] of detections.entries()) {
    if (!pictures.has(d.image_id)) {
      throw new PhinetsError(
        "evaluation.coco",
        `coco: detection ${i} is of picture ${d.image_id}, which the ground truth does not list`,
      );
    }
    if (!Number.isFinite(d.score)) {
      throw new PhinetsError("evaluation.coco", `coco: detection ${i} has score ${d.score}; a number is needed`);
    }
  }
}

function boxColumn(
  list: readonly { bbox: readonly number[]; image_id: number }[],
  what: string,
  boxes: Float64Array,
): Float64Array {
  for (const [i, { bbox, image_id }] of list.entries()) {
    if (bbox?.length !== 4 || !bbox.every(Number.isFinite)) {
      throw new PhinetsError(
        "evaluation.coco",
        `coco: a ${what} of picture ${image_id} has bbox ${JSON.stringify(bbox)}; it must be [left, top, width, height] in pixels`,
      );
    }
    for (let k = 0; k < 4; k++) boxes[4 * i + k] = bbox[k];
  }
  return boxes;
}

/** Sorts `list` by `key`, stably, into `order`, and writes the start of each key into `starts`. */
function countingSort(list: Int32Array, key: Int32Array, order: Int32Array, starts: Int32Array): Int32Array {
  for (const i of list) starts[key[i] + 1]++;
  for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
  const next = Int32Array.from(starts);
  for (const i of list) order[next[key[i]]++] = i;
  return order;
}
