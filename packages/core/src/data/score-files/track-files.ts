/**
 * Ground truth and tracks of three benchmarks with similar files, MOTChallenge, VisDrone and KITTI, told apart by their
 * rows.
 */
import { PhinetsError } from "../../tensor/index.js";
import { linesOf } from "../files/text.js";
import { keepMotRows, largestFrame, type MotRows, parseMotRows } from "./mot.js";

export type TrackFormat = "mot" | "visdrone" | "kitti";

export interface TrackFile {
  readonly format: TrackFormat;
  readonly rows: MotRows;
  /** Regions in which detections count neither as right nor as wrong. */
  readonly regions?: MotRows;
}

export interface TrackFileOptions {
  /** Number of the first frame in the file. Default 0 for KITTI, 1 for the others. */
  readonly firstFrame?: number;
  /**
   * false: ten columns are always treated as MOTChallenge's; for tracks, and for benchmarks with their own classes.
   * Default true.
   */
  readonly visdrone?: boolean;
}

/** VisDrone's categories 0 to 11, and KITTI's types, numbered from 1. */
export const trackClasses: Readonly<Record<"visdrone" | "kitti", readonly string[]>> = {
  visdrone: [
    "ignored",
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
  ],
  kitti: ["", "Car", "Van", "Truck", "Pedestrian", "Person", "Cyclist", "Tram", "Misc", "DontCare"],
};

/** Throws PhinetsError `data.mot`, `FILE:LINE: problem`. */
export function parseTracks(text: string, file: string, options: TrackFileOptions = {}): TrackFile {
  const { firstFrame, visdrone = true } = options;
  if (isKitti(text)) return parseKitti(text, file, firstFrame ?? 0);
  const rows = parseMotRows(text, file, firstFrame ?? 1);
  return visdrone && isVisdrone(text, rows) ? splitVisdrone(rows) : { format: "mot", rows };
}

/** KITTI files have a word in the third column. */
function isKitti(text: string): boolean {
  return /^\s*-?\d+\s+-?\d+\s+[A-Za-z][A-Za-z_]*\s/.test(text.replace(/^\ufeff/, ""));
}

/**
 * VisDrone has ten columns, the last three being category, truncation (0, 1) and occlusion (0, 1, 2). MOT15 also has
 * ten, the last three being world coordinates or -1.
 */
function isVisdrone(text: string, rows: MotRows): boolean {
  if (rows.columns !== 10 || rows.count === 0) return false;
  return linesOf(text.replace(/^\ufeff/, "")).every((line) => {
    const fields = line.trim().split(/\s*[,;]\s*|\s+/);
    return (
      fields[0] === "" || (/^(?:\d|10|11)$/.test(fields[7]) && /^[01]$/.test(fields[8]) && /^[012]$/.test(fields[9]))
    );
  });
}

/** Ignored regions (0), others (11), and boxes excluded by their score become regions. */
function splitVisdrone(rows: MotRows): TrackFile {
  const ignored = (i: number) => rows.class[i] === 0 || rows.class[i] === 11 || rows.confidence[i] === 0;
  return {
    format: "visdrone",
    rows: keepMotRows(rows, (i) => !ignored(i)),
    regions: keepMotRows(rows, ignored),
  };
}

const dontCare = trackClasses.kitti.indexOf("DontCare");
const kittiNames = new Map(trackClasses.kitti.map((name, index) => [name.toLowerCase(), index]));
kittiNames.set("person_sitting", kittiNames.get("person")!);
const kittiNumbers = ["frame", "id", "", "truncated", "occluded", "alpha", "left", "top", "right", "bottom"];

/**
 * Row format:
 * `frame id type truncated occluded alpha left top right bottom height width length x y z rotation [score]`.
 */
function parseKitti(text: string, file: string, firstFrame: number): TrackFile {
  const rows: number[][] = [];
  for (const [n, line] of linesOf(text.replace(/^\ufeff/, "")).entries()) {
    if (line.trim() === "") continue;
    const fail = (problem: string): never => {
      throw new PhinetsError("data.mot", `${file}:${n + 1}: ${problem}`, file);
    };
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10) {
      fail(`has ${fields.length} columns; a row of KITTI's tracking labels has 17, or 18 with a score`);
    }
    const kind = kittiNames.get(fields[2].toLowerCase());
    if (kind === undefined || fields[2] === "") {
      fail(`type is "${fields[2]}"; KITTI's are ${trackClasses.kitti.slice(1).join(", ")}`);
    }
    const number = (c: number, name = kittiNumbers[c]) => {
      const value = Number(fields[c]);
      if (!Number.isFinite(value)) fail(`${name} is "${fields[c]}"; it is a number`);
      return value;
    };
    const [frame, id, left, top, right, bottom] = [0, 1, 6, 7, 8, 9].map((c) => number(c));
    if (!Number.isInteger(frame) || frame < firstFrame || frame >= largestFrame) {
      fail(`frame is ${fields[0]}; frames are integers from ${firstFrame}, below ${largestFrame}`);
    }
    if (!Number.isSafeInteger(id)) fail(`id is ${fields[1]}; ids are integers`);
    if (right < left || bottom < top) fail(`the box is ${left},${top} to ${right},${bottom}; right is at least left`);
    const score = fields.length > 17 ? number(17, "score") : 1;
    rows.push([frame - firstFrame + 1, id, left, top, right - left, bottom - top, score, kind!, n + 1]);
  }
  const all: MotRows = {
    file,
    count: rows.length,
    firstFrame,
    frame: Int32Array.from(rows, (row) => row[0]),
    id: Float64Array.from(rows, (row) => row[1]),
    boxes: Float64Array.from(rows.flatMap((row) => row.slice(2, 6))),
    confidence: Float64Array.from(rows, (row) => row[6]),
    class: Float64Array.from(rows, (row) => row[7]),
    line: Int32Array.from(rows, (row) => row[8]),
    columns: rows.length === 0 ? 0 : 17,
  };
  return {
    format: "kitti",
    rows: keepMotRows(all, (i) => all.class[i] !== dontCare),
    regions: keepMotRows(all, (i) => all.class[i] === dontCare),
  };
}
