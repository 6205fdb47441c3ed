/**
 * A sequence's truths and tracks in the form that the MOT metrics need: boxes by frame, ids 0, 1, ..., and the IoU of
 * every pair in a frame, without the boxes that the benchmark's rules exclude.
 */
import type { MotRows } from "../data/index.js";
import { iouCorners } from "../detection/index.js";
import { PhinetsError } from "../tensor/index.js";
import { AssignmentSolver } from "../tracking/index.js";

/**
 * MOT15: truths with confidence 0 do not count. MOT16 and MOT17 (same rules): only pedestrians (class 1) with a
 * non-zero confidence count, and tracked boxes that match a person on a vehicle, a static person, a distractor or a
 * reflection are removed first. MOT20: also those that match a non-motorised vehicle.
 */
export type MotBenchmark = "MOT15" | "MOT16" | "MOT17" | "MOT20";
export const motBenchmarks: readonly MotBenchmark[] = ["MOT15", "MOT16", "MOT17", "MOT20"];

/** The tool whose rules apply where tools differ: TrackEval (the benchmark's own) or py-motmetrics. */
export type MotConvention = "trackeval" | "motmetrics";
export const motConventions: readonly MotConvention[] = ["trackeval", "motmetrics"];

export interface MotFrames {
  /**
   * Number of frames with a box, in order. Other frames are not stored, so memory depends on the boxes and not on the
   * frame numbers.
   */
  readonly frames: number;
  /** Frame f (from 0) has the truths from `truthStarts[f]` to before `truthStarts[f + 1]`. */
  readonly truthStarts: Int32Array;
  /** object of each truth, 0 to truthTracks - 1, by ascending id in the file */
  readonly truthIds: Int32Array;
  readonly foundStarts: Int32Array;
  readonly foundIds: Int32Array;
  readonly truthTracks: number;
  readonly foundTracks: number;
  /** `[truths, found]` of every frame, concatenated; frame f starts at `iouStarts[f]` */
  readonly iou: Float64Array;
  readonly iouStarts: Float64Array;
}

/** Tolerance by which TrackEval accepts an IoU below a threshold: the spacing of doubles at 1. */
export const epsilon = 2 ** -52;

const pedestrian = 1;
const distractors: Readonly<Record<MotBenchmark, readonly number[]>> = {
  MOT15: [],
  MOT16: [2, 7, 8, 12],
  MOT17: [2, 7, 8, 12],
  MOT20: [2, 6, 7, 8, 12],
};
const classes = 13;

export interface MotFrameOptions {
  readonly benchmark: MotBenchmark;
  readonly like: MotConvention;
  /** false: for MOT16, MOT17 and MOT20, keep the boxes on distractors. */
  readonly removeDistractors: boolean;
  /**
   * Unlabelled areas (KITTI's DontCare, VisDrone's ignored regions): tracked boxes that match no truth and are inside
   * one by more than half do not count, as in TrackEval for KITTI.
   */
  readonly regions?: MotRows;
}

/**
 * @param frames number of frames of the sequence
 * @throws `evaluation.mot`, `FILE:LINE: problem`, for a frame after the last one, an id twice in a frame, a class that
 *   the benchmark does not define, and more pairs of boxes, or of tracks, than `mostPairs`.
 */
