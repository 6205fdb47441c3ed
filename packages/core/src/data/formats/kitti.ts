/**
 * KITTI's object detection (cvlibs.net/datasets/kitti/eval_object.php, readme.txt of the development kit):
 * training/image_2 and training/label_2, one text per picture, one row per object:
 * `type truncated occluded alpha left top right bottom height width length x y z rotation`, corners in pixels from 0.
 * DontCare rows are unlabelled regions. The testing pictures have no labels. NVIDIA's layout in images/ and labels/ is
 * read too.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { decodeText, linesOf } from "../files/text.js";
import { baseName, extensionOf, folderOf, stemOf } from "../files/tree.js";
import { append } from "../files/values.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList, type Corners } from "./box-list.js";
import { orderClasses } from "./class-list.js";
import { splitOfPath } from "./find-picture.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";
import { labelText } from "./label-text.js";
import { readSizes } from "./picture-sizes.js";

const labelFolder = /^(label(_?2|_?3)?|labels)$/i;
const pictureFolder = /^(image(_?2|_?3)?|images)$/i;
/** Whether a row is a region where nothing was labelled. */
const isUnlabelled = (type: string): boolean => type.toLowerCase() === "dontcare";

interface Place {
  readonly labels: string;
  readonly pictures: string;
  readonly split?: SplitName;
}

/** Label folders with their picture folders: in one folder, or in equally named folders of two archives. */
async function placesOf(survey: Survey): Promise<Place[]> {
  const holders = new Map<string, number>();
  for (const file of survey.files) {
    if (extensionOf(file) !== ".txt") continue;
    const folder = folderOf(file);
    if (labelFolder.test(baseName(folder))) holders.set(folder, (holders.get(folder) ?? 0) + 1);
  }
  const found: Place[] = [];
  for (const labels of holders.keys()) {
    if (!(await isKitti(survey, labels))) continue;
    const pictures = picturesOf(survey, labels);
    // KITTI's own training folder contains everything that is labelled, so it is not one of the data set's splits.
    const split = /(^|\/)training$/i.test(folderOf(labels)) ? undefined : splitOfPath(survey, `${labels}/`);
    if (pictures !== undefined) found.push({ labels, pictures, ...(split !== undefined && { split }) });
  }
  return found;
}

function picturesOf(survey: Survey, labels: string): string | undefined {
  const around = folderOf(labels);
  const path = (folder: string, name: string) => (folder === "" ? name : `${folder}/${name}`);
  const fits = (folder: string) =>
    survey
      .foldersIn(folder)
      .find((name) => pictureFolder.test(name) && survey.picturesBelow(path(folder, name)).length > 0);
  const beside = fits(around);
  if (beside !== undefined) return path(around, beside);
  // Such as data_object_label_2/training/label_2 and data_object_image_2/training/image_2.
  for (const folder of [...survey.folders].sort()) {
    if (folder === around || baseName(folder) !== baseName(around)) continue;
    const name = fits(folder);
    if (name !== undefined) return path(folder, name);
  }
  return undefined;
}

/** Whether the first rows are KITTI's: 15 columns, or 16 with a score, the first being a name. */
async function isKitti(survey: Survey, labels: string): Promise<boolean> {
  for (const file of survey
    .filesIn(labels)
    .filter((each) => extensionOf(each) === ".txt")
    .slice(0, looked)) {
    const [row] = linesOf(decodeText(await survey.head(file, headBytes))).filter((line) => line.trim() !== "");
    if (row === undefined) continue;
    const columns = row.trim().split(/\s+/);
    return (columns.length === 15 || columns.length === 16) && !Number.isFinite(Number(columns[0]));
  }
  return false;
}

const looked = 50;
const headBytes = 65536;
const mostRegionLabels = 20_000_000;

