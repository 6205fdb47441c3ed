/**
 * YOLO data sets: a data.yaml naming folders or lists of pictures, and one text file of boxes a picture. Format as
 * Ultralytics documents it (docs.ultralytics.com/datasets/detect): a row is `class x y width height`, the box's centre
 * and sides as fractions of the picture. A row of a segmentation data set, `class x1 y1 x2 y2 x3 y3 ...`, becomes the
 * polygon's bounding box.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { BoxLabel } from "../types.js";

/** A validated data.yaml. Paths are as written: relative ones to `path`, and `path` to the file itself. */
export interface YoloDataset {
  readonly path?: string;
  /** Folders, .txt lists or pictures; a split the file does not name is absent. */
  readonly train: readonly string[];
  readonly val?: readonly string[];
  readonly test?: readonly string[];
  readonly classes: readonly string[];
  /** What a picture without a label file is: an error, or background. Default "error". */
  readonly missingLabels: "error" | "background";
}

/**
 * Checks the content of a data.yaml.
 * @param value the parsed YAML
 * @param file its name, for messages
 */
export function parseYoloDataset(value: unknown, file: string): YoloDataset {
  const fail = (field: string, problem: string): never => {
    throw new PhinetsError("data.yaml", `${file}: ${field} ${problem}`, file);
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return fail("the file", "is not a mapping; it needs at least `train:` and `names:`");
  }
  const fields = value as Record<string, unknown>;
  const paths = (field: string): string[] | undefined => {
    const entry = fields[field];
    if (entry === undefined || entry === null || entry === "") return undefined;
    const list = Array.isArray(entry) ? entry : [entry];
    for (const item of list) {
      if (typeof item !== "string") fail(field, `is ${JSON.stringify(item)}; it is a path or a list of paths`);
    }
    return list as string[];
  };
  if (fields.path !== undefined && fields.path !== null && typeof fields.path !== "string") {
    fail("path", `is ${JSON.stringify(fields.path)}; it is the folder that train, val and test are in`);
  }
  const missing = fields.missing_labels;
  if (missing !== undefined && missing !== "error" && missing !== "background") {
    fail("missing_labels", `is ${JSON.stringify(missing)}; it is error or background`);
  }
  const train = paths("train") ?? fail("train", "is missing; it names the folder of training pictures");
  return {
    path: typeof fields.path === "string" && fields.path !== "" ? fields.path : undefined,
    train,
    val: paths("val") ?? paths("valid"),
    test: paths("test"),
    classes: classNames(fields, fail),
    missingLabels: missing === "background" ? "background" : "error",
  };
}

function classNames(fields: Record<string, unknown>, fail: (field: string, problem: string) => never): string[] {
  const { names, nc } = fields;
  let list: unknown[];
  if (Array.isArray(names)) {
    list = names;
  } else if (typeof names === "object" && names !== null) {
    const entries = Object.entries(names);
    list = new Array(entries.length).fill(undefined);
    for (const [key, name] of entries) {
      const index = Number(key);
      if (!Number.isInteger(index) || index < 0 || index >= entries.length) {
        fail("names", `has the key ${key}; the ${entries.length} classes are numbered 0 to ${entries.length - 1}`);
      }
      list[index] = name;
    }
  } else if (names === undefined && Number.isInteger(nc) && (nc as number) > 0) {
    list = Array.from({ length: nc as number }, (_, i) => `class${i}`);
  } else {
    return fail("names", `is ${JSON.stringify(names) ?? "missing"}; it lists the class names`);
  }
  if (list.length === 0) fail("names", "is empty; it lists at least one class name");
  const result = list.map((name, i) => {
    if (typeof name !== "string" && typeof name !== "number") {
      return fail("names", `has ${JSON.stringify(name) ?? "nothing"} for class ${i}; a name is text`);
    }
    return String(name);
  });
  const twice = result.find((name, i) => result.indexOf(name) !== i);
  if (twice !== undefined) fail("names", `has "${twice}" twice; class names differ`);
  if (nc !== undefined && nc !== null && nc !== result.length) {
    fail("nc", `is ${JSON.stringify(nc)} but names lists ${result.length}; leave nc out or make them agree`);
  }
  return result;
}

