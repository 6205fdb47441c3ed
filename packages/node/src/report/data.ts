/**
 * The data that a report is made from. It is plain data, so that a report can be rendered again from what a run has
 * stored.
 */

import type { Calibration, DetectionAnalysis } from "@phinets/core/evaluation";
import type { TrackingProof } from "../emulator/emulate.js";

/** A step that was skipped, and how to enable it next time. */
export interface LeftOut {
  /** What was skipped and why: "firmware proof: arm-none-eabi-gcc is not installed". */
  readonly leftOut: string;
  /** The command that enables it: "npm run setup". */
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

/** A picture small enough to embed in the page; boxes that belong to it are in its pixels. */
export interface ReportPicture {
  readonly width: number;
  readonly height: number;
  readonly jpeg: Uint8Array;
}

/** One picture with its labels and predictions: boxes for detection, classes for classification. */
export interface Prediction {
  readonly caption: string;
  readonly picture: ReportPicture;
  readonly truths?: readonly ReportBox[];
  readonly detections?: readonly ReportBox[];
  readonly truth?: number;
  readonly predicted?: { readonly class: number; readonly score: number };
}

export interface TrackedFrame {
  /** Number of the frame, from 1. */
  readonly number: number;
  readonly picture: ReportPicture;
  readonly tracks: readonly (Omit<ReportBox, "class" | "score"> & { readonly id: number })[];
}

export interface TrajectoryPlot {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** The picture that the tracks are drawn over. */
  readonly jpeg?: Uint8Array;
  /** Tracks by id; a point is the middle of a box's lower edge, one per frame. */
  readonly tracks: readonly { readonly id: number; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

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

/** Use of a limited resource, in bytes. */
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
  /** SHA-256 of all outputs in order. */
  readonly outputSha256: string;
  /** Mean per inference. */
  readonly instructions: number;
  readonly instructionsPerMac?: number;
  readonly plannedArenaBytes: number;
  /** Size of the arena in the ELF file. */
  readonly arenaBytes: number;
  readonly flashBytes: number;
  readonly stackBytes?: number;
  /** The emulated machine: "Cortex-M7, MPS2 AN500 in QEMU". */
  readonly machine: string;
  /** Whether the machine's core is of the same kind as the board's. */
  readonly ownCore: boolean;
  /** The image for the board, linked into its memory regions. */
  readonly linked?: Step<{
    readonly name: string;
    readonly flash: Use;
    readonly ram: Use;
    /** The board's memory regions, and what each holds. */
    readonly memories: readonly (Use & { readonly region: string; readonly use: string })[];
    /** Bytes of the network's constants, part of the flash. */
    readonly weightsBytes: number;
    /** The sizes that were predicted before training. */
    readonly planned: { readonly flashBytes: number; readonly weightsBytes: number };
  }>;
}

/** Figures of one form of the network, fractions 0..1 by metric name. */
export interface FormFigures {
  readonly name: "float" | "int8" | "firmware";
  readonly values: Readonly<Record<string, number>>;
  /** Number of the split's pictures that were measured; absent where all were. */
  readonly pictures?: number;
}

export interface Curve {
  readonly name: FormFigures["name"];
  readonly points: readonly { readonly recall: number; readonly precision: number }[];
}

/** Figures of one class on the int8 network, fractions 0..1. */
export interface ClassFigures {
  readonly name: string;
  /** Objects in the pictures. */
  readonly truths: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface Artefact {
  /** Relative to the report's folder. */
  readonly path: string;
  readonly what: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Number of pictures and label rows that were left out. */
export interface Skipped {
  readonly pictures: number;
  readonly rows: number;
}

/** ` 2 bad pictures and 1 bad label row are left out.`; empty where nothing was left out. */
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
  readonly version: string;
  /** When the report was made, as text; omitted where reports are compared. */
  readonly date?: string;
  readonly dataset: {
    readonly name: string;
    readonly task: "detect" | "classify";
    readonly classes: readonly string[];
    readonly pictures: { readonly train: number; readonly val: number; readonly test: number };
    /** What `--skip-bad` left out. Default: nothing. */
    readonly skipped?: Skipped;
    /** The split that the figures are measured on. */
    readonly split: string;
  };
  /** A sentence where the figures show that the network is of no use. */
  readonly verdict?: string;
  /** The metrics to show, most important first: ["AP50", "AP", "precision", "recall", "f1"]. */
  readonly metrics: readonly string[];
  /** At least one form; the headline is the first metric of int8, or of the first form where there is no int8. */
  readonly figures: readonly FormFigures[];
  /** Why the table has no firmware column. */
  readonly figuresLeftOut?: LeftOut;
  readonly network: {
    readonly name: string;
    readonly input: { readonly height: number; readonly width: number; readonly channels: number };
    readonly parameters: number;
    readonly macs: number;
    /** Hyper-parameters, named as in the paper. */
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
    /**
     * Source of the latency: instructions that the emulated core counted, or the plan's estimate. Default "planned".
     */
    readonly latencyFrom?: "counted" | "planned";
    readonly energyMj?: number;
  };
  /** The arena over time, as SVG made by cost/memory-map. */
  readonly memoryMapSvg?: string;
  /** The networks that the search evaluated. */
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
  /** Analysis behind the int8 figures, of a detector or a classifier. */
  readonly analysis?: DetectionAnalysis;
  readonly classAnalysis?: ClassAnalysis;
  /** Anchors of the training boxes; `used` is the number of anchors that the network has. */
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
    /** Scores against the clip's own labels, where it has them; fractions. */
    readonly scores?: { readonly MOTA: number; readonly IDF1: number; readonly HOTA: number };
    /** The emulated firmware's boxes and tracks of the first frames, compared with the library's. */
    readonly firmware?: Step<TrackingProof>;
    readonly strip: readonly TrackedFrame[];
    readonly trajectories?: TrajectoryPlot;
  }>;
  readonly artefacts: readonly Artefact[];
  /** Command lines that reproduce the run. */
  readonly commands: readonly string[];
}