export function motFrames(truth: MotRows, found: MotRows, frames: number, options: MotFrameOptions): MotFrames {
  const classed = options.benchmark !== "MOT15";
  for (const rows of [truth, found, options.regions]) if (rows) requireWithin(rows, frames);
  const used = new FrameNumbers(truth, found);
  const truths = byFrame(truth, used);
  const tracked = byFrame(found, used);
  const keepTruth = new Uint8Array(truth.count);
  for (let i = 0; i < truth.count; i++) {
    const kind = truth.class[i];
    if (classed && !(Number.isInteger(kind) && kind >= 1 && kind <= classes)) {
      throw failure(truth, i, `class is ${kind}; ${options.benchmark} has classes 1 to ${classes}`);
    }
    keepTruth[i] = Math.trunc(truth.confidence[i]) !== 0 && (!classed || kind === pedestrian) ? 1 : 0;
  }
  const keepFound = new Uint8Array(found.count).fill(1);
  if (classed) {
    for (let i = 0; i < found.count; i++) {
      if (found.class[i] > pedestrian) {
        throw failure(
          found,
          i,
          `class is ${found.class[i]}; tracks of ${options.benchmark} are pedestrians (1, or -1)`,
        );
      }
    }
    if (options.removeDistractors) dropOnDistractors(truth, truths, found, tracked, keepFound, used.count, options);
  }
  const { regions } = options;
  if (regions && regions.count > 0) dropInRegions(truth, truths, found, tracked, keepFound, used, regions);
  const keptTruths = keep(truth, truths, keepTruth, used);
  const keptFound = keep(found, tracked, keepFound, used);
  const iouStarts = new Float64Array(used.count + 1);
  for (let f = 0; f < used.count; f++) {
    const pairs = (keptTruths.starts[f + 1] - keptTruths.starts[f]) * (keptFound.starts[f + 1] - keptFound.starts[f]);
    iouStarts[f + 1] = iouStarts[f] + pairs;
  }
  const truthIds = denseIds(truth, keptTruths.order);
  const foundIds = denseIds(found, keptFound.order);
  requireFewPairs(found, iouStarts[used.count], "boxes of the same frames");
  requireFewPairs(found, truthIds.count * foundIds.count, "objects and tracks");
  const iou = new Float64Array(iouStarts[used.count]);
  for (let f = 0; f < used.count; f++) fillIou(truth, keptTruths, found, keptFound, f, iou, iouStarts[f]);
  return {
    frames: used.count,
    truthStarts: keptTruths.starts,
    truthIds: truthIds.ids,
    truthTracks: truthIds.count,
    foundStarts: keptFound.starts,
    foundIds: foundIds.ids,
    foundTracks: foundIds.count,
    iou,
    iouStarts,
  };
}

/** Row indices by frame, in file order within a frame. */
interface Grouped {
  readonly starts: Int32Array;
  readonly order: Int32Array;
}

/** A frame's number in the file. */
const numbered = (rows: MotRows, row: number): number => rows.frame[row] - 1 + rows.firstFrame;

function failure(rows: MotRows, row: number, problem: string): PhinetsError {
  return new PhinetsError("evaluation.mot", `${rows.file}:${rows.line[row]}: ${problem}`, rows.file);
}

function requireWithin(rows: MotRows, frames: number): void {
  for (let i = 0; i < rows.count; i++) {
    if (rows.frame[i] <= frames) continue;
    const from = rows.firstFrame === 1 ? "" : `, from ${rows.firstFrame} on`;
    throw failure(rows, i, `frame is ${numbered(rows, i)}; the sequence has ${frames}${from}`);
  }
}

/** 4 GB of overlaps. MOT20's longest sequence needs a quarter of that. */
const mostPairs = 2 ** 29;

function requireFewPairs({ file }: MotRows, pairs: number, what: string): void {
  if (pairs <= mostPairs) return;
  throw new PhinetsError(
    "evaluation.mot",
    `${file}: ${pairs} pairs of ${what} are to be compared, ${mostPairs} at most fit into memory; evaluate a part of the sequence`,
    file,
  );
}

/** Numbers the frames in which truth or tracker has a row 0, 1, ... in order. */
class FrameNumbers {
  readonly #rank: Map<number, number>;

  constructor(...files: readonly MotRows[]) {
    const all = new Set<number>();
    for (const { frame } of files) for (const each of frame) all.add(each);
    this.#rank = new Map(Array.from(Int32Array.from(all).sort(), (frame, rank) => [frame, rank]));
  }

  get count(): number {
    return this.#rank.size;
  }

