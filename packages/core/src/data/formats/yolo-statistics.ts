/**
 * Detects properties that the rows of all label files share and that no single row reveals: keypoints without
 * kpt_shape, classes counted from 1, pixels instead of fractions.
 */
import { extentOf } from "../files/values.js";
import { type Keypoints, leastPixels } from "./yolo-rows.js";

/** Minimum number of consistent rows for a guess if the rows could also be polygons. */
const leastRows = 5;
/** Tolerance, as a fraction, for a keypoint outside its box or a box outside the picture. */
const slack = 0.02;

export class RowStatistics {
  rows = 0;
  /** Rows with a coordinate far too large for a fraction. */
  pixelRows = 0;
  lowestClass = Number.POSITIVE_INFINITY;
  highestClass = Number.NEGATIVE_INFINITY;
  /** Number of columns of every row; undefined if they differ. */
  #columns: number | undefined;
  /** Whether all rows so far may be boxes with points of 2 or of 3 values. */
  #mayBe: Record<2 | 3, boolean> = { 2: true, 3: true };
  /** Whether some row cannot be a polygon. */
  #noPolygon = false;
  /** Rows whose second pair of values lies near the others, as a corner does but a box's width and height need not. */
  #likePolygons = 0;

  /** @param values a row's columns; NaN for values that are not numbers */
  add(values: readonly number[]): void {
    const [id] = values;
    if (this.rows++ === 0) this.#columns = values.length;
    else if (this.#columns !== values.length) this.#columns = undefined;
    if (Number.isInteger(id)) {
      this.lowestClass = Math.min(this.lowestClass, id);
      this.highestClass = Math.max(this.highestClass, id);
    }
    if (values.length >= 5 && Math.max(values[1], values[2], values[3], values[4]) > leastPixels) this.pixelRows++;
    if (this.#columns === undefined || values.length < 8) return;
    if (values.length % 2 === 0 || values.some((value, i) => i > 0 && value > 1 + slack)) this.#noPolygon = true;
    if (isLikePolygon(values)) this.#likePolygons++;
    for (const size of [2, 3] as const) this.#mayBe[size] &&= isPose(values, size);
  }

  /**
   * The keypoints after the box in every row. Points of 3 values are recognised by their visibility, 0, 1 or 2; points
   * of 2 values by lying inside the box while its width and height are not near them like a corner. Rows of 7 and 9
   * columns are polygons, the format of rotated rectangles.
   */
  get keypoints(): Keypoints | undefined {
    const extra = (this.#columns ?? 0) - 5;
    const enough = this.#noPolygon || this.rows >= leastRows;
    if (extra >= 3 && extra % 3 === 0 && this.#mayBe[3] && enough) return { count: extra / 3, values: 3 };
    const corners = 2 * this.#likePolygons >= this.rows;
    if (extra >= 6 && extra % 2 === 0 && this.#mayBe[2] && enough && !corners) return { count: extra / 2, values: 2 };
    return undefined;
  }
}

function isPose(values: readonly number[], size: 2 | 3): boolean {
  if ((values.length - 5) % size !== 0) return false;
  const [, x, y, width, height] = values;
  const inside = (at: number, centre: number, side: number) => Math.abs(at - centre) <= side / 2 + slack;
  if (!(inside(x + width / 2, 0.5, 1) && inside(x - width / 2, 0.5, 1))) return false;
  if (!(inside(y + height / 2, 0.5, 1) && inside(y - height / 2, 0.5, 1))) return false;
  for (let i = 5; i < values.length; i += size) {
    const visibility = size === 3 ? values[i + 2] : 1;
    if (visibility !== 0 && visibility !== 1 && visibility !== 2) return false;
    // An unlabelled point is written as 0 0 (0).
    const absent = visibility === 0 || (values[i] === 0 && values[i + 1] === 0);
    if (!absent && !(inside(values[i], x, width) && inside(values[i + 1], y, height))) return false;
  }
  return true;
}

/** Whether the second point is inside the rectangle around the others, enlarged by half its sides. */
function isLikePolygon(values: readonly number[]): boolean {
  return [0, 1].every((axis) => {
    const [low, high] = extentOf(values.filter((_, i) => i > 0 && i % 2 === 1 - axis && i !== 3 + axis));
    return Math.abs(values[3 + axis] - (low + high) / 2) <= high - low;
  });
}