/** Rounding in other tools' label files: fractions this far outside 0..1 are taken as 0 or 1. */
const tolerance = 1e-3;

/**
 * Boxes of one label file; an empty text is a picture without objects.
 * @param file name for messages, `FILE:LINE: problem`
 * @param onProblem receives every bad row instead of the first one being thrown; the row is then left out
 */
export function parseYoloLabels(
  text: string,
  file: string,
  classes: readonly string[],
  onProblem: (error: PhinetsError) => void = (error) => {
    throw error;
  },
): BoxLabel[] {
  const labels: BoxLabel[] = [];
  const lines = text.split("\n");
  for (let n = 0; n < lines.length; n++) {
    const row = lines[n].trim();
    if (row === "") continue;
    const label = parseRow(row.split(/\s+/), classes);
    if (typeof label === "string")
      onProblem(new PhinetsError("data.label", `${file}:${n + 1}: ${label}; correct or remove the line`, file));
    else labels.push(label);
  }
  return labels;
}

/** The label, or what is wrong with the row. */
function parseRow(columns: readonly string[], classes: readonly string[]): BoxLabel | string {
  const polygon = columns.length >= 7 && columns.length % 2 === 1;
  if (columns.length !== 5 && !polygon) {
    return `has ${columns.length} columns; a row is: class x y width height`;
  }
  const id = Number(columns[0]);
  if (!Number.isInteger(id)) return `class is ${columns[0]}; it is a number from 0 to ${classes.length - 1}`;
  if (id < 0 || id >= classes.length) {
    const known = classes.length === 1 ? "the only class is 0" : `classes are 0 to ${classes.length - 1}`;
    return `class is ${id}; ${known} (${shorten(classes)})`;
  }
  const names = polygon ? undefined : ["x", "y", "width", "height"];
  const values: number[] = [];
  for (let i = 1; i < columns.length; i++) {
    const value = Number(columns[i]);
    const name = names?.[i - 1] ?? `${i % 2 === 1 ? "x" : "y"} of point ${(i + 1) >> 1}`;
    if (!Number.isFinite(value)) return `${name} is ${columns[i]}; values are numbers`;
    if (value < -tolerance || value > 1 + tolerance) {
      return `${name} is ${columns[i]}; values are fractions 0..1 of the picture`;
    }
    values.push(Math.min(1, Math.max(0, value)));
  }
  if (polygon) {
    const xs = values.filter((_, i) => i % 2 === 0);
    const ys = values.filter((_, i) => i % 2 === 1);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    values.splice(0, values.length, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top);
  }
  const [x, y, width, height] = values;
  if (width === 0 || height === 0) return `the box is ${width} wide and ${height} high; both are above 0`;
  return { class: id, x, y, width, height };
}

function shorten(names: readonly string[]): string {
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")}, ... ${names.at(-1)}`;
}

/** Rows `class x y width height`, six decimals, each with a line end; the inverse of `parseYoloLabels`. */
export function formatYoloLabels(labels: readonly BoxLabel[]): string {
  return labels
    .map((l) => `${l.class} ${[l.x, l.y, l.width, l.height].map((value) => value.toFixed(6)).join(" ")}\n`)
    .join("");
}

/**
 * Where a picture's labels are: the last folder named `images` becomes `labels` and the extension .txt; without such a
 * folder the text lies beside the picture. Paths with `/`.
 */
export function labelFileOf(picture: string): string {
  const text = `${picture.replace(/\.[^./]*$/, "")}.txt`;
  const at = text.lastIndexOf("/images/");
  if (at >= 0) return `${text.slice(0, at)}/labels/${text.slice(at + 8)}`;
  return text.startsWith("images/") ? `labels/${text.slice(7)}` : text;
}
