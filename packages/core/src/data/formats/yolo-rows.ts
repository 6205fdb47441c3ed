/**
 * Rows of YOLO label files, as documented by Ultralytics (docs.ultralytics.com/datasets): `class x y width height`, the
 * box's centre and sides as fractions of the picture. Also reads, as boxes: polygons and rotated rectangles
 * (`class x1 y1 x2 y2 x3 y3 ...`), boxes with keypoints (`class x y width height px py ...`), and boxes with a
 * confidence.
 */
import { PhinetsError } from "../../tensor/index.js";
import { linesOf } from "../files/text.js";
import type { BoxLabel } from "../types.js";
import type { RowStatistics } from "./yolo-statistics.js";

/** Points after the box in rows for pose estimation: `x y`, or `x y visibility`. */
export interface Keypoints {
  readonly count: number;
  readonly values: 2 | 3;
}

export interface RowRules {
  /** Undefined to accept any class number. */
  readonly classes?: readonly string[];
  readonly keypoints?: Keypoints;
}

export type RowKind = "box" | "confidence" | "polygon" | "pose";

/** A row of a label file: a label, a box without area, or a problem. */
export interface ReadRow {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly kind?: RowKind;
  readonly label?: BoxLabel;
  readonly problem?: string;
}

/** Fractions this far outside 0..1 are rounding errors of other tools and are clipped. */
const tolerance = 1e-3;
/** Fractions are always below this, while coordinates in pixels almost always exceed it. */
export const leastPixels = 2;

/** All rows of a label file except empty ones and comments; an empty text is a picture without objects. */
export function readYoloRows(text: string, rules: RowRules, statistics?: RowStatistics): ReadRow[] {
  const rows: ReadRow[] = [];
  for (const [n, line] of linesOf(text).entries()) {
    const columns = columnsOf(line);
    if (columns.length === 0) continue;
    const values = columns.map(numberOf);
    statistics?.add(values);
    rows.push({ line: n + 1, ...readRow(columns, values, rules) });
  }
  return rows;
}

/**
 * Fields of a row, without a comment (`# ...`). Blanks, tabs, commas and semicolons separate fields; a comma between
 * digits is a decimal comma if there is another separator and the row contains no point.
 */
export function columnsOf(line: string): string[] {
  const comment = line.indexOf("#");
  let row = (comment < 0 ? line : line.slice(0, comment)).trim();
  if (row.includes(",") && !row.includes(".") && /[\s;]/.test(row) && !/,(\s|$)/.test(row)) {
    row = row.replaceAll(",", ".");
  }
  const columns = row.split(/[\s,;]+/);
  if (columns[0] === "") columns.shift();
  if (columns.at(-1) === "") columns.pop();
  return columns;
}

/** NaN for anything that is not a decimal number. */
const numberOf = (text: string): number => (/^[-+.\deE]+$/.test(text) ? Number(text) : Number.NaN);

function readRow(columns: readonly string[], values: readonly number[], rules: RowRules): Omit<ReadRow, "line"> {
  const kind = kindOf(columns.length, rules.keypoints);
  if (kind === undefined) return { problem: wrongCount(columns.length, rules.keypoints) };
  const { classes } = rules;
  const [id] = values;
  if (!Number.isInteger(id)) {
    return { problem: `class is ${columns[0]}; it is a number from 0${classes ? ` to ${classes.length - 1}` : ""}` };
  }
  if (id < 0 || (classes !== undefined && id >= classes.length)) return { problem: wrongClass(id, classes ?? []) };
  const names = kind === "polygon" ? undefined : ["x", "y", "width", "height"];
  const end = kind === "polygon" ? values.length : 5;
  const fractions: number[] = [];
  for (let i = 1; i < end; i++) {
    const value = values[i];
    const name = names?.[i - 1] ?? `${i % 2 === 1 ? "x" : "y"} of point ${(i + 1) >> 1}`;
    if (!Number.isFinite(value)) return { problem: `${name} is ${columns[i]}; values are numbers` };
    if (value < -tolerance || value > 1 + tolerance) {
      const pixels = value > leastPixels ? "it looks like pixels; " : "";
      return { problem: `${name} is ${columns[i]}; ${pixels}values are fractions 0..1 of the picture` };
    }
    fractions.push(Math.min(1, Math.max(0, value)));
  }
  for (let i = end; i < values.length; i++) {
    if (!Number.isFinite(values[i])) return { problem: `column ${i + 1} is ${columns[i]}; values are numbers` };
  }
  if (kind === "confidence" && (values[5] < 0 || values[5] > 1)) {
    return { problem: `column 6 is ${columns[5]}; after class x y width height it is a confidence 0..1` };
  }
  const [x, y, width, height] = kind === "polygon" ? boundsOf(fractions) : fractions;
  return width > 0 && height > 0 ? { kind, label: { class: id, x, y, width, height } } : { kind };
}

