/**
 * Multi-object tracking metrics of MOTChallenge sequences: CLEAR MOT, identity and HOTA, per sequence and combined, as
 * computed by TrackEval (the benchmark's own tool) or py-motmetrics.
 */
import type { MotRows } from "../data/index.js";
import { log } from "../tensor/index.js";
import { type ClearCounts, clearCounts } from "./mot-clear.js";
import { type MotBenchmark, type MotConvention, type MotFrameOptions, motBenchmarks, motFrames } from "./mot-frames.js";
import { type HotaCounts, hotaAlphas, hotaCounts } from "./mot-hota.js";
import { identityTruePositives } from "./mot-identity.js";
import { type MotmetricsCounts, motmetricsCounts } from "./mot-motmetrics.js";

export interface MotSequence {
  readonly name: string;
  /** seqLength of seqinfo.ini; frames without rows count as empty */
  readonly frames: number;
  readonly truth: MotRows;
  readonly found: MotRows;
  /** See `MotFrameOptions.regions`. */
  readonly regions?: MotRows;
}

export interface MotOptions {
  /** Default: derived from the first sequence's name, see `benchmarkOf`. */
  readonly benchmark?: MotBenchmark;
  /** Default trackeval. */
  readonly like?: MotConvention;
  /** false: for MOT16, MOT17 and MOT20, keep the boxes on distractors. Default true. */
  readonly removeDistractors?: boolean;
}

/** Counts and fractions (0..1; MOTA and MODA can be negative), named as in the literature. */
export interface MotFigures {
  MOTA: number;
  /** Mean IoU of the matches; with `like` motmetrics their mean distance 1 - IoU, NaN without matches. */
  MOTP: number;
  MODA: number;
  IDF1: number;
  IDP: number;
  IDR: number;
  HOTA: number;
  DetA: number;
  AssA: number;
  LocA: number;
  /** objects mostly tracked, partially tracked and mostly lost */
  MT: number;
  PT: number;
  ML: number;
  TP: number;
  FP: number;
  FN: number;
  /** identity switches */
  IDSW: number;
  /** fragments */
  Frag: number;
  IDTP: number;
  IDFP: number;
  IDFN: number;
  Recall: number;
  Precision: number;
  F1: number;
  /** MOTA with the sum of the matches' IoU instead of their number; MOTA with the logarithm of the switches */
  sMOTA: number;
  MOTAL: number;
  DetRe: number;
  DetPr: number;
  AssRe: number;
  AssPr: number;
  OWTA: number;
  /** at the lowest alpha, .05 */
  HOTA0: number;
  LocA0: number;
  HOTALocA0: number;
  /** boxes and tracks of the truth and of the tracker */
  truths: number;
  truthTracks: number;
  boxes: number;
  tracks: number;
  frames: number;
  /** Only with `like` motmetrics: transfers, ascends, migrates. */
  IDt?: number;
  IDa?: number;
  IDm?: number;
}

export interface MotResult {
  readonly benchmark: MotBenchmark;
  readonly like: MotConvention;
  readonly sequences: readonly ({ readonly name: string } & MotFigures)[];
  /** Computed from summed counts, not averaged over sequences. */
  readonly combined: MotFigures;
}

/** The counts that the metrics are computed from; every number is additive over sequences. */
export interface MotCounts {
  readonly clear: ClearCounts | MotmetricsCounts;
  readonly hota: HotaCounts;
  readonly IDTP: number;
  readonly truths: number;
  readonly truthTracks: number;
  readonly boxes: number;
  readonly tracks: number;
  readonly frames: number;
}

/** The benchmark that a MOTChallenge sequence's name begins with; for other names MOT15, in which every box counts. */
export function benchmarkOf(sequence: string): MotBenchmark {
  return motBenchmarks.find((benchmark) => sequence.startsWith(benchmark)) ?? "MOT15";
}

/**
 * Throws `evaluation.mot` naming file and line for frames after the sequence's end, an id twice in a frame, and classes
 * that the benchmark does not define.
 */
export function evaluateMot(sequences: readonly MotSequence[], options: MotOptions = {}): MotResult {
  const benchmark = options.benchmark ?? benchmarkOf(sequences.at(0)?.name ?? "");
  const { like = "trackeval", removeDistractors = true } = options;
  const counts = sequences.map((sequence) => motCounts(sequence, { benchmark, like, removeDistractors }));
  return {
    benchmark,
    like,
    sequences: sequences.map(({ name }, i) => ({ name, ...motFigures(counts[i], like) })),
    combined: motFigures(addMotCounts(counts, like), like),
  };
}

/** The counts of one sequence, which can be computed anywhere, in any order, and added up. */
export function motCounts(sequence: MotSequence, options: MotFrameOptions): MotCounts {
  const { truth, found, frames, regions } = sequence;
  const data = motFrames(truth, found, frames, { regions, ...options });
  const motmetrics = options.like === "motmetrics" ? motmetricsCounts(data) : undefined;
  return {
    clear: motmetrics ?? clearCounts(data),
    hota: hotaCounts(data),
    IDTP: identityTruePositives(data, options.like),
    truths: data.truthIds.length,
    truthTracks: data.truthTracks,
    boxes: data.foundIds.length,
    tracks: data.foundTracks,
    frames: motmetrics?.frames ?? sequence.frames,
  };
}

