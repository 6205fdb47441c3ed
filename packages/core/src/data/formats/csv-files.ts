/** Finds tables of labels in a folder and detects their format from the columns of their first rows. */
import { type Csv, type CsvRow, parseCsv } from "../files/csv.js";
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { baseName, extensionOf, stemOf } from "../files/tree.js";
import { type SplitName, splitNames } from "../types.js";
import { splitOfPath } from "./find-picture.js";
import { onePlace } from "./one-place.js";
import { splitIn, splitOf } from "./splits.js";

/**
 * - corners: one row per box with xmin, ymin, xmax, ymax
 * - plain: the same without a header, `path,x1,y1,x2,y2,class`
 * - via: regions of the VGG Image Annotator
 * - open-images: ImageID, LabelName and fractions
 * - classes: one row per picture with its class
 * - one-hot: one row per picture with a column of 0 or 1 for each class
 */
export type CsvKind = "corners" | "plain" | "via" | "open-images" | "classes" | "one-hot";

export interface CsvFile {
  readonly file: string;
  readonly kind: CsvKind;
  /** Column indices by meaning. */
  readonly columns: Readonly<Record<string, number>>;
  readonly header: readonly string[];
}

const names: Readonly<Record<string, readonly string[]>> = {
  file: [
    "filename",
    "file_name",
    "file",
    "image_path",
    "imagepath",
    "filepath",
    "file_path",
    "path",
    "image",
    "image_name",
    "imagename",
    "image_id",
    "imageid",
    "img",
    "img_name",
    "id",
    "name",
  ],
  xmin: ["xmin", "x_min", "x1", "left", "bbox_xmin"],
  ymin: ["ymin", "y_min", "y1", "top", "bbox_ymin"],
  xmax: ["xmax", "x_max", "x2", "right", "bbox_xmax"],
  ymax: ["ymax", "y_max", "y2", "bottom", "bbox_ymax"],
  class: [
    "class",
    "class_name",
    "classname",
    "label",
    "label_name",
    "category",
    "category_name",
    "labels",
    "target",
    "species",
    "breed",
    "tag",
  ],
  width: ["width", "image_width", "img_width"],
  height: ["height", "image_height", "img_height"],
  split: ["split", "set", "subset", "data_set", "dataset", "partition", "usage", "fold_name"],
};

/** Bytes that are enough to identify a file's columns. */
const headBytes = 1 << 16;
const deepest = 4;
const most = 64;

const known = new WeakMap<Survey, Promise<readonly CsvFile[]>>();

/** The tables in a data set, or the one that the user named. */
export function findCsvFiles(survey: Survey): Promise<readonly CsvFile[]> {
  let found = known.get(survey);
  if (found === undefined) {
    found = find(survey);
    known.set(survey, found);
  }
  return found;
}

async function find(survey: Survey): Promise<CsvFile[]> {
  const { chosen, root } = survey;
  const isTable = (file: string) => [".csv", ".tsv"].includes(extensionOf(file));
  const depth = (file: string) => file.slice(root.length).split("/").length;
  const files = (chosen === undefined ? survey.files : [chosen]).filter(
    // A table named after a picture describes only that picture.
    (file) => isTable(file) && depth(file) <= deepest && survey.pictureOf(stemOf(file)) === undefined,
  );
  const found: CsvFile[] = [];
  if (files.length > most) return found;
  for (const file of files) {
    const table = headOf(await survey.head(file, headBytes + 1));
    const kind = kindOf(table);
    if (kind !== undefined) found.push({ file, header: table.header, ...kind });
  }
  // If there are tables of several data sets, none is used.
  const here = new Set(
    onePlace(
      survey,
      found.map(({ file }) => file),
    ).files,
  );
  return found.filter(({ file }) => here.has(file));
}

function headOf(bytes: Uint8Array): Csv {
  const whole = bytes.length <= headBytes;
  const table = parseCsv(whole ? bytes : bytes.subarray(0, headBytes));
  return whole ? table : { ...table, rows: table.rows.slice(0, -1) };
}