  /** Number of a frame; undefined for a frame without a row. */
  of(frame: number): number | undefined {
    return this.#rank.get(frame);
  }
}

/** Start of each frame's rows, which must be sorted by frame. */
function startsOf(rows: MotRows, used: FrameNumbers, some: Iterable<number>): Int32Array {
  const starts = new Int32Array(used.count + 1);
  for (const i of some) starts[used.of(rows.frame[i])! + 1]++;
  for (let f = 0; f < used.count; f++) starts[f + 1] += starts[f];
  return starts;
}

function byFrame(rows: MotRows, used: FrameNumbers): Grouped {
  const starts = startsOf(rows, used, rows.frame.keys());
  const next = starts.slice();
  const order = new Int32Array(rows.count);
  for (let i = 0; i < rows.count; i++) order[next[used.of(rows.frame[i])!]++] = i;
  const lastFrame = new Map<number, number>();
  for (const i of order) {
    if (lastFrame.get(rows.id[i]) === rows.frame[i]) {
      const only = rows.id[i] < 0 ? "; these look like detections, not tracks" : "";
      throw failure(rows, i, `id ${rows.id[i]} is in frame ${numbered(rows, i)} twice${only}`);
    }
    lastFrame.set(rows.id[i], rows.frame[i]);
  }
  return { starts, order };
}

function keep(rows: MotRows, all: Grouped, kept: Uint8Array, used: FrameNumbers): Grouped {
  const order = all.order.filter((i) => kept[i] === 1);
  return { starts: startsOf(rows, used, order), order };
}

function denseIds(rows: MotRows, order: Int32Array): { ids: Int32Array; count: number } {
  const sorted = [...new Set(Array.from(order, (i) => rows.id[i]))].sort((a, b) => a - b);
  const rank = new Map(sorted.map((id, r) => [id, r]));
  return { ids: Int32Array.from(order, (i) => rank.get(rows.id[i])!), count: sorted.length };
}

/** Writes the IoU `[truths, found]` of frame `f` into `iou`, starting at `at`. */
function fillIou(
  truth: MotRows,
  truths: Grouped,
  found: MotRows,
  tracked: Grouped,
  f: number,
  iou: Float64Array,
  at: number,
): void {
  const a = truth.boxes;
  const b = found.boxes;
  let p = at;
  for (let t = truths.starts[f]; t < truths.starts[f + 1]; t++) {
    const i = 4 * truths.order[t];
    const right = a[i] + a[i + 2];
    const bottom = a[i + 1] + a[i + 3];
    for (let d = tracked.starts[f]; d < tracked.starts[f + 1]; d++) {
      const j = 4 * tracked.order[d];
      iou[p++] = iouCorners(a[i], a[i + 1], right, bottom, b[j], b[j + 1], b[j] + b[j + 2], b[j + 1] + b[j + 3]);
    }
  }
}

/** Clears `kept` for tracked boxes that match a truth of a distractor class when truths of all classes are matched. */
function dropOnDistractors(
  truth: MotRows,
  truths: Grouped,
  found: MotRows,
  tracked: Grouped,
  kept: Uint8Array,
  frames: number,
  { benchmark, like }: MotFrameOptions,
): void {
  const solver = new AssignmentSolver();
  let iou = new Float64Array(0);
  let cost = new Float64Array(0);
  for (let f = 0; f < frames; f++) {
    const rows = truths.starts[f + 1] - truths.starts[f];
    const columns = tracked.starts[f + 1] - tracked.starts[f];
    const size = rows * columns;
    if (size === 0) continue;
    if (iou.length < size) {
      iou = new Float64Array(2 * size);
      cost = new Float64Array(2 * size);
    }
    fillIou(truth, truths, found, tracked, f, iou, 0);
    if (like === "trackeval") {
      for (let p = 0; p < size; p++) cost[p] = iou[p] < 0.5 - epsilon ? 0 : -iou[p];
    } else if (!distanceCosts(iou, 0, cost, rows, columns)) continue;
    solver.solve(cost, rows, columns);
    for (let r = 0; r < rows; r++) {
      const c = solver.columnOfRow[r];
      if (c < 0) continue;
      const p = r * columns + c;
      const matched = like === "trackeval" ? iou[p] >= 0.5 - epsilon : 1 - iou[p] <= 0.5;
      if (matched && distractors[benchmark].includes(truth.class[truths.order[truths.starts[f] + r]])) {
        kept[tracked.order[tracked.starts[f] + c]] = 0;
      }
    }
  }
}

