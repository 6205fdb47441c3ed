/**
 * COCO's matching at one IoU, picture by picture, with the matched pairs, for error analysis and confusion matrices.
 */
import type { CocoDetection, CocoGroundTruth } from "./coco.js";

export type CocoTruth = CocoGroundTruth["annotations"][number];

export interface JudgedDetection {
  readonly detection: CocoDetection;
  /** Index of its truth in `JudgedPicture.truths`, or -1. */
  match: number;
  /** Matched with a crowd: neither right nor wrong. */
  leftOut: boolean;
}

export interface JudgedPicture {
  /** truths of listed categories, including crowds */
  readonly truths: readonly CocoTruth[];
  /** for each truth, whether a detection of its category is matched with it */
  readonly found: Uint8Array;
  /** at most `maxDetections` per category, grouped by category, best first */
  readonly detections: readonly JudgedDetection[];
}

/** IoU; for a crowd, the share of the detection's area. */
export function iouOf(detection: CocoDetection, truth: CocoTruth): number {
  const [x, y, w, h] = detection.bbox;
  const [left, top, width, height] = truth.bbox;
  const across = Math.min(x + w, left + width) - Math.max(x, left);
  const down = Math.min(y + h, top + height) - Math.max(y, top);
  if (!(across > 0 && down > 0)) return 0;
  const intersection = across * down;
  return intersection / (truth.iscrowd && !truth.difficult ? w * h : w * h + width * height - intersection);
}

/** Matches pictures by ascending id. `threshold`: minimum IoU of a pair. */
export function judgePictures(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  threshold: number,
  maxDetections = 100,
): JudgedPicture[] {
  const categories = new Set(truth.categories.map(({ id }) => id));
  const ids = [...new Set(truth.images.map(({ id }) => id))].sort((a, b) => a - b);
  const truthsOf = new Map<number, CocoTruth[]>(ids.map((id) => [id, []]));
  for (const each of truth.annotations) if (categories.has(each.category_id)) truthsOf.get(each.image_id)?.push(each);
  const foundIn = new Map<number, CocoDetection[]>(ids.map((id) => [id, []]));
  for (const each of detections) if (categories.has(each.category_id)) foundIn.get(each.image_id)?.push(each);
  return ids.map((id) => judge(truthsOf.get(id)!, foundIn.get(id)!, threshold, maxDetections));
}

function judge(
  truths: readonly CocoTruth[],
  all: readonly CocoDetection[],
  threshold: number,
  maxDetections: number,
): JudgedPicture {
  const found = new Uint8Array(truths.length);
  const ranked = all
    .map((detection, i) => ({ detection, i }))
    .sort(
      (a, b) => a.detection.category_id - b.detection.category_id || b.detection.score - a.detection.score || a.i - b.i,
    );
  const detections: JudgedDetection[] = [];
  let rank = 0;
  for (const [n, { detection }] of ranked.entries()) {
    rank = ranked[n - 1]?.detection.category_id === detection.category_id ? rank + 1 : 0;
    if (rank >= maxDetections) continue;
    // The best unmatched truth (of equal ones the later); a crowd, which stays available, only if there is none.
    const match = bestOf(truths, (t) => !t.iscrowd, detection, threshold, found);
    const crowd = match < 0 && bestOf(truths, (t) => Boolean(t.iscrowd), detection, threshold) >= 0;
    if (match >= 0) found[match] = 1;
    detections.push({ detection, match, leftOut: crowd });
  }
  return { truths, found, detections };
}

function bestOf(
  truths: readonly CocoTruth[],
  wanted: (truth: CocoTruth) => boolean,
  detection: CocoDetection,
  threshold: number,
  taken?: Uint8Array,
): number {
  let most = Math.min(threshold, 1 - 1e-10);
  let best = -1;
  for (const [t, truth] of truths.entries()) {
    if (truth.category_id !== detection.category_id || taken?.[t] === 1 || !wanted(truth)) continue;
    const overlap = iouOf(detection, truth);
    if (overlap < most) continue;
    most = overlap;
    best = t;
  }
  return best;
}
