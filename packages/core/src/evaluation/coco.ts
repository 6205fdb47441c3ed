/** COCO's detection metrics for boxes (cocodataset.org/#detection-eval), as pycocotools' COCOeval computes them. */
import {
  accumulateMatches,
  areaRanges,
  type CategoryAccumulation,
  type CategoryMatches,
  type CocoParameters,
  cocoParameters,
} from "./coco-category.js";
import { cocoColumns, matchColumns } from "./coco-columns.js";

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
    /** Finding it any number of times is neither right nor wrong, nor is missing it; overlap is the share of the find. */
    readonly iscrowd?: number | boolean;
    /** With iscrowd: one object, as VOC's difficult ones, so overlap is IoU. */
    readonly difficult?: boolean;
  }[];
}

/** One entry of a COCO results file. */
export interface CocoDetection {
  readonly image_id: number;
  readonly category_id: number;
  /** left, top, width, height in pixels */
  readonly bbox: readonly number[];
  readonly score: number;
  /** decides the size class; that of the mask, where a result has a mask. Default: of the box. */
  readonly area?: number;
}

/** COCO's twelve figures, 0..1; -1 where no truth can decide, or the IoU is not among the thresholds. */
export interface CocoStats {
  /** mean over IoU .5:.05:.95 */
  AP: number;
  AP50: number;
  AP75: number;
  /** area below 32^2, to 96^2, above; square pixels */
  APs: number;
  APm: number;
  APl: number;
  /** mean recall over IoU, with at most 1, 10, 100 detections a picture (the three `maxDetections`) */
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
export function evaluateCoco(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  options?: Partial<CocoParameters>,
): CocoResult {
  return summarizeCoco(accumulateCoco(truth, detections, options));
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
export function accumulateCoco(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  options?: Partial<CocoParameters>,
): CocoCurves[] {
  return accumulateAll(matchCoco(truth, detections, options));
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
export function matchCoco(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  options?: Partial<CocoParameters>,
): CocoMatches {
  const columns = cocoColumns(truth, detections, options);
  const { categories, pictures } = columns;
  return {
    pictures: pictures.length > 0 ? [pictures[0], pictures[pictures.length - 1]] : undefined,
    categories: categories.map((category, c) => ({ ...category, matches: matchColumns(columns, c) })),
  };
}

function summarize(categories: readonly CategoryAccumulation[]): CocoStats {
  const { iouThresholds, recallThresholds } = categories[0]?.parameters ?? cocoParameters();
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
  const precisionAt = (iou: number) => {
    const place = iouThresholds.findIndex((each) => Math.abs(each - iou) < 1e-9);
    return place < 0 ? -1 : precision(all, place);
  };
  return {
    AP: precision(all),
    AP50: precisionAt(0.5),
    AP75: precisionAt(0.75),
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
