/** COCO's detection metrics for boxes (cocodataset.org/#detection-eval), as pycocotools' COCOeval computes them. */
import { PhinetsError } from "../tensor/index.js";
import {
  accumulateMatches,
  areaRanges,
  type CategoryAccumulation,
  type CategoryMatches,
  type DetectionColumns,
  iouThresholds,
  matchCategory,
  type PictureSpan,
  recallThresholds,
  type TruthColumns,
} from "./coco-category.js";

/** The fields of a COCO annotation file that count here. */
export interface CocoGroundTruth {
  readonly images: readonly { readonly id: number }[];
  readonly categories: readonly { readonly id: number; readonly name?: string }[];
  readonly annotations: readonly {
    readonly image_id: number;
    readonly category_id: number;
    /** left, top, width, height in pixels */
    readonly bbox: readonly number[];
    /** decides the size class; that of the mask in COCO. Default: of the box. */
    readonly area?: number;
    readonly iscrowd?: number | boolean;
  }[];
}

/** One entry of a COCO results file. */
export interface CocoDetection {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  readonly score: number;
}

/** COCO's twelve figures, 0..1; -1 where no truth can decide. */
export interface CocoStats {
  /** mean over IoU .5:.05:.95 */
  AP: number;
  AP50: number;
  AP75: number;
  /** area below 32^2, to 96^2, above; square pixels */
  APs: number;
  APm: number;
  APl: number;
  /** mean recall over IoU, with 1, 10, 100 detections a picture */
  AR1: number;
  AR10: number;
  AR100: number;
  ARs: number;
  ARm: number;
  ARl: number;
}

export interface CocoCategoryStats extends CocoStats {
  readonly id: number;
  readonly name: string;
}

export interface CocoResult extends CocoStats {
  /** in ascending id */
  readonly categories: readonly CocoCategoryStats[];
}

/**
 * Detections of categories that the truth lacks are left out.
 * Throws `evaluation.coco` for a detection of an unknown picture, a box or score that is no number.
 */
export function evaluateCoco(truth: CocoGroundTruth, detections: readonly CocoDetection[]): CocoResult {
  return summarizeCoco(accumulateCoco(truth, detections));
}

export function summarizeCoco(perCategory: readonly CocoCurves[]): CocoResult {
  return {
    ...summarize(perCategory.map((c) => c.accumulation)),
    categories: perCategory.map(({ id, name, accumulation }) => ({ id, name, ...summarize([accumulation]) })),
  };
}

export interface CocoCurves {
  readonly id: number;
  readonly name: string;
  readonly accumulation: CategoryAccumulation;
}

/** The curves behind the figures, per category in ascending id. */
export function accumulateCoco(truth: CocoGroundTruth, detections: readonly CocoDetection[]): CocoCurves[] {
  return accumulateAll(matchCoco(truth, detections));
}

function accumulateAll(matches: CocoMatches): CocoCurves[] {
  return matches.categories.map(({ id, name, matches }) => ({ id, name, accumulation: accumulateMatches(matches) }));
}

/** What became of the detections of some pictures; what threads send each other. */
export interface CocoMatches {
  /** least and greatest picture id; undefined without pictures */
  readonly pictures?: readonly [first: number, last: number];
  /** in ascending id */
  readonly categories: readonly { readonly id: number; readonly name: string; readonly matches: CategoryMatches }[];
}

/** Pairs detections with truths, per category in ascending id. */
export function matchCoco(truth: CocoGroundTruth, detections: readonly CocoDetection[]): CocoMatches {
  const pictures = ranksOf(truth.images.map((image) => image.id));
  const categories = ranksOf(truth.categories.map((category) => category.id));
  const truths = truthColumns(truth, pictures, categories);
  const found = detectionColumns(detections, pictures, categories);
  const byTruth = groupByCategory(truths, categories.size, pictures.size);
  const byDetection = groupByCategory(found, categories.size, pictures.size);
  const names = new Map(truth.categories.map((category) => [category.id, category.name ?? String(category.id)]));
  const ids = [...pictures.keys()];
  const list = [...categories.entries()].map(([id, rank]) => {
    const truthOrder = byTruth.order.subarray(byTruth.starts[rank], byTruth.starts[rank + 1]);
    const detectionOrder = byDetection.order.subarray(byDetection.starts[rank], byDetection.starts[rank + 1]);
    const spans = spansOf(truthOrder, truths.picture, detectionOrder, found.picture);
    return {
      id,
      name: names.get(id)!,
      matches: matchCategory(truths, truthOrder, found, detectionOrder, spans),
    };
  });
  return { pictures: ids.length > 0 ? [ids[0], ids[ids.length - 1]] : undefined, categories: list };
}

interface Placed {
  /** ranks by ascending id */
  readonly picture: Int32Array;
  readonly category: Int32Array;
}

/** id -> rank among the distinct ids, ascending; the Map is in that order. */
export function ranksOf(ids: readonly number[]): Map<number, number> {
  return new Map([...new Set(ids)].sort((a, b) => a - b).map((id, rank) => [id, rank]));
}

