/** What a report is made of. All of it is plain data, so that a report can be made again from what a run has kept. */

import type { Calibration, DetectionAnalysis } from "@phinets/core/evaluation";
import type { TrackingProof } from "../emulator/emulate.js";

/** A step that was not done, and how to have it next time. */
export interface LeftOut {
  /** What was left out and why: "firmware proof: arm-none-eabi-gcc is not installed". */
  readonly leftOut: string;
  /** The line that changes it: "npm run setup". */
  readonly install?: string;
}

export type Step<T> = T | LeftOut;

export function isLeftOut(step: object): step is LeftOut {
  return "leftOut" in step;
}

/** A box in pixels of its picture, top-left corner. */
export interface ReportBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly class: number;
  /** 0..1; predictions only. */
  readonly score?: number;
}

/** A picture small enough to be carried in the page; boxes that belong to it are in its pixels. */
export interface ReportPicture {
  readonly width: number;
  readonly height: number;
  readonly jpeg: Uint8Array;
}

/** One picture with what is there and what was found. Detection: boxes; classification: classes. */
export interface Prediction {
  readonly caption: string;
  readonly picture: ReportPicture;
  readonly truths?: readonly ReportBox[];
  readonly detections?: readonly ReportBox[];
  readonly truth?: number;
  readonly predicted?: { readonly class: number; readonly score: number };
}

export interface TrackedFrame {
  /** From 1. */
  readonly number: number;
  readonly picture: ReportPicture;
  readonly tracks: readonly (Omit<ReportBox, "class" | "score"> & { readonly id: number })[];
}

