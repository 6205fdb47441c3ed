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

/** The fields of a COCO annotation file that are used. */
export interface CocoGroundTruth {
  readonly images: readonly { readonly id: number }[];
  readonly categories: readonly { readonly id: number; readonly name?: string }[];
  readonly annotations: readonly {
    readonly image_id: number;
    readonly category_id: number;
    /** left, top, width, height in pixels */
    readonly bbox: readonly number[];
    /** determines the size class; in COCO, the area of the mask. Default: area of the box. */
    readonly area?: number;
    /**
     * A detection of a crowd is neither right nor wrong, nor does missing it count; the overlap is the share of the
     * detection.
     */
    readonly iscrowd?: number | boolean;
    /** With iscrowd: a single object, like VOC's difficult ones, so the overlap is the IoU. */
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
  /** determines the size class; the area of the mask if the result has a mask. Default: area of the box. */
  readonly area?: number;
}

/** COCO's twelve metrics, 0..1; -1 if there is no relevant truth, or the IoU is not among the thresholds. */
export interface CocoStats {
  /** mean over IoU .5:.05:.95 */
  AP: number;
  AP50: number;
  AP75: number;
  /** area below 32^2, up to 96^2, and above; square pixels */
  APs: number;
  APm: number;
  APl: number;
  /** mean recall over the IoUs, with at most 1, 10, 100 detections per picture (the three `maxDetections`) */
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
  /** by ascending id */
  readonly categories: readonly CocoCategoryStats[];
}

/**
 * Leaves out detections of categories that the truth lacks. Throws `evaluation.coco` for a detection of an unknown
 * picture, or a box or score that is not a number.
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

/** The curves behind the metrics, per category by ascending id. */
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

/** The matches of some pictures' detections, in a form that threads can exchange. */
export interface CocoMatches {
  /** smallest and largest picture id; undefined without pictures */
  readonly pictures?: readonly [first: number, last: number];
  /** by ascending id */
  readonly categories: readonly { readonly id: number; readonly name: string; readonly matches: CategoryMatches }[];
}

/** Matches detections with truths, per category by ascending id. */
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

/** Mean of the values above -1 in `[from, to)` of every category's column; -1 if there are none. */
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