/** Clears `kept` for tracked boxes that match no truth and are inside a region by more than half their area. */
function dropInRegions(
  truth: MotRows,
  truths: Grouped,
  found: MotRows,
  tracked: Grouped,
  kept: Uint8Array,
  used: FrameNumbers,
  regions: MotRows,
): void {
  const regionsOf = new Map<number, number[]>();
  for (let i = 0; i < regions.count; i++) {
    const f = used.of(regions.frame[i]);
    if (f === undefined) continue; // no tracked boxes in this frame
    const list = regionsOf.get(f);
    if (list) list.push(i);
    else regionsOf.set(f, [i]);
  }
  const solver = new AssignmentSolver();
  for (const [f, list] of regionsOf) {
    const rows = truths.starts[f + 1] - truths.starts[f];
    const columns = tracked.starts[f + 1] - tracked.starts[f];
    const iou = new Float64Array(rows * columns);
    const matched = new Uint8Array(columns);
    if (iou.length > 0) {
      fillIou(truth, truths, found, tracked, f, iou, 0);
      solver.solve(
        iou.map((each) => (each < 0.5 - epsilon ? 0 : -each)),
        rows,
        columns,
      );
      for (let r = 0; r < rows; r++) {
        const c = solver.columnOfRow[r];
        if (c >= 0 && iou[r * columns + c] >= 0.5 - epsilon) matched[c] = 1;
      }
    }
    for (let c = 0; c < columns; c++) {
      const i = tracked.order[tracked.starts[f] + c];
      if (matched[c] === 0 && list.some((region) => shareWithin(found, i, regions, region) > 0.5 + epsilon))
        kept[i] = 0;
    }
  }
}

/** Share of a tracked box's area that is in a region. */
function shareWithin(found: MotRows, i: number, regions: MotRows, region: number): number {
  const [x, y, w, h] = found.boxes.subarray(4 * i, 4 * i + 4);
  const [left, top, width, height] = regions.boxes.subarray(4 * region, 4 * region + 4);
  const across = Math.min(x + w, left + width) - Math.max(x, left);
  const down = Math.min(y + h, top + height) - Math.max(y, top);
  return across > 0 && down > 0 ? (across * down) / (w * h) : 0;
}

/**
 * py-motmetrics' costs: the distance 1 - IoU if it is at most a half; every other pair is so expensive that the number
 * of possible pairs is maximised before distances matter.
 * @param taken rows and columns that are already matched (1)
 * @returns false if no pair is possible; `cost` is then meaningless
 */
export function distanceCosts(
  iou: Float64Array,
  at: number,
  cost: Float64Array,
  rows: number,
  columns: number,
  taken?: { readonly rows: Uint8Array; readonly columns: Uint8Array },
): boolean {
  const impossible = -1;
  let largest = impossible;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const distance = 1 - iou[at + r * columns + c];
      const possible = distance <= 0.5 && taken?.rows[r] !== 1 && taken?.columns[c] !== 1;
      cost[r * columns + c] = possible ? distance : impossible;
      if (possible && distance > largest) largest = distance;
    }
  }
  if (largest === impossible) return false;
  const large = 2 * Math.min(rows, columns) * (largest + 1) + 1;
  for (let p = 0; p < rows * columns; p++) if (cost[p] === impossible) cost[p] = large;
  return true;
}
