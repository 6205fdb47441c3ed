/**
 * The CLEAR MOT counts (Bernardin and Stiefelhagen, "Evaluating multiple object tracking performance", EURASIP JIVP
 * 2008) as computed by TrackEval.
 */
import { AssignmentSolver } from "../tracking/index.js";
import { epsilon, type MotFrames } from "./mot-frames.js";

/** Every field is additive over sequences. */
export interface ClearCounts {
  TP: number;
  FN: number;
  FP: number;
  /** identity switches */
  IDSW: number;
  /** objects found in more than .8 of their frames, in at least .2 of them, and in fewer */
  MT: number;
  PT: number;
  ML: number;
  /** number of times that an object was found again after being lost */
  Frag: number;
  /** sum over the matches of IoU, or of the distance with py-motmetrics' convention */
  matchSum: number;
}

/**
 * Matches a frame's boxes so that as many pairs of the previous frame as possible are kept, then for the largest sum of
 * IoU; a pair needs an IoU of at least a half. A switch is a match with a track other than the object's last one,
 * however long ago. Frames without truths or without tracks do not replace the previous frame's pairs, and cause no
 * fragment.
 */
export function clearCounts(data: MotFrames): ClearCounts {
  const { truthIds, foundIds, truthStarts, foundStarts, iou, truthTracks } = data;
  const counts: ClearCounts = { TP: 0, FN: 0, FP: 0, IDSW: 0, MT: 0, PT: 0, ML: 0, Frag: 0, matchSum: 0 };
  const solver = new AssignmentSolver();
  let cost = new Float64Array(0);
  const lastTrack = new Int32Array(truthTracks).fill(-1);
  /** pairs of the previous frame; two arrays that are swapped */
  let before = new Int32Array(truthTracks).fill(-1);
  let now = new Int32Array(truthTracks).fill(-1);
  const present = new Int32Array(truthTracks);
  const matched = new Int32Array(truthTracks);
  const starts = new Int32Array(truthTracks);
  for (let f = 0; f < data.frames; f++) {
    const firstTruth = truthStarts[f];
    const firstFound = foundStarts[f];
    const rows = truthStarts[f + 1] - firstTruth;
    const columns = foundStarts[f + 1] - firstFound;
    for (let r = 0; r < rows; r++) present[truthIds[firstTruth + r]]++;
    if (rows === 0 || columns === 0) {
      counts.FN += rows;
      counts.FP += columns;
      continue;
    }
    if (cost.length < rows * columns) cost = new Float64Array(2 * rows * columns);
    const at = data.iouStarts[f];
    for (let r = 0, p = 0; r < rows; r++) {
      const held = before[truthIds[firstTruth + r]];
      for (let c = 0; c < columns; c++, p++) {
        const overlap = iou[at + p];
        cost[p] = overlap < 0.5 - epsilon ? 0 : -((foundIds[firstFound + c] === held ? 1000 : 0) + overlap);
      }
    }
    solver.solve(cost, rows, columns);
    now.fill(-1);
    let matches = 0;
    for (let r = 0; r < rows; r++) {
      const c = solver.columnOfRow[r];
      if (c < 0 || cost[r * columns + c] === 0) continue;
      const object = truthIds[firstTruth + r];
      const track = foundIds[firstFound + c];
      matches++;
      counts.matchSum += iou[at + r * columns + c];
      if (lastTrack[object] >= 0 && lastTrack[object] !== track) counts.IDSW++;
      lastTrack[object] = track;
      now[object] = track;
      matched[object]++;
      if (before[object] < 0) starts[object]++;
    }
    [before, now] = [now, before];
    counts.TP += matches;
    counts.FN += rows - matches;
    counts.FP += columns - matches;
  }
  for (let object = 0; object < truthTracks; object++) {
    const ratio = matched[object] / present[object];
    if (ratio > 0.8) counts.MT++;
    else if (ratio >= 0.2) counts.PT++;
    else counts.ML++;
    if (starts[object] > 0) counts.Frag += starts[object] - 1;
  }
  return counts;
}
