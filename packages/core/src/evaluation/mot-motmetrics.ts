/** The CLEAR MOT counts as computed by py-motmetrics. */
import { AssignmentSolver } from "../tracking/index.js";
import type { ClearCounts } from "./mot-clear.js";
import { distanceCosts, type MotFrames } from "./mot-frames.js";

export interface MotmetricsCounts extends ClearCounts {
  /** matches with a track that belonged to another object before */
  IDt: number;
  /** switches to a track never matched before */
  IDa: number;
  /** transfers to an object never matched before */
  IDm: number;
  /** frames with a truth or a track */
  frames: number;
}

/**
 * Keeps pairs of the previous update while they overlap enough, then matches the rest for the most pairs and the
 * smallest sum of 1 - IoU. Only frames with a truth or a track are updates. `matchSum` sums distances, and is NaN
 * without matches. Objects found in at least .8 of their frames are mostly tracked; a fragment ends with a miss, not
 * with absence.
 */
export function motmetricsCounts(data: MotFrames): MotmetricsCounts {
  const { truthIds, foundIds, truthStarts, foundStarts, iou, truthTracks, foundTracks } = data;
  const counts = {
    TP: 0,
    FN: 0,
    FP: 0,
    IDSW: 0,
    MT: 0,
    PT: 0,
    ML: 0,
    Frag: 0,
    matchSum: 0,
    IDt: 0,
    IDa: 0,
    IDm: 0,
    frames: 0,
  };
  const solver = new AssignmentSolver();
  let cost = new Float64Array(0);
  const trackOf = new Int32Array(truthTracks).fill(-1);
  /** the update in which an object was last matched */
  const matchedAt = new Int32Array(truthTracks).fill(-1);
  const objectOf = new Int32Array(foundTracks).fill(-1);
  const foundBefore = new Uint8Array(foundTracks);
  const present = new Int32Array(truthTracks);
  const matched = new Int32Array(truthTracks);
  const missed = new Uint8Array(truthTracks);
  const columnOfTrack = new Int32Array(foundTracks).fill(-1);
  const taken = { rows: new Uint8Array(0), columns: new Uint8Array(0) };
  for (let f = 0; f < data.frames; f++) {
    const firstTruth = truthStarts[f];
    const firstFound = foundStarts[f];
    const rows = truthStarts[f + 1] - firstTruth;
    const columns = foundStarts[f + 1] - firstFound;
    if (rows + columns === 0) continue;
    const update = counts.frames++;
    const at = data.iouStarts[f];
    if (taken.rows.length < rows) taken.rows = new Uint8Array(2 * rows);
    if (taken.columns.length < columns) taken.columns = new Uint8Array(2 * columns);
    if (cost.length < rows * columns) cost = new Float64Array(2 * rows * columns);
    taken.rows.fill(0, 0, rows);
    taken.columns.fill(0, 0, columns);
    let matches = 0;
    const pair = (r: number, c: number) => {
      const object = truthIds[firstTruth + r];
      taken.rows[r] = 1;
      taken.columns[c] = 1;
      matches++;
      counts.matchSum += 1 - iou[at + r * columns + c];
      matchedAt[object] = update;
      foundBefore[foundIds[firstFound + c]] = 1;
      matched[object]++;
      if (missed[object] === 1 && matched[object] > 1) counts.Frag++;
      missed[object] = 0;
    };
    if (rows > 0 && columns > 0) {
      for (let c = 0; c < columns; c++) columnOfTrack[foundIds[firstFound + c]] = c;
      for (let r = 0; r < rows; r++) {
        const object = truthIds[firstTruth + r];
        if (trackOf[object] < 0 || matchedAt[object] !== update - 1) continue;
        const c = columnOfTrack[trackOf[object]];
        if (c >= 0 && taken.columns[c] === 0 && 1 - iou[at + r * columns + c] <= 0.5) pair(r, c);
      }
      for (let c = 0; c < columns; c++) columnOfTrack[foundIds[firstFound + c]] = -1;
      if (matches < Math.min(rows, columns) && distanceCosts(iou, at, cost, rows, columns, taken)) {
        solver.solve(cost, rows, columns);
        for (let r = 0; r < rows; r++) {
          const c = solver.columnOfRow[r];
          if (c < 0 || taken.rows[r] === 1 || taken.columns[c] === 1 || 1 - iou[at + r * columns + c] > 0.5) continue;
          const object = truthIds[firstTruth + r];
          const track = foundIds[firstFound + c];
          if (trackOf[object] >= 0 && trackOf[object] !== track) {
            counts.IDSW++;
            if (foundBefore[track] === 0) counts.IDa++;
          }
          if (objectOf[track] >= 0 && objectOf[track] !== object) {
            counts.IDt++;
            if (matchedAt[object] < 0) counts.IDm++;
          }
          trackOf[object] = track;
          objectOf[track] = object;
          pair(r, c);
        }
      }
    }
    for (let r = 0; r < rows; r++) {
      const object = truthIds[firstTruth + r];
      present[object]++;
      if (taken.rows[r] === 0) missed[object] = 1;
    }
    counts.TP += matches;
    counts.FN += rows - matches;
    counts.FP += columns - matches;
  }
  for (let object = 0; object < truthTracks; object++) {
    const ratio = matched[object] / present[object];
    if (ratio >= 0.8) counts.MT++;
    else if (ratio >= 0.2) counts.PT++;
    else counts.ML++;
  }
  if (counts.TP === 0) counts.matchSum = Number.NaN;
  return counts;
}
