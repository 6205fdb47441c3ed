/** HOTA (Luiten et al., "HOTA: a higher order metric for evaluating multi-object tracking", IJCV 2021). */
import { AssignmentSolver } from "../tracking/index.js";
import { epsilon, type MotFrames } from "./mot-frames.js";

/** .05, .10, ..., .95 as start + i * step, in doubles. */
export const hotaAlphas: readonly number[] = Array.from({ length: 19 }, (_, i) => 0.05 + i * 0.05);

/** Every field is `[19]`, one value per alpha, and additive over sequences. */
export interface HotaCounts {
  readonly TP: Float64Array;
  /** sums over the true positives of their pair's association accuracy, recall and precision, and of their IoU */
  readonly associationAccuracy: Float64Array;
  readonly associationRecall: Float64Array;
  readonly associationPrecision: Float64Array;
  readonly iou: Float64Array;
}

export function hotaCounts(data: MotFrames): HotaCounts {
  const { truthIds, foundIds, truthStarts, foundStarts, iou, truthTracks, foundTracks } = data;
  const levels = hotaAlphas.length;
  const counts: HotaCounts = {
    TP: new Float64Array(levels),
    associationAccuracy: new Float64Array(levels),
    associationRecall: new Float64Array(levels),
    associationPrecision: new Float64Array(levels),
    iou: new Float64Array(levels),
  };
  const truthCount = new Int32Array(truthTracks);
  for (const id of truthIds) truthCount[id]++;
  const foundCount = new Int32Array(foundTracks);
  for (const id of foundIds) foundCount[id]++;
  const alignment = globalAlignment(data, truthCount, foundCount);

  // One matching per frame serves all alphas: a pair counts for the alphas up to its IoU. `reach` counts the matches of
  // a pair of tracks by the number of alphas they reach; sums from the top give the matches of each alpha.
  const slotOf = new Int32Array(truthTracks * foundTracks).fill(-1);
  const slotTruth: number[] = [];
  const slotFound: number[] = [];
  const reach: Int32Array[] = [];
  const solver = new AssignmentSolver();
  let cost = new Float64Array(0);
  for (let f = 0; f < data.frames; f++) {
    const firstTruth = truthStarts[f];
    const firstFound = foundStarts[f];
    const rows = truthStarts[f + 1] - firstTruth;
    const columns = foundStarts[f + 1] - firstFound;
    if (rows === 0 || columns === 0) continue;
    if (cost.length < rows * columns) cost = new Float64Array(2 * rows * columns);
    const at = data.iouStarts[f];
    for (let r = 0, p = 0; r < rows; r++) {
      const row = truthIds[firstTruth + r] * foundTracks;
      for (let c = 0; c < columns; c++, p++) cost[p] = -(alignment[row + foundIds[firstFound + c]] * iou[at + p]);
    }
    solver.solve(cost, rows, columns);
    for (let r = 0; r < rows; r++) {
      const c = solver.columnOfRow[r];
      if (c < 0) continue;
      const overlap = iou[at + r * columns + c];
      let reached = 0;
      while (reached < levels && overlap >= hotaAlphas[reached] - epsilon) reached++;
      if (reached === 0) continue;
      counts.iou[reached - 1] += overlap;
      const truth = truthIds[firstTruth + r];
      const found = foundIds[firstFound + c];
      let slot = slotOf[truth * foundTracks + found];
      if (slot < 0) {
        slot = reach.length;
        slotOf[truth * foundTracks + found] = slot;
        slotTruth.push(truthCount[truth]);
        slotFound.push(foundCount[found]);
        reach.push(new Int32Array(levels));
      }
      reach[slot][reached - 1]++;
    }
  }
  for (let a = levels - 2; a >= 0; a--) counts.iou[a] += counts.iou[a + 1];
  for (const [slot, matchesAt] of reach.entries()) {
    let matches = 0;
    for (let a = levels - 1; a >= 0; a--) {
      matches += matchesAt[a];
      if (matches === 0) continue;
      counts.TP[a] += matches;
      counts.associationAccuracy[a] += matches * (matches / (slotTruth[slot] + slotFound[slot] - matches));
      counts.associationRecall[a] += matches * (matches / slotTruth[slot]);
      counts.associationPrecision[a] += matches * (matches / slotFound[slot]);
    }
  }
  return counts;
}

/** For each pair of object and track `[truthTracks, foundTracks]`, their global alignment: the share of common time. */
function globalAlignment(data: MotFrames, truthCount: Int32Array, foundCount: Int32Array): Float64Array {
  const { truthIds, foundIds, truthStarts, foundStarts, iou, truthTracks, foundTracks } = data;
  const alignment = new Float64Array(truthTracks * foundTracks);
  let rowSum = new Float64Array(0);
  let columnSum = new Float64Array(0);
  for (let f = 0; f < data.frames; f++) {
    const rows = truthStarts[f + 1] - truthStarts[f];
    const columns = foundStarts[f + 1] - foundStarts[f];
    if (rowSum.length < rows) rowSum = new Float64Array(2 * rows);
    if (columnSum.length < columns) columnSum = new Float64Array(2 * columns);
    rowSum.fill(0, 0, rows);
    columnSum.fill(0, 0, columns);
    const at = data.iouStarts[f];
    for (let r = 0, p = at; r < rows; r++) {
      for (let c = 0; c < columns; c++, p++) {
        rowSum[r] += iou[p];
        columnSum[c] += iou[p];
      }
    }
    for (let r = 0, p = at; r < rows; r++) {
      const row = truthIds[truthStarts[f] + r] * foundTracks;
      for (let c = 0; c < columns; c++, p++) {
        if (iou[p] === 0) continue;
        const total = columnSum[c] + rowSum[r] - iou[p];
        if (total > epsilon) alignment[row + foundIds[foundStarts[f] + c]] += iou[p] / total;
      }
    }
  }
  for (let t = 0, p = 0; t < truthTracks; t++) {
    for (let d = 0; d < foundTracks; d++, p++) {
      if (alignment[p] > 0) alignment[p] /= truthCount[t] + foundCount[d] - alignment[p];
    }
  }
  return alignment;
}