function kindOf({ header, rows }: Csv): Pick<CsvFile, "kind" | "columns"> | undefined {
  const lower = header.map((name) => name.toLowerCase().trim());
  const columns: Record<string, number> = {};
  for (const [meaning, list] of Object.entries(names)) {
    const name = list.find((each) => lower.includes(each));
    if (name !== undefined) columns[meaning] = lower.indexOf(name);
  }
  for (const name of [
    "imageid",
    "labelname",
    "confidence",
    "isgroupof",
    "filename",
    "region_shape_attributes",
    "region_attributes",
  ]) {
    if (lower.includes(name)) columns[name] = lower.indexOf(name);
  }
  // A column of that name may hold something else, such as a picture's origin; then it does not name splits.
  const holdsSplits = (n: number) => rows.every(({ fields }) => splitOf(fields[n] ?? "") !== undefined);
  if (columns.split !== undefined && !holdsSplits(columns.split)) delete columns.split;
  const has = (...list: readonly string[]) => list.every((name) => columns[name] !== undefined);
  if (has("imageid", "labelname", "xmin", "xmax", "ymin", "ymax")) return { kind: "open-images", columns };
  if (has("filename", "region_shape_attributes", "region_attributes")) return { kind: "via", columns };
  if (has("file", "class", "xmin", "xmax", "ymin", "ymax")) return { kind: "corners", columns };
  if (isPlain(header) && rows.every(({ fields }) => isPlain(fields))) {
    return { kind: "plain", columns: { file: 0, xmin: 1, ymin: 2, xmax: 3, ymax: 4, class: 5 } };
  }
  if (!has("file") || rows.length === 0) return undefined;
  const others = lower.flatMap((_, n) => (n === columns.file || n === columns.split ? [] : [n]));
  const flags =
    others.length >= 2 && rows.every(({ fields }) => others.every((n) => /^[01](\.0*)?$/.test(fields[n] ?? "")));
  const oneEach = flags && rows.some(({ fields }) => others.filter((n) => Number(fields[n]) === 1).length === 1);
  if (oneEach) return { kind: "one-hot", columns };
  return has("class") ? { kind: "classes", columns } : undefined;
}

/** Whether a row is `path,x1,y1,x2,y2,class`; a picture without boxes has only the path. */
function isPlain(fields: readonly string[]): boolean {
  const numbers = fields.slice(1, 5);
  if (fields.length !== 6 || !isPictureFile(fields[0])) return false;
  const empty = fields.slice(1).every((field) => field === "");
  return empty || (numbers.every((field) => field !== "" && Number.isFinite(Number(field))) && fields[5] !== "");
}

/** Maximum length of a string in JavaScript engines. */
const largest = 2 ** 29 - 2 ** 10;

/** All rows of a table of labels, including the first if there is no header. */
export async function readCsvRows(survey: Survey, { file, kind, header }: CsvFile): Promise<readonly CsvRow[]> {
  const { rows } = parseCsv(await survey.bytes(file, largest));
  return kind === "plain" ? [{ line: 1, fields: header }, ...rows] : rows;
}

export interface CsvPart {
  readonly table: CsvFile;
  readonly split?: SplitName;
}

/**
 * Assigns tables to the splits that their own or their folders' names state. If some tables belong to splits, the
 * others, which repeat the same rows, are not used.
 */
export function splitCsvFiles(survey: Survey, tables: readonly CsvFile[]): { used: CsvPart[]; beside: CsvFile[] } {
  const parts = tables.map((table) => {
    const split =
      survey.chosen === undefined
        ? (splitIn(stemOf(baseName(table.file))) ?? splitOfPath(survey, table.file))
        : undefined;
    return { table, ...(split !== undefined && { split }) };
  });
  const ofSplits = splitNames.flatMap((split) => parts.filter((part) => part.split === split));
  if (ofSplits.length === 0) return { used: parts, beside: [] };
  return { used: ofSplits, beside: parts.filter(({ split }) => split === undefined).map(({ table }) => table) };
}

/** Names of tables, for `Recognition.from`. */
export function listTables(survey: Survey, tables: readonly CsvFile[]): string {
  const shown = tables.slice(0, 4).map(({ file }) => file.slice(survey.root === "" ? 0 : survey.root.length + 1));
  return shown.join(", ") + (tables.length > shown.length ? ` and ${tables.length - shown.length} more` : "");
}