function kindOf(columns: number, keypoints: Keypoints | undefined): RowKind | undefined {
  if (columns === 5) return "box";
  if (keypoints !== undefined) return columns === poseColumns(keypoints) ? "pose" : undefined;
  if (columns === 6) return "confidence";
  return columns >= 7 && columns % 2 === 1 ? "polygon" : undefined;
}

const poseColumns = ({ count, values }: Keypoints): number => 5 + count * values;

function wrongCount(columns: number, keypoints: Keypoints | undefined): string {
  const row = `has ${columns} ${columns === 1 ? "column" : "columns"}; a row is: class x y width height`;
  if (keypoints !== undefined) {
    const { count, values } = keypoints;
    return `${row}, here with ${count} points of ${values} values (kpt_shape), ${poseColumns(keypoints)} columns`;
  }
  return columns < 7 ? row : `${row}, or class and the points x1 y1 x2 y2 x3 y3 ... of a polygon`;
}

function wrongClass(id: number, classes: readonly string[]): string {
  if (classes.length === 0) return `class is ${id}; classes are numbered from 0`;
  const known = classes.length === 1 ? "the only class is 0" : `classes are 0 to ${classes.length - 1}`;
  return `class is ${id}; ${known} (${shorten(classes)})`;
}

/** Centre and sides of the smallest upright box around the points `x1 y1 x2 y2 ...`. */
function boundsOf(points: readonly number[]): number[] {
  let [left, top, right, bottom] = [1, 1, 0, 0];
  for (let i = 0; i + 1 < points.length; i += 2) {
    left = Math.min(left, points[i]);
    right = Math.max(right, points[i]);
    top = Math.min(top, points[i + 1]);
    bottom = Math.max(bottom, points[i + 1]);
  }
  return [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top];
}

export function shorten(names: readonly string[]): string {
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")}, ... ${names.at(-1)}`;
}

/** The error for a bad row: `FILE:LINE: problem`. */
export function rowError(file: string, line: number, problem: string): PhinetsError {
  return new PhinetsError("data.label", `${file}:${line}: ${problem}; correct or remove the line`, file);
}

/**
 * Boxes of one label file; an empty text is a picture without objects. Boxes without area and duplicates are left out.
 * @param file name for messages, `FILE:LINE: problem`
 * @param onProblem if given, receives the error of every bad row, which is left out; otherwise the first error is
 *   thrown
 */
export function parseYoloLabels(
  text: string,
  file: string,
  classes: readonly string[],
  onProblem: (error: PhinetsError) => void = (error) => {
    throw error;
  },
): BoxLabel[] {
  const labels = new Map<string, BoxLabel>();
  for (const { line, label, problem } of readYoloRows(text, { classes })) {
    if (problem !== undefined) onProblem(rowError(file, line, problem));
    else if (label !== undefined) labels.set(Object.values(label).join(" "), label);
  }
  return [...labels.values()];
}

/** Rows `class x y width height` with six decimals and line ends; the inverse of `parseYoloLabels`. */
export function formatYoloLabels(labels: readonly BoxLabel[]): string {
  return labels
    .map((l) => `${l.class} ${[l.x, l.y, l.width, l.height].map((value) => value.toFixed(6)).join(" ")}\n`)
    .join("");
}

/**
 * Path of a picture's labels: the last folder named `images` becomes `labels`, and the extension .txt; without such a
 * folder the text is beside the picture. Paths use `/`.
 */
export function labelFileOf(picture: string): string {
  const text = `${picture.replace(/\.[^./]*$/, "")}.txt`;
  const parts = text.split("/");
  const at = parts.slice(0, -1).findLastIndex((part) => part.toLowerCase() === "images");
  return at < 0 ? text : [...parts.slice(0, at), "labels", ...parts.slice(at + 1)].join("/");
}