export interface TrajectoryPlot {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** A picture to draw over. */
  readonly jpeg?: Uint8Array;
  /** By id: the middle of the lower edge, frame by frame. */
  readonly tracks: readonly { readonly id: number; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

/** Of a classifier. */
export interface ClassAnalysis {
  readonly names: readonly string[];
  /** `[classes, classes]`, row = label, column = prediction */
  readonly confusion: readonly number[];
  readonly calibration?: Calibration;
}

export interface Candidate {
  readonly parameters: number;
  readonly macs: number;
  readonly flashBytes: number;
  readonly ramBytes: number;
  readonly latencyMs: readonly [low: number, high: number];
}

/** One row of the table of blocks; shapes are [height, width, channels]. */
export interface BlockRow {
  readonly id: number | string;
  readonly input: readonly number[];
  readonly hidden?: number;
  readonly output: readonly number[];
  readonly kernel?: number;
  readonly stride: number;
  readonly skip: boolean;
  readonly macs?: number;
}

/** A use of a limited thing, in bytes. */
export interface Use {
  readonly usedBytes: number;
  readonly totalBytes: number;
}

export interface Proof {
  /** Pictures run on the emulated core. */
  readonly images: number;
  /** Output bytes compared with the interpreter's, and how many differ. */
  readonly bytes: number;
  readonly differingBytes: number;
  /** Of all outputs in order. */
  readonly outputSha256: string;
  /** Mean of an inference. */
  readonly instructions: number;
  readonly instructionsPerMac?: number;
  readonly plannedArenaBytes: number;
  /** From the ELF. */
  readonly arenaBytes: number;
  readonly flashBytes: number;
  readonly stackBytes?: number;
  /** Where it ran: "Cortex-M7, MPS2 AN500 in QEMU". */
  readonly machine: string;
  /** The machine's core is of the board's kind. */
  readonly ownCore: boolean;
  /** The image for the board, linked into its regions. */
  readonly linked?: Step<{
    readonly name: string;
    readonly flash: Use;
    readonly ram: Use;
    /** The board's regions, and what it has in each. */
    readonly memories: readonly (Use & { readonly region: string; readonly use: string })[];
    /** Of the network's constants, part of the flash. */
    readonly weightsBytes: number;
    /** What was said before training. */
    readonly planned: { readonly flashBytes: number; readonly weightsBytes: number };
  }>;
}

/** Figures of the same pictures on one form of the network, fractions 0..1 by metric name. */
export interface FormFigures {
  readonly name: "float" | "int8" | "firmware";
  readonly values: Readonly<Record<string, number>>;
  /** How many pictures of the split they are of, where not all. */
  readonly pictures?: number;
}

export interface Curve {
  readonly name: FormFigures["name"];
  readonly points: readonly { readonly recall: number; readonly precision: number }[];
}

/** Figures of one class, int8, fractions 0..1. */
export interface ClassFigures {
  readonly name: string;
  /** Objects in the pictures. */
  readonly truths: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface Artefact {
  /** From the report's folder. */
  readonly path: string;
  readonly what: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Pictures and rows of labels that were left out. */
export interface Skipped {
  readonly pictures: number;
  readonly rows: number;
}

/** ` 2 bad pictures and 1 bad label row are left out.`; nothing where nothing was. */
export function describeSkipped({ pictures, rows }: Skipped = { pictures: 0, rows: 0 }): string {
  const parts = (
    [
      [pictures, "picture"],
      [rows, "label row"],
    ] as const
  ).flatMap(([count, what]) => (count === 0 ? [] : [`${count} bad ${what}${count === 1 ? "" : "s"}`]));
  if (parts.length === 0) return "";
  return ` ${parts.join(" and ")} ${pictures + rows === 1 ? "is" : "are"} left out.`;
}

export interface ReportData {
  /** "coco-person on STM32H743" */
  readonly title: string;
  /** Of phinets. */
  readonly version: string;
  /** When it was made, as text; left out where reports are compared. */
  readonly date?: string;
  readonly dataset: {
    readonly name: string;
    readonly task: "detect" | "classify";
    readonly classes: readonly string[];
    readonly pictures: { readonly train: number; readonly val: number; readonly test: number };
    /** What was left out of it as bad (`--skip-bad`). Default: nothing. */
    readonly skipped?: Skipped;
    /** Split that the figures are of. */
    readonly split: string;
  };
  /** Plain words where the figures say that the network is of no use. */
  readonly verdict?: string;
  /** What the figures mean, most important first: ["AP50", "AP", "precision", "recall", "f1"]. */
  readonly metrics: readonly string[];
  /** At least one; the first metric of int8 (else of the first form) is the headline. */
  readonly figures: readonly FormFigures[];
  /** Why the table has no firmware column. */
  readonly figuresLeftOut?: LeftOut;
  readonly network: {
    readonly name: string;
    readonly input: { readonly height: number; readonly width: number; readonly channels: number };
    readonly parameters: number;
    readonly macs: number;
    /** Hyper-parameters, in the paper's words. */
    readonly settings: readonly (readonly [name: string, value: string | number])[];
    readonly blocks: readonly BlockRow[];
  };
  readonly board?: {
    readonly name: string;
    readonly title: string;
    readonly core: string;
    readonly clockHz: number;
    readonly flash: Use;
    readonly ram: Use;
    readonly latencyMs: readonly [low: number, high: number];
    /** What the latency is made of: instructions that the emulated core counted, or the plan's. Default "planned". */
    readonly latencyFrom?: "counted" | "planned";
    readonly energyMj?: number;
  };
  /** The arena over time, an SVG of cost/memory-map. */
  readonly memoryMapSvg?: string;
  /** What the search for the network saw. */
  readonly fit?: { readonly evaluated: number; readonly pareto: readonly Candidate[]; readonly chosen: Candidate };
  readonly training: Step<{
    /** Rows of results.csv. */
    readonly rows: readonly Readonly<Record<string, number>>[];
    readonly bestEpoch: number;
    readonly imagesPerSecond?: number;
    readonly seconds?: number;
  }>;
  readonly predictions: Step<readonly Prediction[]>;
  readonly precisionRecall?: readonly Curve[];
  readonly perClass?: readonly ClassFigures[];
  /** What stands behind int8's figures: a detector's, or a classifier's. */
  readonly analysis?: DetectionAnalysis;
  readonly classAnalysis?: ClassAnalysis;
  /** Of the training boxes; `used`: how many anchors the network has. */
  readonly anchors?: {
    readonly used: number;
    readonly boxes: number;
    readonly curve: readonly { readonly anchors: number; readonly meanIou: number }[];
  };
  readonly proof: Step<Proof>;
  readonly tracking: Step<{
    readonly source: string;
    readonly frames: number;
    readonly tracks: number;
    readonly framesPerSecond: number;
    /** Against the clip's own truth, where it has one; fractions. */
    readonly scores?: { readonly MOTA: number; readonly IDF1: number; readonly HOTA: number };
    /** The emulated firmware's boxes and tracks of the first frames, against the library's. */
    readonly firmware?: Step<TrackingProof>;
    readonly strip: readonly TrackedFrame[];
    readonly trajectories?: TrajectoryPlot;
  }>;
  readonly artefacts: readonly Artefact[];
  /** Lines that make all of this again. */
  readonly commands: readonly string[];
}
