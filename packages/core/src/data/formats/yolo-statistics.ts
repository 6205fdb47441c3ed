/**
 * What the rows of all label files have in common: keypoints that no kpt_shape announces, classes counted from 1, pixels
 * in place of fractions. None of these shows in a single row.
 */
import { extentOf } from "../files/values.js";
import { type Keypoints, leastPixels } from "./yolo-rows.js";

/** Rows that a guess without contradiction needs, where the rows could be polygons as well. */
const leastRows = 5;
/** How far a keypoint may lie outside its box, or a box outside the picture, fractions. */
const slack = 0.02;

export class RowStatistics {
  rows = 0;
  /** Rows with a coordinate that is no fraction by far. */
  pixelRows = 0;
  lowestClass = Number.POSITIVE_INFINITY;
  highestClass = Number.NEGATIVE_INFINITY;
  /** Of every row; undefined where they differ. */
  #columns: number | undefined;
  /** Whether all rows so far may be boxes with points of 2 or of 3 values. */
  #mayBe: Record<2 | 3, boolean> = { 2: true, 3: true };
  /** Whether some row cannot be a polygon. */
  #noPolygon = false;
  /** Rows whose second pair of values lies near the others, as a corner does and sides of a box need not. */
  #likePolygons = 0;

  /** @param values a row's columns; NaN for what is no number */
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
   * Keypoints that every row has after its box. Points of 3 values are told by their visibility, 0, 1 or 2; points of 2
   * values by lying in their box, where the box's sides are no corner among them. Rows of 7 and 9 columns are polygons, as
   * turned rectangles are written so.
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
    // A point that is not labelled is written as 0 0 (0).
    const absent = visibility === 0 || (values[i] === 0 && values[i + 1] === 0);
    if (!absent && !(inside(values[i], x, width) && inside(values[i + 1], y, height))) return false;
  }
  return true;
}

/** Whether the second point lies in the rectangle around the others, enlarged by half its sides. */
function isLikePolygon(values: readonly number[]): boolean {
  return [0, 1].every((axis) => {
    const [low, high] = extentOf(values.filter((_, i) => i > 0 && i % 2 === 1 - axis && i !== 3 + axis));
    return Math.abs(values[3 + axis] - (low + high) / 2) <= high - low;
  });
}
