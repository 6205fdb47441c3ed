/**
 * Open Images' tables of boxes (storage.googleapis.com/openimages/web/download_v7.html):
 * `ImageID, Source, LabelName, Confidence, XMin, XMax, YMin, YMax, IsOccluded, IsTruncated, IsGroupOf, ...`, in
 * fractions of the picture, one table per split; class names are in class-descriptions*.csv. The tables cover all of
 * Open Images; a data set usually has only a part of the pictures.
 */
import { parseCsv } from "../files/csv.js";
import { mostTextBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { baseName } from "../files/tree.js";
import type { SplitName } from "../types.js";
import type { Corners } from "./box-list.js";
import { type BoxRow, type BoxTable, gatherBoxes } from "./csv-boxes.js";
import { type CsvFile, findCsvFiles, listTables, readCsvRows, splitCsvFiles } from "./csv-files.js";
import type { Format, OpenContext } from "./format.js";

export const openImages: Format = {
  id: "open-images",
  title: "Open Images",
  looksFor: "a .csv with ImageID, LabelName, XMin, XMax, YMin, YMax, one a split",
  async recognise(survey) {
    const tables = (await findCsvFiles(survey)).filter(({ kind }) => kind === "open-images");
    if (tables.length === 0) return undefined;
    return { score: 0.92, from: listTables(survey, tables), by: tables.map(({ file }) => file) };
  },
  async open(survey, context) {
    const { log } = context;
    const found = (await findCsvFiles(survey)).filter(({ kind }) => kind === "open-images");
    const { used, beside } = splitCsvFiles(survey, found);
    for (const { file } of beside) log.notRead("tables of no split beside those of the splits", survey.show(file));
    for (const { file } of found) log.read(file);
    const names = await classNames(survey, context);
    const tables: BoxTable[] = [];
    for (const { table, split } of used) tables.push(await readTable(survey, context, table, split));
    return gatherBoxes(survey, context, tables, { absent: "not read", nameOf: (id) => names.get(id) ?? id });
  },
};

async function readTable(survey: Survey, { log }: OpenContext, table: CsvFile, split?: SplitName): Promise<BoxTable> {
  const shown = survey.show(table.file);
  const { columns } = table;
  const rows: BoxRow[] = [];
  for (const { fields, line } of await readCsvRows(survey, table)) {
    const problem = (message: string) => {
      log.rows++;
      log.problem("row", "data.csv", `${shown}:${line}: ${message}; correct or remove the row`, shown);
    };
    if (columns.confidence !== undefined && Number(fields[columns.confidence]) === 0) {
      log.changed("rows of confidence 0, which say what is not in the picture, are left out", `${shown}:${line}`);
      continue;
    }
    const picture = fields[columns.imageid] ?? "";
    const name = fields[columns.labelname] ?? "";
    const sides = { left: "xmin", top: "ymin", right: "xmax", bottom: "ymax" } as const;
    const values = Object.entries(sides).map(([side, column]) => [side, fields[columns[column]] ?? ""] as const);
    const bad = values.find(([, text]) => text === "" || !Number.isFinite(Number(text)));
    if (picture === "" || name === "") problem(`${picture === "" ? "ImageID" : "LabelName"} is empty`);
    else if (bad !== undefined) problem(`${bad[0]} is "${bad[1]}"; it is a fraction 0..1 of the picture`);
    else {
      const box = Object.fromEntries(values.map(([side, text]) => [side, Number(text)])) as unknown as Corners;
      const group = columns.isgroupof !== undefined && Number(fields[columns.isgroupof]) === 1;
      rows.push({ picture, class: name, box, line, ...(group && { ignore: "crowd" as const }) });
    }
  }
  return { file: table.file, split, rows, fractions: true };
}

/**
 * Names by id (`/m/01g317`), from class-descriptions.csv, class-descriptions-boxable.csv or FiftyOne's classes.csv in
 * any folder.
 */
async function classNames(survey: Survey, { log }: OpenContext): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const file of survey.files) {
    if (!/^(.*class-descriptions.*|classes)\.csv$/i.test(baseName(file))) continue;
    const { header, rows } = parseCsv(await survey.bytes(file, mostTextBytes));
    for (const [id, name] of [header, ...rows.map(({ fields }) => fields)]) {
      if (id?.startsWith("/") && name !== undefined && name !== "" && !names.has(id)) names.set(id, name);
    }
    log.read(file);
  }
  return names;
}
