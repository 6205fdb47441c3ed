/**
 * PASCAL VOC's average precision (Everingham et al., "The Pascal Visual Object Classes (VOC) challenge", IJCV 2010), by
 * the rules of its development kit as implemented in py-faster-rcnn's voc_eval, with a stable order among equal scores.
 */
import type { VocDetections, VocObject } from "../data/index.js";
import { PhinetsError } from "../tensor/index.js";

export interface VocClassResult {
  readonly name: string;
  /** Mean of the best precision at recall 0, .1, ..., 1 (VOC2007); 0..1, NaN without counted objects. */
  readonly AP11: number;
  /** Area under the precision envelope (VOC2010 and later); 0..1, NaN without counted objects. */
  readonly APArea: number;
  /** Number of counted objects, without difficult ones. */
  readonly truths: number;
  readonly detections: number;
  readonly TP: number;
  readonly FP: number;
  /** For each detection by descending score, over it and all better ones. Recall is NaN without counted objects. */
  readonly recall: Float64Array;
  readonly precision: Float64Array;
}

export interface VocResult {
  readonly iou: number;
  /** Mean over the classes with counted objects; NaN if there are none. */
  readonly mAP11: number;
  readonly mAPArea: number;
  /** sorted by name */
  readonly classes: readonly VocClassResult[];
}

/** IoU threshold of the development kit. */
export const vocIou = 0.5;

/**
 * Compares a detection with the truth of its class and picture that it overlaps most (the first of equals). It is right
 * if the IoU is above `iou` and no detection with a higher score has found that truth; on a difficult truth it does not
 * count.
 * @param truth objects by picture
 * @param detections detections by class
 * @param iou 0..1; the IoU must exceed it
 * @throws `evaluation.voc` with file and line for a detection in a picture that `truth` lacks.
 */
export function evaluateVoc(
  truth: ReadonlyMap<string, readonly VocObject[]>,
  detections: ReadonlyMap<string, VocDetections>,
  iou = vocIou,
): VocResult {
  const byClass = new Map<string, Map<string, VocObject[]>>();
  for (const [image, objects] of truth) {
    for (const object of objects) {
      const pictures = byClass.get(object.name) ?? new Map<string, VocObject[]>();
      byClass.set(object.name, pictures);
      const list = pictures.get(image);
      if (list) list.push(object);
      else pictures.set(image, [object]);
    }
  }
  const names = [...new Set([...byClass.keys(), ...detections.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const classes = names.map((name) => {
    const found = detections.get(name);
    if (found) checkImages(found, truth);
    return evaluateClass(name, byClass.get(name) ?? new Map(), found, iou);
  });
  const counted = classes.filter(({ truths }) => truths > 0);
  const mean = (value: (result: VocClassResult) => number) =>
    counted.length === 0 ? Number.NaN : counted.reduce((sum, each) => sum + value(each), 0) / counted.length;
  return { iou, mAP11: mean(({ AP11 }) => AP11), mAPArea: mean(({ APArea }) => APArea), classes };
}

function checkImages({ file, images, lines }: VocDetections, truth: ReadonlyMap<string, unknown>): void {
  const unknown = images.findIndex((image) => !truth.has(image));
  if (unknown < 0) return;
  throw new PhinetsError(
    "evaluation.voc",
    `${file}:${lines[unknown]}: picture ${images[unknown]} is not among the ${truth.size} that are evaluated`,
    file,
  );
}

function evaluateClass(
  name: string,
  pictures: ReadonlyMap<string, readonly VocObject[]>,
  found: VocDetections | undefined,
  threshold: number,
): VocClassResult {
  let truths = 0;
  const taken = new Map<string, Uint8Array>();
  for (const [image, objects] of pictures) {
    taken.set(image, new Uint8Array(objects.length));
    for (const { difficult } of objects) if (!difficult) truths++;
  }
  const count = found?.images.length ?? 0;
  const recall = new Float64Array(count);
  const precision = new Float64Array(count);
  let TP = 0;
  let FP = 0;
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => found!.scores[b] - found!.scores[a]);
  for (const [rank, d] of order.entries()) {
    const objects = pictures.get(found!.images[d]) ?? [];
    const { best, at } = nearest(objects, found!.boxes, 4 * d);
    if (!(best > threshold)) FP++;
    else if (!objects[at].difficult) {
      const used = taken.get(found!.images[d])!;
      if (used[at] === 0) TP++;
      else FP++;
      used[at] = 1;
    }
    recall[rank] = truths === 0 ? Number.NaN : TP / truths;
    precision[rank] = TP / Math.max(TP + FP, 2 ** -52);
  }
  const known = truths > 0;
  return {
    name,
    AP11: known ? elevenPointPrecision(recall, precision) : Number.NaN,
    APArea: known ? areaPrecision(recall, precision) : Number.NaN,
    truths,
    detections: count,
    TP,
    FP,
    recall,
    precision,
  };
}

/** The object with the largest IoU with the box, counting pixels inclusively. */
function nearest(objects: readonly VocObject[], boxes: Float64Array, p: number): { best: number; at: number } {
  const [x1, y1, x2, y2] = [boxes[p], boxes[p + 1], boxes[p + 2], boxes[p + 3]];
  const area = (x2 - x1 + 1) * (y2 - y1 + 1);
  let best = Number.NEGATIVE_INFINITY;
  let at = -1;
  for (let i = 0; i < objects.length; i++) {
    const [xmin, ymin, xmax, ymax] = objects[i].bbox;
    const width = Math.max(Math.min(xmax, x2) - Math.max(xmin, x1) + 1, 0);
    const height = Math.max(Math.min(ymax, y2) - Math.max(ymin, y1) + 1, 0);
    const overlap = (width * height) / (area + (xmax - xmin + 1) * (ymax - ymin + 1) - width * height);
    if (overlap > best) {
      best = overlap;
      at = i;
    }
  }
  return { best, at };
}

/** @param recall ascending */
export function elevenPointPrecision(recall: Float64Array, precision: Float64Array): number {
  const envelope = envelopeOf(precision);
  let sum = 0;
  let i = 0;
  for (let point = 0; point <= 10; point++) {
    // The development kit's thresholds are multiples of the double nearest to .1.
    while (i < recall.length && recall[i] < point * 0.1) i++;
    if (i < recall.length) sum += envelope[i] / 11;
  }
  return sum;
}

/** @param recall ascending */
export function areaPrecision(recall: Float64Array, precision: Float64Array): number {
  const envelope = envelopeOf(precision);
  let sum = 0;
  let before = 0;
  for (let i = 0; i < recall.length; i++) {
    if (recall[i] !== before) sum += (recall[i] - before) * envelope[i];
    before = recall[i];
  }
  return sum;
}

/** At each position, the best precision at it or later. */
function envelopeOf(precision: Float64Array): Float64Array {
  const envelope = precision.slice();
  for (let i = envelope.length - 2; i >= 0; i--) envelope[i] = Math.max(envelope[i], envelope[i + 1]);
  return envelope;
}
