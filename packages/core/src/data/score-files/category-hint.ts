/**
 * Detects results whose category ids are numbered differently from the ground truth, the most frequent cause of an AP
 * near 0.
 */

import { extentOf } from "../files/values.js";

/**
 * @param truth category ids of the ground truth, ascending
 * @param found category ids of the results
 * @returns what looks wrong and how to fix it; undefined if all ids are known or nothing can be concluded
 */
export function categoryHint(truth: readonly number[], found: readonly number[]): string | undefined {
  if (truth.length === 0 || found.length === 0) return undefined;
  const known = new Set(truth);
  const unknown = found.filter((id) => !known.has(id));
  if (unknown.length === 0) return undefined;
  const [least, most] = extentOf(found);
  const first = truth[0];
  const last = truth[truth.length - 1];
  const gaps = last - first + 1 > truth.length;
  const counted = (from: number) => least >= from && most < truth.length + from;
  if (gaps && (counted(0) || counted(1))) {
    const from = counted(0) ? 0 : 1;
    return `category_id look like places ${from} to ${truth.length - 1 + from} in the list of categories, but the truth's ids (${first} to ${last}) have gaps: write the id of the category at that place${truth.length === 80 ? " (COCO's 80 classes have ids 1 to 90)" : ""}`;
  }
  for (const shift of [1, -1]) {
    if (!found.every((id) => known.has(id + shift))) continue;
    const [what, how] = shift === 1 ? ["one less", "add 1 to"] : ["one more", "take 1 from"];
    return `category_id go from ${least} to ${most}, the truth's from ${first} to ${last}: they look like ${what} than meant; ${how} each category_id`;
  }
  if (unknown.length === found.length) {
    return `no category_id of the results (${least} to ${most}) is one of the truth (${first} to ${last})`;
  }
  return undefined;
}
