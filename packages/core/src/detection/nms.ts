/**
 * Non-maximum suppression. A box is dropped when its IoU with a better kept one is strictly above the threshold. Equal
 * scores keep the input's order.
 */
import { PhinetsError } from "../tensor/index.js";
import { iouCorners } from "./boxes.js";
import type { DecodedBoxes } from "./decode.js";

/**
 * Indices of the boxes that are kept, best score first.
 * @param boxes corners x1, y1, x2, y2, one box after the other, any unit
 * @param classes if given, boxes of different classes do not suppress each other
 */
export function nms(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  iouThreshold: number,
  classes?: ArrayLike<number>,
): Int32Array {
  checkThreshold(iouThreshold);
  const count = scores.length;
  if (boxes.length !== 4 * count || (classes !== undefined && classes.length !== count)) {
    throw new PhinetsError(
      "detection.nms",
      `nms: ${count} scores need ${4 * count} coordinates and as many classes, got ${boxes.length} and ${classes?.length ?? "none"}`,
    );
  }
  const order = descending(scores, count);
  const kept = new Int32Array(count);
  let size = 0;
  for (const candidate of order) {
    let stays = true;
    for (let k = 0; k < size && stays; k++) {
      const other = kept[k];
      if (classes !== undefined && classes[other] !== classes[candidate]) continue;
      stays = !(overlap(boxes, other, candidate) > iouThreshold);
    }
    if (stays) kept[size++] = candidate;
  }
  return kept.slice(0, size);
}

/**
 * Suppresses class by class, like darknet's do_nms_sort: a class's probability becomes 0 where a box more probable for
 * that class overlaps too much. The box may remain for another class. Changes `decoded` in place.
 */
export function nmsPerClass(decoded: DecodedBoxes, iouThreshold: number): void {
  checkThreshold(iouThreshold);
  const { count, classes, probabilities } = decoded;
  const corners = cornersOf(decoded);
  const members = new Int32Array(count);
  for (let c = 0; c < classes; c++) {
    let size = 0;
    for (let i = 0; i < count; i++) if (probabilities[i * classes + c] > 0) members[size++] = i;
    const sorted = members
      .subarray(0, size)
      .sort((a, b) => probabilities[b * classes + c] - probabilities[a * classes + c] || a - b);
    for (let i = 0; i < size; i++) {
      if (probabilities[sorted[i] * classes + c] === 0) continue;
      for (let j = i + 1; j < size; j++) {
        const index = sorted[j] * classes + c;
        if (probabilities[index] !== 0 && overlap(corners, sorted[i], sorted[j]) > iouThreshold) {
          probabilities[index] = 0;
        }
      }
    }
  }
}

/**
 * Suppresses across classes, like darknet's do_nms_obj: takes boxes in order of objectness, and clears objectness and
 * all probabilities of a box that overlaps a kept one too much. Changes `decoded` in place.
 */
export function nmsByObjectness(decoded: DecodedBoxes, iouThreshold: number): void {
  checkThreshold(iouThreshold);
  const { count, classes, objectness, probabilities } = decoded;
  const corners = cornersOf(decoded);
  const order = descending(objectness, count);
  for (let i = 0; i < count; i++) {
    if (objectness[order[i]] === 0) continue;
    for (let j = i + 1; j < count; j++) {
      const other = order[j];
      if (objectness[other] !== 0 && overlap(corners, order[i], other) > iouThreshold) {
        objectness[other] = 0;
        probabilities.fill(0, other * classes, (other + 1) * classes);
      }
    }
  }
}

/** Sets all but the `most` largest probabilities to 0; of equal ones, the first remain. Changes `decoded` in place. */
export function keepBest({ probabilities }: DecodedBoxes, most: number): void {
  const above: number[] = [];
  for (let i = 0; i < probabilities.length; i++) if (probabilities[i] > 0) above.push(i);
  if (above.length <= most) return;
  above.sort((a, b) => probabilities[b] - probabilities[a] || a - b);
  for (const i of above.slice(most)) probabilities[i] = 0;
}

function overlap(boxes: ArrayLike<number>, a: number, b: number): number {
  const i = 4 * a;
  const j = 4 * b;
  return iouCorners(
    boxes[i],
    boxes[i + 1],
    boxes[i + 2],
    boxes[i + 3],
    boxes[j],
    boxes[j + 1],
    boxes[j + 2],
    boxes[j + 3],
  );
}

function descending(scores: ArrayLike<number>, count: number): Int32Array {
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order.sort((a, b) => scores[b] - scores[a] || a - b);
}

function cornersOf({ count, boxes }: DecodedBoxes): Float64Array {
  const corners = new Float64Array(4 * count);
  for (let i = 0; i < 4 * count; i += 4) {
    corners[i] = boxes[i] - boxes[i + 2] / 2;
    corners[i + 1] = boxes[i + 1] - boxes[i + 3] / 2;
    corners[i + 2] = boxes[i] + boxes[i + 2] / 2;
    corners[i + 3] = boxes[i + 1] + boxes[i + 3] / 2;
  }
  return corners;
}

function checkThreshold(iouThreshold: number): void {
  if (!(iouThreshold >= 0 && iouThreshold <= 1)) {
    throw new PhinetsError("detection.nms", `nms: IoU threshold is ${iouThreshold}; it must lie in 0..1`);
  }
}