export function addMotCounts(list: readonly MotCounts[], like: MotConvention = "trackeval"): MotCounts {
  const sum = (value: (counts: MotCounts) => number) => list.reduce((total, counts) => total + value(counts), 0);
  const clear: ClearCounts = { TP: 0, FN: 0, FP: 0, IDSW: 0, MT: 0, PT: 0, ML: 0, Frag: 0, matchSum: 0 };
  const extra = { IDt: 0, IDa: 0, IDm: 0, frames: 0 };
  const totals: Record<string, number> = like === "motmetrics" ? { ...clear, ...extra } : { ...clear };
  for (const counts of list) {
    for (const [field, value] of Object.entries(counts.clear)) totals[field] += value;
  }
  const added = (field: keyof HotaCounts) => hotaAlphas.map((_, a) => sum(({ hota }) => hota[field][a]));
  return {
    clear: totals as unknown as ClearCounts,
    hota: {
      TP: Float64Array.from(added("TP")),
      associationAccuracy: Float64Array.from(added("associationAccuracy")),
      associationRecall: Float64Array.from(added("associationRecall")),
      associationPrecision: Float64Array.from(added("associationPrecision")),
      iou: Float64Array.from(added("iou")),
    },
    IDTP: sum((counts) => counts.IDTP),
    truths: sum((counts) => counts.truths),
    truthTracks: sum((counts) => counts.truthTracks),
    boxes: sum((counts) => counts.boxes),
    tracks: sum((counts) => counts.tracks),
    frames: sum((counts) => counts.frames),
  };
}

/** Without truths MOTA and similar metrics are 0 (with `like` motmetrics: not finite). */
export function motFigures(counts: MotCounts, like: MotConvention = "trackeval"): MotFigures {
  const { clear, IDTP, truths, truthTracks, boxes, tracks, frames } = counts;
  const { TP, FN, FP, IDSW, MT, PT, ML, Frag, matchSum } = clear;
  const own = like === "trackeval";
  /** With a denominator of 0, TrackEval's quotients are 0 and py-motmetrics' are not finite. */
  const over = (part: number, whole: number) => part / (own ? Math.max(1, whole) : whole);
  const lost = (penalty: number, found = TP) => {
    if (!own) return 1 - (truths - found + penalty) / truths;
    return truths === 0 ? 0 : (found - penalty) / truths;
  };
  const similarity = own ? matchSum : TP - matchSum;
  const curves = hotaCurves(counts);
  const mean = (curve: readonly number[]) => curve.reduce((sum, value) => sum + value, 0) / curve.length;
  return {
    MOTA: lost(FP + IDSW),
    MOTP: over(matchSum, TP),
    MODA: lost(FP),
    IDF1: over(2 * IDTP, truths + boxes),
    IDP: over(IDTP, boxes),
    IDR: over(IDTP, truths),
    HOTA: mean(curves.HOTA),
    DetA: mean(curves.DetA),
    AssA: mean(curves.AssA),
    LocA: mean(curves.LocA),
    MT,
    PT,
    ML,
    TP,
    FP,
    FN,
    IDSW,
    Frag,
    IDTP,
    IDFP: boxes - IDTP,
    IDFN: truths - IDTP,
    Recall: over(TP, truths),
    Precision: over(TP, TP + FP),
    F1: over(2 * TP, truths + boxes),
    sMOTA: lost(FP + IDSW, similarity),
    MOTAL: lost(FP + (IDSW > 0 ? log(IDSW) / log(10) : 0)),
    DetRe: mean(curves.DetRe),
    DetPr: mean(curves.DetPr),
    AssRe: mean(curves.AssRe),
    AssPr: mean(curves.AssPr),
    OWTA: mean(curves.OWTA),
    HOTA0: curves.HOTA[0],
    LocA0: curves.LocA[0],
    HOTALocA0: curves.HOTA[0] * curves.LocA[0],
    truths,
    truthTracks,
    boxes,
    tracks,
    frames,
    ...("IDt" in clear && { IDt: clear.IDt, IDa: clear.IDa, IDm: clear.IDm }),
  };
}

export type HotaCurve = "HOTA" | "DetA" | "AssA" | "LocA" | "DetRe" | "DetPr" | "AssRe" | "AssPr" | "OWTA";

/** The values behind the means, one per entry of `hotaAlphas`. */
export function hotaCurves({ hota, truths, boxes }: MotCounts): Record<HotaCurve, number[]> {
  const curve = (value: (a: number) => number) => hotaAlphas.map((_, a) => value(a));
  const { TP } = hota;
  const DetA = curve((a) => TP[a] / Math.max(1, truths + boxes - TP[a]));
  const DetRe = curve((a) => TP[a] / Math.max(1, truths));
  const AssA = curve((a) => hota.associationAccuracy[a] / Math.max(1, TP[a]));
  return {
    HOTA: curve((a) => Math.sqrt(DetA[a] * AssA[a])),
    DetA,
    AssA,
    LocA: curve((a) => (TP[a] === 0 ? 1 : hota.iou[a] / TP[a])),
    DetRe,
    DetPr: curve((a) => TP[a] / Math.max(1, boxes)),
    AssRe: curve((a) => hota.associationRecall[a] / Math.max(1, TP[a])),
    AssPr: curve((a) => hota.associationPrecision[a] / Math.max(1, TP[a])),
    OWTA: curve((a) => Math.sqrt(DetRe[a] * AssA[a])),
  };
}
