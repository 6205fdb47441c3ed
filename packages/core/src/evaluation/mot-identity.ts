/** Identity measures (Ristani et al., "Performance measures and a data set for multi-target tracking", ECCVW 2016). */
import { AssignmentSolver } from "../tracking/index.js";
import type { MotConvention, MotFrames } from "./mot-frames.js";

/**
 * IDTP: boxes explained by the best one-to-one assignment of objects to tracks. The remaining truths are IDFN, the
 * tracks' remaining boxes IDFP.
 */
export function identityTruePositives(data: MotFrames, like: MotConvention): number {
  const { truthIds, foundIds, truthStarts, foundStarts, iou, truthTracks, foundTracks } = data;
  const overlaps = new Float64Array(truthTracks * foundTracks);
  for (let f = 0; f < data.frames; f++) {
    let p = data.iouStarts[f];
    for (let t = truthStarts[f]; t < truthStarts[f + 1]; t++) {
      const row = truthIds[t] * foundTracks;
      for (let d = foundStarts[f]; d < foundStarts[f + 1]; d++, p++) {
        if (like === "trackeval" ? iou[p] >= 0.5 : 1 - iou[p] <= 0.5) overlaps[row + foundIds[d]]++;
      }
    }
  }
  // Objects and tracks without any overlap cannot matter; leaving them out keeps the matrix small.
  const rows: number[] = [];
  const used = new Uint8Array(foundTracks);
  for (let r = 0; r < truthTracks; r++) {
    let any = false;
    for (let c = 0; c < foundTracks; c++) {
      if (overlaps[r * foundTracks + c] === 0) continue;
      any = true;
      used[c] = 1;
    }
    if (any) rows.push(r);
  }
  const columns = Array.from(used.keys()).filter((c) => used[c] === 1);
  const cost = new Float64Array(rows.length * columns.length);
  for (const [i, r] of rows.entries()) {
    for (const [j, c] of columns.entries()) cost[i * columns.length + j] = -overlaps[r * foundTracks + c];
  }
  const solver = new AssignmentSolver();
  solver.solve(cost, rows.length, columns.length);
  let positives = 0;
  for (let i = 0; i < rows.length; i++) {
    const j = solver.columnOfRow[i];
    if (j >= 0) positives -= cost[i * columns.length + j];
  }
  return positives;
}
