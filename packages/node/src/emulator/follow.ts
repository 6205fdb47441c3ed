/** Compares the emulated firmware's detections and tracks with the library's. */
import type { FollowedFrame } from "@phinets/core/export";

/** Number of frames whose boxes or tracks differ in any bit. */
export function differingFrames(expected: readonly FollowedFrame[], actual: readonly FollowedFrame[]): number {
  let differing = Math.abs(expected.length - actual.length);
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const [a, b] = [expected[i], actual[i]];
    const same =
      sameNumbers(a.boxes, b.boxes, ["class", "score", "x", "y", "width", "height"]) &&
      sameNumbers(a.tracks, b.tracks, ["id", "x1", "y1", "x2", "y2", "class", "score"]);
    if (!same) differing++;
  }
  return differing;
}

function sameNumbers<T, K extends keyof T>(a: readonly T[], b: readonly T[], fields: readonly K[]): boolean {
  return a.length === b.length && a.every((one, i) => fields.every((field) => one[field] === b[i][field]));
}
