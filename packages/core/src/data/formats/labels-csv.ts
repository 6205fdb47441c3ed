/**
 * Pictures with a table of their classes: `filename,label`, as on Kaggle and elsewhere (`image,class`, `id,label`),
 * with splits given by folders, by tables or by a column `split`; or one column of 0 and 1 per class, as in Roboflow's
 * _classes.csv.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { baseName, byCodeUnits } from "../files/tree.js";
import { append } from "../files/values.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { nothingThere } from "./csv-boxes.js";
import { type CsvFile, type CsvPart, findCsvFiles, listTables, readCsvRows, splitCsvFiles } from "./csv-files.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";
import { explainAbsent, likelyFolders, NamedPictures } from "./named-pictures.js";
import { splitOf } from "./splits.js";

/** Tables of classes name existing pictures; unrelated tables do not. */
async function labelTables(survey: Survey): Promise<CsvFile[]> {
  const all = (await findCsvFiles(survey)).filter(
    ({ kind, file }) => (kind === "classes" || kind === "one-hot") && !/submission/i.test(baseName(file)),
  );
  const found: CsvFile[] = [];
  const finder = new NamedPictures(survey);
  for (const table of all) {
    const rows = await readCsvRows(survey, table);
    const folders = likelyFolders(survey, table.file);
    const names = rows.slice(0, looked).map(({ fields }) => fields[table.columns.file] ?? "");
    const there = names.filter((name) => name !== "" && !("problem" in finder.find(name, { folders })));
    if (there.length * 2 > names.length) found.push(table);
  }
  return found;
}

const looked = 50;

export const labelsCsv: Format = {
  id: "csv-classes",
  title: "pictures and a CSV of classes",
  looksFor: "a .csv with filename and label, or filename and a column of 0 and 1 for each class",
  async recognise(survey) {
    const tables = await labelTables(survey);
    if (tables.length === 0) return undefined;
    const from = tables.map((table) => describeColumns(survey, table)).join(", ");
    return { score: 0.8, from, by: tables.map(({ file }) => file) };
  },
  async open(survey, context) {
    const { log } = context;
    const found = await labelTables(survey);
    const { used, beside } = splitCsvFiles(survey, found);
    for (const { file } of found) log.read(file);
    for (const { file } of beside) log.notRead("tables of no split beside those of the splits", survey.show(file));
    const labelled: Labelled[] = [];
    for (const part of used) append(labelled, await readTable(survey, context, part, used.length));
    const names = new Set(labelled.map(({ label }) => label));
    const numeric = [...names].every((name) => /^\d+$/.test(name));
    const classes = [...names].sort((a, b) => (numeric ? Number(a) - Number(b) : byCodeUnits(a, b)));
    if (classes.length < 2) {
      const [shown] = used.map(({ table }) => survey.show(table.file));
      throw new PhinetsError(
        "data.classes",
        `${shown}: has ${classes.length === 0 ? "no class" : `one class (${classes[0]})`}; a classifier tells at least 2 apart`,
        shown,
      );
    }
    const indexes = new Map(classes.map((name, n) => [name, n]));
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    for (const { path, label, split } of labelled) {
      splits[split ?? "train"].push({ file: survey.tree.locate(path), class: indexes.get(label) });
    }
    const own = labelled.some(({ split }) => split !== undefined);
    const named = splitNames.filter((split) => own && splits[split].length > 0);
    return { task: "classify", classes, splits, named } satisfies FoundDataset;
  },
};

const describeColumns = (survey: Survey, table: CsvFile): string =>
  `${listTables(survey, [table])} with ${table.header.slice(0, 4).join(",")}${table.header.length > 4 ? ",..." : ""}`;

interface Labelled {
  readonly path: string;
  readonly label: string;
  readonly split?: SplitName;
}

async function readTable(
  survey: Survey,
  { log }: OpenContext,
  { table, split: own }: CsvPart,
  tables: number,
): Promise<Labelled[]> {
  const shown = survey.show(table.file);
  const finder = new NamedPictures(survey);
  const folders = new Map(
    [undefined, ...splitNames].map((split) => [split, likelyFolders(survey, table.file, split)] as const),
  );
  const { columns } = table;
  const found = new Map<string, Labelled & { readonly line: number }>();
  const problems: string[] = [];
  const rows = await readCsvRows(survey, table);
  for (const { fields, line } of rows) {
    log.rows++;
    const where = `${shown}:${line}`;
    const name = fields[columns.file] ?? "";
    const word = columns.split === undefined ? "" : (fields[columns.split] ?? "");
    const split = splitOf(word) ?? own;
    const label = table.kind === "one-hot" ? hotOf(fields, table) : { label: fields[columns.class] ?? "" };
    if (name === "")
      log.problem("row", "data.csv", `${where}: has no picture's name; correct or remove the row`, shown);
    else if ("problem" in label) log.problem("row", "data.csv", `${where}: ${label.problem}`, shown);
    else if (label.label === "")
      log.problem("row", "data.csv", `${where}: ${name} has no class; give it one or remove the row`, shown);
    else if (word !== "" && splitOf(word) === undefined) {
      log.problem("row", "data.csv", `${where}: the split of ${name} is "${word}"; it is train, val or test`, shown);
    } else {
      const picture = finder.find(name, { folders: folders.get(split) ?? [], split });
      if ("problem" in picture) {
        problems.push(`${where}: ${name} ${explainAbsent(picture.problem)}`);
        continue;
      }
      const before = found.get(picture.path);
      if (before === undefined) {
        found.set(picture.path, { path: picture.path, line, ...label, ...(split !== undefined && { split }) });
      } else if (before.label === label.label) log.changed("rows equal to one before are left out", where);
      else {
        const problem = `${name} is ${label.label}, and ${before.label} on line ${before.line}; a picture has one class`;
        log.problem("row", "data.csv", `${where}: ${problem}; remove one`, shown);
      }
    }
  }
  if (found.size === 0 && problems.length > 0) {
    nothingThere(
      survey,
      { file: table.file, rows: rows.map(({ fields }) => ({ picture: fields[columns.file] })) },
      tables,
      log,
    );
  } else for (const problem of problems) log.problem("picture", "data.picture", problem, shown);
  return [...found.values()];
}

/** The column whose value is 1. */
function hotOf(fields: readonly string[], { header, columns }: CsvFile): { label: string } | { problem: string } {
  const on = header.flatMap((name, n) =>
    n !== columns.file && n !== columns.split && Number(fields[n]) === 1 ? [name] : [],
  );
  if (on.length === 1) return { label: on[0] };
  const name = fields[columns.file];
  const what = on.length === 0 ? "has no class" : `has ${on.length} classes (${on.join(", ")})`;
  return { problem: `${name} ${what}; a classifier's picture has one; correct or remove the row` };
}
