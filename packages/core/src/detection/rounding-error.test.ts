import { describe, expect, test } from "vitest";
import { decodeBoxes, detectionRoundingError } from "./index.js";

const head = {
  anchors: [
    [1, 2],
    [3, 1],
  ],
  classes: 2,
  decoder: "scaled",
} as const;

/** A map of one row of two cells. All boxes are equal except box 2 (cell 1, anchor 0), in the given fields. */
function map(changed: Partial<Record<number, number>> = {}, objectness = -9): Float32Array {
  const data = new Float32Array(2 * 2 * 7);
  for (let at = 0; at < data.length; at += 7) data[at + 4] = objectness;
  data.set([0.3, -0.4, 0.2, 0.1, 1.5, 2, -1], 14);
  for (const [field, value] of Object.entries(changed)) data[14 + Number(field)] = value as number;
  return data;
}

describe("what rounding does to a map's boxes", () => {
  const error = detectionRoundingError(head);

  test("nothing where maps are equal, or differ only in boxes that nothing will show", () => {
    expect(error(map(), map())).toBeCloseTo(0, 20);
    expect(error(map({}, -9), map({}, -6))).toBeCloseTo(0, 20);
    expect(error(map({}, -9), map({}, -3))).toBeGreaterThan(0);
  });

  test("squares of what decoded boxes, scores and classes lose", () => {
    const exact = map();
    const moved = map({ 0: 0.5, 2: 0.4 });
    const [a, b] = [exact, moved].map((each) => decodeBoxes(each, [1, 2, 14], head, 0.1));
    const corners = ({ boxes: [x, y, w, h] }: typeof a) => [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
    const [[ax, ay, aX, aY], [bx, by, bX, bY]] = [corners(a), corners(b)];
    const shared = (Math.min(aX, bX) - Math.max(ax, bx)) * (Math.min(aY, bY) - Math.max(ay, by));
    const overlap = shared / ((aX - ax) * (aY - ay) + (bX - bx) * (bY - by) - shared);
    const p = 1 / (1 + Math.exp(-1.5));
    expect(error(exact, moved)).toBeCloseTo(p * (1 - overlap) ** 2, 9);
    const q = 1 / (1 + Math.exp(-1));
    expect(error(exact, map({ 4: 1 }))).toBeCloseTo((p - q) ** 2, 9);
    const [first, second] = [1 / (1 + Math.exp(-3)), 1 / (1 + Math.exp(-2))];
    expect(error(exact, map({ 6: 0 }))).toBeCloseTo(2 * p * (first - second) ** 2, 9);
  });
});