export const kitti: Format = {
  id: "kitti",
  title: "KITTI",
  looksFor: "training/image_2 and training/label_2, rows of 15 columns",
  async recognise(survey) {
    const places = await placesOf(survey);
    if (places.length === 0) return undefined;
    const shown = (folder: string) => folder.slice(survey.root === "" ? 0 : survey.root.length + 1);
    return {
      score: 0.94,
      from: places.map(({ labels, pictures }) => `${shown(pictures)}, ${shown(labels)}`).join(", "),
    };
  },
  async open(survey, context) {
    const { log } = context;
    const places = await placesOf(survey);
    const labelled: Labelled[] = [];
    for (const place of places) append(labelled, await readPlace(survey, context, place));
    for (const picture of survey.pictures) {
      if (!/(^|\/)testing\//i.test(picture)) continue;
      log.notRead("testing pictures, which have no labels", survey.show(picture));
      log.read(picture);
    }
    const types = new Set(labelled.flatMap(({ rows }) => rows.map(({ type }) => type)));
    const found = new Set([...types].filter((type) => !isUnlabelled(type)));
    if (found.size < types.size) log.note("DontCare regions count neither for nor against any class");
    const classes = await orderClasses(
      survey,
      log,
      found,
      places.map(({ labels }) => labels),
    );
    const indexes = new Map(classes.map((name, n) => [name, n]));
    // A region becomes one label per class.
    const regions = labelled.reduce((sum, { rows }) => sum + rows.filter(({ type }) => isUnlabelled(type)).length, 0);
    if (regions * classes.length > mostRegionLabels) {
      const shown = survey.show(survey.root);
      const problem = `has ${regions} DontCare regions and ${classes.length} classes; at most ${mostRegionLabels} of both together are read`;
      throw new PhinetsError("data.size", `${shown}: ${problem}; remove regions`, shown);
    }
    const sizes = await readSizes(
      survey,
      context,
      labelled.map(({ picture }) => picture),
    );
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    for (const [n, { picture, shown, split, rows }] of labelled.entries()) {
      const size = sizes[n];
      if (size === undefined) continue; // already logged
      const list = new BoxList({ log, size });
      for (const { type, corners, line } of rows) {
        const own = indexes.get(type);
        // An unlabelled region becomes one label for every class.
        const labels =
          own === undefined ? classes.map((_, c) => ({ class: c, ignore: "crowd" as const })) : [{ class: own }];
        for (const label of labels) list.add(corners, label, `${shown}:${line}`, shown);
      }
      splits[split ?? "train"].push({ file: survey.tree.locate(picture), labels: list.labels });
    }
    const own = places.some(({ split }) => split !== undefined);
    const named = splitNames.filter((split) => own && splits[split].length > 0);
    return { task: "detect", classes, splits, named } satisfies FoundDataset;
  },
};

interface Row {
  readonly type: string;
  readonly corners: Corners;
  readonly line: number;
}

interface Labelled {
  readonly picture: string;
  /** The label file's name for messages. */
  readonly shown: string;
  readonly split?: SplitName;
  readonly rows: readonly Row[];
}

async function readPlace(
  survey: Survey,
  { log }: OpenContext,
  { labels, pictures, split }: Place,
): Promise<Labelled[]> {
  const found: Labelled[] = [];
  const used = new Set<string>();
  for (const file of survey.filesIn(labels)) {
    if (extensionOf(file) !== ".txt") continue;
    const shown = survey.show(file);
    const picture = survey.pictureOf(`${pictures}/${baseName(stemOf(file))}`);
    log.read(file);
    if (picture === undefined) {
      log.notRead("label files without a picture", shown);
      continue;
    }
    used.add(picture);
    const whole = await labelText(survey, file, log);
    if (whole === undefined) continue;
    const rows: Row[] = [];
    for (const [n, text] of linesOf(whole).entries()) {
      if (text.trim() === "") continue;
      const row = parseRow(text, n + 1);
      if (typeof row !== "string") rows.push(row);
      else {
        log.rows++;
        log.problem("row", "data.kitti", `${shown}:${n + 1}: ${row}; correct or remove the line`, shown);
      }
    }
    found.push({ picture, shown, rows, ...(split !== undefined && { split }) });
  }
  for (const picture of survey.picturesBelow(pictures)) {
    if (used.has(picture)) continue;
    const shown = survey.show(picture);
    const problem = `has no ${survey.show(labels)}/${baseName(stemOf(picture))}.txt; an empty file says that it shows nothing`;
    log.problem("picture", "data.labels", `${shown}: ${problem}`, shown);
  }
  return found;
}

function parseRow(text: string, line: number): Row | string {
  const columns = text.trim().split(/\s+/);
  if (columns.length !== 15 && columns.length !== 16) {
    return `has ${columns.length} columns; a row is: type truncated occluded alpha left top right bottom and 7 more`;
  }
  const [type] = columns;
  const [left, top, right, bottom] = columns.slice(4, 8).map(Number);
  const bad = columns.slice(4, 8).find((each) => !Number.isFinite(Number(each)));
  return bad === undefined
    ? { type, corners: { left, top, right, bottom }, line }
    : `has "${bad}" for a corner of the box`;
}
