/**
 * The cost of a detector's errors: every wrong detection and missed truth has one cause, and the cost of a cause is the
 * AP gained by fixing only that cause. After TIDE (Bolya et al., "TIDE: A General Toolbox for Identifying Object
 * Detection Errors", ECCV 2020, section 2).
 */
import type { CocoDetection, CocoGroundTruth } from "./coco.js";
import { recallThresholds } from "./coco-category.js";
import { cocoOf, type EvaluatedPicture } from "./detection.js";
import { iouOf, type JudgedDetection, type JudgedPicture, judgePictures } from "./judged.js";

/**
 * - localisation: the right class, but too little overlap with the truth;
 * - class: enough overlap, but with a truth of another class;
 * - both: too little overlap with a truth of another class;
 * - duplicate: the truth is already matched with a better detection;
 * - background: no truth there;
 * - missed: truths that no right detection and no localisation or class error refers to.
 */
export const errorKinds = ["localisation", "class", "both", "duplicate", "background", "missed"] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface DetectionErrors {
  /** COCO's AP at the IoU required for a match, mean over the classes that have truths; -1 if none has */
  readonly AP: number;
  readonly errors: Readonly<Record<ErrorKind, { readonly count: number; readonly costAP: number }>>;
}

export interface ErrorOptions {
  /** Minimum IoU of a detection and its truth. Default 0.5. */
  readonly iou?: number;
  /** Minimum IoU at which a detection refers to a truth. Default 0.1. */
  readonly background?: number;
}

/** A detection in the corrected list. */
interface Verdict {
  readonly category: number;
  readonly score: number;
  readonly right: boolean;
}

interface Wrong {
  readonly kind: Exclude<ErrorKind, "missed">;
  readonly score: number;
  /** The truth that it should have matched, for localisation and class errors. */
  readonly target: number;
  /** Position in the order in which equal scores count. */
  readonly place: number;
}

/** Leaves out detections of categories that the truth lacks. */
export function detectionErrors(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  { iou = 0.5, background = 0.1 }: ErrorOptions = {},
): DetectionErrors {
  const verdicts: (Verdict | undefined)[] = [];
  const fixes: Record<ErrorKind, Map<number, Verdict | undefined>> = {
    localisation: new Map(),
    class: new Map(),
    both: new Map(),
    duplicate: new Map(),
    background: new Map(),
    missed: new Map(),
  };
  const counts: Record<ErrorKind, number> = {
    localisation: 0,
    class: 0,
    both: 0,
    duplicate: 0,
    background: 0,
    missed: 0,
  };
  const positives = new Map<number, number>();
  const missed = new Map<number, number>();
  const add = (to: Map<number, number>, category: number) => to.set(category, (to.get(category) ?? 0) + 1);
  for (const picture of judgePictures(truth, detections, iou)) {
    const wrong: Wrong[] = [];
    for (const judged of picture.detections) {
      const { detection, match, leftOut } = judged;
      const place = verdicts.length;
      const { category_id: category, score } = detection;
      verdicts.push(leftOut ? undefined : { category, score, right: match >= 0 });
      if (!leftOut && match < 0) wrong.push({ ...causeOf(judged, picture, iou, background), score, place });
    }
    wrong.sort((a, b) => b.score - a.score || a.place - b.place);
    for (const kind of ["localisation", "class"] as const) {
      const mended = new Set<number>();
      for (const each of wrong) {
        if (each.kind !== kind) continue;
        // Of several detections that refer to one truth, the best becomes right; the others would be duplicates and are
        // removed.
        const goes = picture.found[each.target] === 1 || mended.has(each.target);
        mended.add(each.target);
        const category = picture.truths[each.target].category_id;
        fixes[kind].set(each.place, goes ? undefined : { category, score: each.score, right: true });
      }
    }
    for (const { kind, place } of wrong) {
      counts[kind]++;
      if (kind !== "localisation" && kind !== "class") fixes[kind].set(place, undefined);
    }
    for (const { category_id, iscrowd } of picture.truths) if (!iscrowd) add(positives, category_id);
    for (const t of missedOf(picture, wrong)) {
      counts.missed++;
      add(missed, picture.truths[t].category_id);
    }
  }
  const AP = meanAP(verdicts, positives, positives);
  const left = new Map([...positives].map(([category, count]) => [category, count - (missed.get(category) ?? 0)]));
  const costOf = (kind: ErrorKind): number => {
    if (AP < 0) return 0;
    if (kind === "missed") return meanAP(verdicts, positives, left) - AP;
    if (fixes[kind].size === 0) return 0;
    const mended = verdicts.map((verdict, i) => (fixes[kind].has(i) ? fixes[kind].get(i) : verdict));
    return meanAP(mended, positives, positives) - AP;
  };
  const errors = Object.fromEntries(errorKinds.map((kind) => [kind, { count: counts[kind], costAP: costOf(kind) }]));
  return { AP, errors: errors as DetectionErrors["errors"] };
}

