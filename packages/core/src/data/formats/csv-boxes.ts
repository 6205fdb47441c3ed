/** Groups rows of boxes from any table by picture into a data set. */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { folderOf } from "../files/tree.js";
import { type BoxLabel, type PictureSize, type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList, type Corners } from "./box-list.js";
import { orderClasses } from "./class-list.js";
import type { FoundDataset, OpenContext } from "./format.js";
import { explainAbsent, likelyFolders, NamedPictures } from "./named-pictures.js";
import type { StatedSize } from "./picture-sizes.js";
import { statedSizes } from "./stated-sizes.js";

export interface BoxRow {
  /** The picture's name in the table. */
  readonly picture: string;
  /** Absent if the row only lists a picture without boxes. */
  readonly box?: Corners;
  readonly class?: string;
  readonly ignore?: BoxLabel["ignore"];
  /** Size of the picture in pixels, if the row states it. */
  readonly size?: PictureSize;
  /** Overrides the table's split. */
  readonly split?: SplitName;
  readonly line: number;
}

export interface BoxTable {
  /** Path of the table. */
  readonly file: string;
  readonly split?: SplitName;
  readonly rows: readonly BoxRow[];
  /** Whether boxes are fractions of the picture. */
  readonly fractions: boolean;
}

export interface GatherOptions {
  /**
   * How to treat listed pictures that do not exist: as a "problem", or as "not read" for tables that cover more
   * pictures than anyone downloads. Default "problem".
   */
  readonly absent?: "problem" | "not read";
  /** Display names of the rows' classes. Default: unchanged. */
  readonly nameOf?: (name: string) => string;
}

interface Labelled {
  readonly path: string;
  readonly split: SplitName | undefined;
  readonly rows: { readonly row: BoxRow; readonly table: BoxTable }[];
}

/** Pictures in the order of their first occurrence in the tables. */
export async function gatherBoxes(
  survey: Survey,
  context: OpenContext,
  tables: readonly BoxTable[],
  options: GatherOptions = {},
): Promise<FoundDataset> {
  const { log } = context;
  const { nameOf = (name: string) => name } = options;
  const pictures = findPictures(survey, context, tables, options);
  // If tables may cover more pictures than exist, only rows of existing pictures count.
  const rows = options.absent === "not read" ? pictures.flatMap((each) => each.rows.map(({ row }) => row)) : undefined;
  const found = new Set<string>();
  for (const { class: name } of rows ?? tables.flatMap((table) => table.rows)) {
    if (name !== undefined) found.add(nameOf(name));
  }
  const classes = await orderClasses(
    survey,
    log,
    found,
    tables.map(({ file }) => folderOf(file)),
  );
  const indexes = new Map(classes.map((name, n) => [name, n]));
  const sizes = await sizesOf(survey, context, pictures);
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const each of pictures) {
    const size = sizes.get(each.path);
    if (size === undefined) continue; // already logged
    const list = new BoxList({ log, size });
    for (const { row, table } of each.rows) {
      if (row.box === undefined || row.class === undefined) continue;
      const shown = survey.show(table.file);
      const label = { class: indexes.get(nameOf(row.class)) as number, ignore: row.ignore };
      if (table.fractions) list.addFractions(row.box, label, `${shown}:${row.line}`, shown);
      else list.add(row.box, label, `${shown}:${row.line}`, shown);
    }
    splits[each.split ?? "train"].push({ file: survey.tree.locate(each.path), labels: list.labels });
  }
  const own = pictures.some(({ split }) => split !== undefined);
  const named = splitNames.filter((split) => own && splits[split].length > 0);
  return { task: "detect", classes, splits, named };
}

/** Boxes in fractions need no picture size. */
function sizesOf(
  survey: Survey,
  context: OpenContext,
  pictures: readonly Labelled[],
): Promise<Map<string, PictureSize>> {
  const list: StatedSize[] = [];
  const unneeded: string[] = [];
  for (const { path, rows } of pictures) {
    const row = rows.find((each) => each.row.size !== undefined) ?? rows[0];
    const file = survey.show(row.table.file);
    const needed = rows.some(({ row: each, table }) => each.box !== undefined && !table.fractions);
    if (!needed) unneeded.push(path);
    else
      list.push({
        picture: path,
        where: `${file}:${row.row.line}`,
        file,
        ...(row.row.size && { stated: row.row.size }),
      });
  }
  return statedSizes(survey, context, list).then((sizes) => {
    for (const path of unneeded) if (!sizes.has(path)) sizes.set(path, { width: 1, height: 1 });
    return sizes;
  });
}

/** Existing pictures with their rows. */
function findPictures(
  survey: Survey,
  { log }: OpenContext,
  tables: readonly BoxTable[],
  { absent = "problem" }: GatherOptions,
): Labelled[] {
  const finder = new NamedPictures(survey);
  const pictures: Labelled[] = [];
  const byPath = new Map<string, Labelled>();
  for (const table of tables) {
    const shown = survey.show(table.file);
    const byName = new Map<string, Labelled | undefined>();
    const problems: (() => void)[] = [];
    for (const row of table.rows) {
      const split = row.split ?? table.split;
      const key = `${split ?? ""} ${row.picture}`;
      if (!byName.has(key)) {
        const where = finder.find(row.picture, { folders: foldersOf(survey, table.file, split), split });
        if ("problem" in where) {
          byName.set(key, undefined);
          const message = `${shown}:${row.line}: ${row.picture} ${explainAbsent(where.problem)}`;
          problems.push(() => {
            if (absent === "not read") log.notRead("pictures that the tables name and that are not there", row.picture);
            else log.problem("picture", "data.picture", message, shown);
          });
          continue;
        }
        const place = `${split ?? ""} ${where.path}`;
        let labelled = byPath.get(place);
        if (labelled === undefined) {
          labelled = { path: where.path, split, rows: [] };
          byPath.set(place, labelled);
          pictures.push(labelled);
        }
        byName.set(key, labelled);
      }
      byName.get(key)?.rows.push({ row, table });
    }
    if (problems.length > 0 && problems.length === byName.size) nothingThere(survey, table, tables.length, log);
    else for (const report of problems) report();
  }
  return pictures;
}

const folders = new WeakMap<Survey, Map<string, string[]>>();

function foldersOf(survey: Survey, file: string, split: SplitName | undefined): string[] {
  let known = folders.get(survey);
  if (known === undefined) {
    known = new Map();
    folders.set(survey, known);
  }
  const key = `${split ?? ""} ${file}`;
  let found = known.get(key);
  if (found === undefined) {
    found = likelyFolders(survey, file, split);
    known.set(key, found);
  }
  return found;
}

/** A single error for a table none of whose pictures exists, instead of one per picture. */
export function nothingThere(
  survey: Survey,
  { file, rows }: { readonly file: string; readonly rows: readonly { readonly picture: string }[] },
  tables: number,
  log: OpenContext["log"],
): void {
  const shown = survey.show(file);
  const message = `${shown}: none of its pictures (${rows[0].picture}, ...) is in ${survey.show(survey.root)}; put the pictures there`;
  if (tables === 1) throw new PhinetsError("data.csv", message, shown);
  log.problem("file", "data.csv", message, shown);
}
