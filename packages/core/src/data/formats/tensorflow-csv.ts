/**
 * Tables of boxes, one row per box: `filename,width,height,class,xmin,ymin,xmax,ymax` as in TensorFlow's object
 * detection tutorials and Roboflow (_annotations.csv), corners in pixels; without a header `path,x1,y1,x2,y2,class` as
 * in keras-retinanet; and regions of the VGG Image Annotator (robots.ox.ac.uk/~vgg/software/via).
 */
import type { CsvRow } from "../files/csv.js";
import type { Survey } from "../files/survey.js";
import type { SplitName } from "../types.js";
import type { Corners } from "./box-list.js";
import { type BoxRow, type BoxTable, gatherBoxes } from "./csv-boxes.js";
import { type CsvFile, type CsvKind, findCsvFiles, listTables, readCsvRows, splitCsvFiles } from "./csv-files.js";
import type { Format, OpenContext } from "./format.js";
import { splitOf } from "./splits.js";
import { viaRow } from "./via-csv.js";

const kinds: readonly CsvKind[] = ["corners", "plain", "via"];

export const tensorflowCsv: Format = {
  id: "csv-boxes",
  title: "CSV of boxes (TensorFlow)",
  looksFor: "a .csv with filename, class, xmin, ymin, xmax, ymax, or path,x1,y1,x2,y2,class without a header",
  async recognise(survey) {
    const tables = (await findCsvFiles(survey)).filter(({ kind }) => kinds.includes(kind));
    if (tables.length === 0) return undefined;
    return { score: 0.88, from: listTables(survey, tables), by: tables.map(({ file }) => file) };
  },
  async open(survey, context) {
    const { log } = context;
    const found = (await findCsvFiles(survey)).filter(({ kind }) => kinds.includes(kind));
    const { used, beside } = splitCsvFiles(survey, found);
    for (const { file } of beside) log.notRead("tables of no split beside those of the splits", survey.show(file));
    for (const { file } of [...found]) log.read(file);
    const tables: BoxTable[] = [];
    for (const { table, split } of used) tables.push(await readTable(survey, context, table, split));
    return gatherBoxes(survey, context, tables);
  },
};

async function readTable(survey: Survey, context: OpenContext, table: CsvFile, split?: SplitName): Promise<BoxTable> {
  const { log } = context;
  const shown = survey.show(table.file);
  const rows: BoxRow[] = [];
  for (const row of await readCsvRows(survey, table)) {
    const read = table.kind === "via" ? viaRow(row, table) : cornersRow(row, table);
    if (typeof read !== "string") rows.push(read);
    else {
      log.rows++;
      log.problem("row", "data.csv", `${shown}:${row.line}: ${read}; correct or remove the row`, shown);
    }
  }
  const boxes = rows.flatMap(({ box }) => (box === undefined ? [] : [box]));
  const most = boxes.reduce((far, box) => Math.max(far, box.left, box.top, box.right, box.bottom), 0);
  // Values up to 1 are fractions: the boxes of real pictures never all lie within the first pixel.
  const fractions = table.kind !== "via" && boxes.length > 0 && most <= 1;
  if (fractions) log.note(`${shown}: corners are taken as fractions of the picture, as none exceeds 1`);
  return { file: table.file, split, rows, fractions };
}

/** A row's box, or what is wrong with it. */
function cornersRow({ fields, line }: CsvRow, { columns }: CsvFile): BoxRow | string {
  const field = (name: string) => (columns[name] === undefined ? "" : (fields[columns[name]] ?? ""));
  const picture = field("file");
  if (picture === "") return "has no picture's name";
  const sides = { left: "xmin", top: "ymin", right: "xmax", bottom: "ymax" } as const;
  const values = Object.entries(sides).map(([side, name]) => [side, field(name)] as const);
  const size = { width: Number(field("width")), height: Number(field("height")) };
  const split = splitOf(field("split"));
  const row = {
    picture,
    line,
    ...(Object.values(size).every((side) => side > 0 && Number.isFinite(side)) && { size }),
    ...(split !== undefined && { split }),
  };
  const name = field("class");
  if (name === "" && values.every(([, text]) => text === "")) return row;
  if (name === "") return "has no class";
  const bad = values.find(([, text]) => text === "" || !Number.isFinite(Number(text)));
  if (bad !== undefined) return `${bad[0]} is "${bad[1]}"; it is a number`;
  const box = Object.fromEntries(values.map(([side, text]) => [side, Number(text)])) as unknown as Corners;
  return { ...row, class: name, box };
}