export interface PictureErrors {
  /** For each detection, in the given order; "left out": neither right nor wrong, because it is in a crowd. */
  readonly detections: readonly ("right" | "left out" | Exclude<ErrorKind, "missed">)[];
  /** Indices of the missed truths. */
  readonly missed: readonly number[];
}

/** The same causes for the boxes of one picture; `detectionErrors` computes their cost over many pictures. */
export function pictureErrors(
  picture: EvaluatedPicture,
  { iou = 0.5, background = 0.1 }: ErrorOptions = {},
): PictureErrors {
  const classes = [...picture.truths, ...picture.detections].reduce((most, each) => Math.max(most, each.class), 0) + 1;
  const { truth, found } = cocoOf(
    [picture],
    Array.from({ length: classes }, (_, id) => String(id)),
  );
  const [judged] = judgePictures(truth, found, iou);
  const kinds = new Map<CocoDetection, PictureErrors["detections"][number]>();
  const wrong: Pick<Wrong, "kind" | "target">[] = [];
  for (const each of judged.detections) {
    if (each.leftOut) continue;
    const cause = each.match >= 0 ? undefined : causeOf(each, judged, iou, background);
    if (cause !== undefined) wrong.push(cause);
    kinds.set(each.detection, cause?.kind ?? "right");
  }
  return { detections: found.map((each) => kinds.get(each) ?? "left out"), missed: missedOf(judged, wrong) };
}

/** Truths that no right detection and no localisation or class error refers to. */
function missedOf({ truths, found }: JudgedPicture, wrong: readonly Pick<Wrong, "kind" | "target">[]): number[] {
  const pointedAt = new Set<number>();
  for (const { kind, target } of wrong) if (kind === "localisation" || kind === "class") pointedAt.add(target);
  return truths.flatMap(({ iscrowd }, t) => (iscrowd || found[t] === 1 || pointedAt.has(t) ? [] : [t]));
}

/**
 * The cause of a wrong detection, the first of these that applies: localisation, class, duplicate, background, both.
 */
function causeOf(
  { detection }: JudgedDetection,
  { truths }: JudgedPicture,
  threshold: number,
  background: number,
): { kind: Wrong["kind"]; target: number } {
  let [same, other] = [-1, -1];
  let [mostSame, mostOther] = [0, 0];
  for (const [t, truth] of truths.entries()) {
    if (truth.iscrowd) continue;
    const overlap = iouOf(detection, truth);
    if (truth.category_id === detection.category_id) {
      if (overlap > mostSame) [same, mostSame] = [t, overlap];
    } else if (overlap > mostOther) [other, mostOther] = [t, overlap];
  }
  if (mostSame >= background && mostSame < threshold) return { kind: "localisation", target: same };
  if (mostOther >= threshold) return { kind: "class", target: other };
  if (mostSame >= threshold) return { kind: "duplicate", target: same };
  return { kind: mostOther < background ? "background" : "both", target: -1 };
}

/**
 * COCO's 101-point AP, mean over the categories with truths. AP is 1 if there is nothing left to find.
 * @param left number of truths that must be found, by category
 */
function meanAP(
  verdicts: readonly (Verdict | undefined)[],
  categories: ReadonlyMap<number, number>,
  left: ReadonlyMap<number, number>,
): number {
  const lists = new Map<number, Verdict[]>([...categories.keys()].map((category) => [category, []]));
  for (const verdict of verdicts) if (verdict) lists.get(verdict.category)?.push(verdict);
  let sum = 0;
  for (const [category, list] of lists) {
    const truths = left.get(category)!;
    sum += truths === 0 ? 1 : averagePrecision(list, truths);
  }
  return lists.size === 0 ? -1 : sum / lists.size;
}

function averagePrecision(list: readonly Verdict[], truths: number): number {
  const ranked = [...list].sort((a, b) => b.score - a.score); // a stable sort, so equal scores keep the pictures' order
  const curve: number[] = [];
  for (const [i, { right }] of ranked.entries()) {
    if (right) curve.push((curve.length + 1) / (i + 1 + Number.EPSILON));
  }
  for (let n = curve.length - 2; n >= 0; n--) curve[n] = Math.max(curve[n], curve[n + 1]);
  let sum = 0;
  let n = 0;
  for (const recall of recallThresholds) {
    while (n < curve.length && (n + 1) / truths < recall) n++;
    sum += curve[n] ?? 0;
  }
  return sum / recallThresholds.length;
}