function truthColumns(
  truth: CocoGroundTruth,
  pictures: ReadonlyMap<number, number>,
  categories: ReadonlyMap<number, number>,
): TruthColumns & Placed {
  // As in pycocotools, annotations of pictures or categories that are not listed do not count.
  const kept = truth.annotations.filter((a) => pictures.has(a.image_id) && categories.has(a.category_id));
  const boxes = boxColumn(kept, "truth");
  return {
    boxes,
    areas: Float64Array.from(kept, (a, i) => a.area ?? boxes[4 * i + 2] * boxes[4 * i + 3]),
    crowd: Uint8Array.from(kept, (a) => (a.iscrowd ? 1 : 0)),
    picture: Int32Array.from(kept, (a) => pictures.get(a.image_id)!),
    category: Int32Array.from(kept, (a) => categories.get(a.category_id)!),
  };
}

function detectionColumns(
  detections: readonly CocoDetection[],
  pictures: ReadonlyMap<number, number>,
  categories: ReadonlyMap<number, number>,
): DetectionColumns & Placed {
  checkDetections(detections, pictures);
  const kept = detections.filter((d) => categories.has(d.category_id));
  const boxes = boxColumn(kept, "detection");
  return {
    boxes,
    areas: Float64Array.from(kept, (_, i) => boxes[4 * i + 2] * boxes[4 * i + 3]),
    scores: Float64Array.from(kept, (d) => d.score),
    picture: Int32Array.from(kept, (d) => pictures.get(d.image_id)!),
    category: Int32Array.from(kept, (d) => categories.get(d.category_id)!),
  };
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

function boxColumn(list: readonly { bbox: readonly number[]; image_id: number }[], what: string): Float64Array {
  const boxes = new Float64Array(4 * list.length);
  for (const [i, { bbox, image_id }] of list.entries()) {
    if (bbox?.length !== 4 || !bbox.every(Number.isFinite)) {
      throw new PhinetsError(
        "evaluation.coco",
        `coco: a ${what} of picture ${image_id} has bbox ${JSON.stringify(bbox)}; it must be [left, top, width, height] in pixels`,
      );
    }
    boxes.set(bbox, 4 * i);
  }
  return boxes;
}

/** Indices ordered by category, then picture, then place in the list. */
function groupByCategory(
  { picture, category }: Placed,
  categories: number,
  pictures: number,
): { order: Int32Array; starts: Int32Array } {
  const list = Int32Array.from(picture, (_, i) => i);
  const byPicture = countingSort(list, picture, pictures).order;
  return countingSort(byPicture, category, categories);
}

function countingSort(list: Int32Array, key: Int32Array, keys: number): { order: Int32Array; starts: Int32Array } {
  const starts = new Int32Array(keys + 1);
  for (const i of list) starts[key[i] + 1]++;
  for (let k = 0; k < keys; k++) starts[k + 1] += starts[k];
  const next = starts.slice();
  const order = new Int32Array(list.length);
  for (const i of list) order[next[key[i]]++] = i;
  return { order, starts };
}

/** The pictures that have truths or detections of the category, ascending. */
function spansOf(
  truths: Int32Array,
  truthPicture: Int32Array,
  detections: Int32Array,
  detectionPicture: Int32Array,
): PictureSpan[] {
  const spans: PictureSpan[] = [];
  let t = 0;
  let d = 0;
  while (t < truths.length || d < detections.length) {
    const nextTruth = t < truths.length ? truthPicture[truths[t]] : Number.POSITIVE_INFINITY;
    const nextDetection = d < detections.length ? detectionPicture[detections[d]] : Number.POSITIVE_INFINITY;
    const picture = Math.min(nextTruth, nextDetection);
    const truthFrom = t;
    const detectionFrom = d;
    while (t < truths.length && truthPicture[truths[t]] === picture) t++;
    while (d < detections.length && detectionPicture[detections[d]] === picture) d++;
    spans.push({ truthFrom, truthTo: t, detectionFrom, detectionTo: d });
  }
  return spans;
}

function summarize(categories: readonly CategoryAccumulation[]): CocoStats {
  const perArea = iouThresholds.length * recallThresholds.length;
  const perIou = recallThresholds.length;
  const precision = (area: number, iou?: number) => {
    const from = area * perArea + (iou ?? 0) * perIou;
    return meanOfKnown(categories, (c) => c.precision, from, from + (iou === undefined ? perArea : perIou));
  };
  const recall = (area: number) =>
    meanOfKnown(categories, (c) => c.recall, area * iouThresholds.length, (area + 1) * iouThresholds.length);
  const few = (row: number) =>
    meanOfKnown(categories, (c) => c.recallOfFew, row * iouThresholds.length, (row + 1) * iouThresholds.length);
  const [all, small, medium, large] = areaRanges.keys();
  return {
    AP: precision(all),
    AP50: precision(all, 0),
    AP75: precision(all, 5),
    APs: precision(small),
    APm: precision(medium),
    APl: precision(large),
    AR1: few(0),
    AR10: few(1),
    AR100: recall(all),
    ARs: recall(small),
    ARm: recall(medium),
    ARl: recall(large),
  };
}

/** Mean of the values above -1 in `[from, to)` of every category's column; -1 where there is none. */
function meanOfKnown(
  categories: readonly CategoryAccumulation[],
  column: (category: CategoryAccumulation) => Float64Array,
  from: number,
  to: number,
): number {
  let sum = 0;
  let count = 0;
  for (const category of categories) {
    const values = column(category);
    for (let i = from; i < to; i++) {
      if (values[i] <= -1) continue;
      sum += values[i];
      count++;
    }
  }
  return count === 0 ? -1 : sum / count;
}
