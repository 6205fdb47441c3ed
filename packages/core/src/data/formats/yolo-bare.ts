/**
 * YOLO data sets without a description: pictures in `images` with their texts in `labels`, or each text beside its
 * picture; class names in classes.txt, obj.names, _darknet.labels or Label Studio's notes.json. Splits are given by
 * folder names, or by lists train.txt, val.txt, test.txt.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { decodeText } from "../files/text.js";
import { baseName, extensionOf, folderOf, stemOf } from "../files/tree.js";
import { addTo, append, someOf } from "../files/values.js";
import { type SplitName, splitNames } from "../types.js";
import type { OpenContext } from "./format.js";
import { splitOf } from "./splits.js";
import { findNamesFiles, foldersAround, isNamesFile, parseNames, parseNotes } from "./yolo-names.js";
import { listsPictures, splitOfFolders } from "./yolo-paths.js";
import { findPictures, type YoloPart } from "./yolo-pictures.js";
import { columnsOf, labelFileOf } from "./yolo-rows.js";
import type { YoloFinding } from "./yolo-set.js";

const headBytes = 65536;
/** Number of label files examined before a folder of texts is recognised as YOLO. */
const mostLookedInto = 20;

/** Pictures with a label file in YOLO's place. */
interface Bare {
  /** Pictures by folder. */
  readonly pictures: ReadonlyMap<string, readonly string[]>;
  readonly labels: readonly string[];
}

function findLabelled(survey: Survey): Bare | undefined {
  if (!survey.files.some((file) => extensionOf(file) === ".txt")) return undefined;
  const all = new Map<string, string[]>();
  const labelled = new Set<string>();
  const labels: string[] = [];
  for (const picture of survey.pictures) {
    const folder = folderOf(picture);
    addTo(all, folder, picture);
    const label = survey.resolve(labelFileOf(picture)) ?? survey.resolve(`${stemOf(picture)}.txt`);
    if (label === undefined) continue;
    labels.push(label);
    labelled.add(folder);
  }
  if (labels.length === 0) return undefined;
  const splits = new Set([...labelled].map((folder) => splitOfFolder(survey, folder)));
  // A split without any labels is reported; other unlabelled pictures are ignored.
  const counts = (folder: string) => {
    const split = splitOfFolder(survey, folder);
    return labelled.has(folder) || (split !== undefined && !splits.has(split));
  };
  return { pictures: new Map([...all].filter(([folder]) => counts(folder))), labels };
}

const splitOfFolder = (survey: Survey, folder: string): SplitName | undefined =>
  splitOfFolders(`${survey.root === "" ? folder : folder.slice(survey.root.length + 1)}/`);

/** Finds a YOLO data set without a description. */
export async function findBare(survey: Survey): Promise<YoloFinding | undefined> {
  const bare = findLabelled(survey);
  if (bare === undefined) return undefined;
  const labels = new Set(bare.labels);
  const folders = new Set([...bare.pictures.keys(), ...bare.labels.map(folderOf)]);
  const named = findNamesFiles(survey, folders).filter((file) => !labels.has(file));
  const notes = survey.find("notes.json").filter(() => named.length === 0);
  if (!(await holdRows(survey, bare.labels, named.length > 0))) return undefined;
  const places = [...bare.pictures.keys()].map((folder) => folder.slice(survey.root.length).replace(/^\//, ""));
  const shown = places.map((place) => (place === "" ? "pictures" : place));
  const names = [...named, ...notes].map((file) => file.slice(survey.root.length).replace(/^\//, ""));
  const more = shown.length > 6 ? [...shown.slice(0, 5), `${shown.length - 5} more folders`] : shown;
  return {
    score: names.length > 0 ? 0.9 : 0.65,
    from: `${more.join(", ")} with .txt labels, ${names[0] ?? "no file of class names"}`,
    by: [...named, ...notes],
    async load(context) {
      const classes = await readClasses(survey, named, notes, context);
      const { parts, named: splits } = await bareParts(survey, bare, context);
      const [first] = named;
      const namesFile = first === undefined ? undefined : survey.tree.locate(first);
      return { shown: survey.show(survey.root), classes, missingLabels: "error", parts, named: splits, namesFile };
    },
  };
}

/** Whether texts beside pictures contain YOLO's rows. Without class names, their coordinates must be fractions. */
async function holdRows(survey: Survey, labels: readonly string[], named: boolean): Promise<boolean> {
  const step = Math.max(1, Math.floor(labels.length / mostLookedInto));
  let [good, bad] = [0, 0];
  for (let n = 0; n < labels.length && n < step * mostLookedInto; n += step) {
    for (const line of decodeText(await survey.head(labels[n], headBytes)).split("\n", 50)) {
      const columns = columnsOf(line);
      if (columns.length === 0) continue;
      const values = columns.map(Number);
      const isRow = columns.length >= 5 && Number.isInteger(values[0]) && values.every(Number.isFinite);
      if (isRow && (named || values.slice(1, 5).every((value) => value > -0.1 && value < 1.1))) good++;
      else bad++;
    }
  }
  return good > bad || (good + bad === 0 && named);
}

async function readClasses(
  survey: Survey,
  named: readonly string[],
  notes: readonly string[],
  { log }: OpenContext,
): Promise<string[] | undefined> {
  let first: { file: string; names: string[] } | undefined;
  for (const file of named) {
    const names = parseNames(await survey.text(file), survey.show(file));
    log.read(file);
    if (first === undefined) first = { file, names };
    else if (names.join("\n") !== first.names.join("\n")) {
      const shown = survey.show(file);
      throw new PhinetsError(
        "data.classes",
        `${shown}: names other classes (${someOf(names)}) than ${survey.show(first.file)} (${someOf(first.names)}); make them agree or remove one`,
        shown,
      );
    }
  }
  if (first !== undefined) return first.names;
  for (const file of notes) {
    log.read(file);
    return parseNotes(await survey.text(file));
  }
  return undefined;
}

/** Pictures by split: from lists at the root, else from folders. */
export async function bareParts(
  survey: Survey,
  bare: Bare,
  context: OpenContext,
): Promise<{ readonly parts: readonly YoloPart[]; readonly named: readonly SplitName[] }> {
  const shown = survey.show(survey.root);
  const lists = await splitLists(survey, bare);
  if (lists.train !== undefined) {
    const rules = { base: survey.root, elsewhere: true };
    const parts = await findPictures({ ...lists, train: lists.train }, survey, context, { shown, rules });
    return { parts, named: splitNames.filter((split) => lists[split] !== undefined) };
  }
  const bySplit = new Map<SplitName | undefined, string[]>();
  for (const [folder, pictures] of bare.pictures) {
    const split = splitOfFolder(survey, folder);
    const list = bySplit.get(split);
    if (list === undefined) bySplit.set(split, [...pictures]);
    else append(list, pictures);
  }
  const rest = bySplit.get(undefined);
  if (rest !== undefined && bySplit.has("train")) {
    context.log.note(`${shown}: ${rest.length} labelled pictures are in no folder of a split and are not read`);
  } else if (rest !== undefined) bySplit.set("train", rest);
  const parts = splitNames.flatMap((split) => {
    const pictures = bySplit.get(split)?.map((path) => ({ survey, path }));
    return pictures === undefined ? [] : [{ split, pictures, folders: [] }];
  });
  const named = splitNames.filter((split) => bySplit.has(split) && !(split === "train" && rest === bySplit.get(split)));
  return { parts, named };
}

/** Whether some pictures have label files in YOLO's place. */
export function hasLabelled(survey: Survey): boolean {
  return findLabelled(survey) !== undefined;
}

/** Parts of a data set whose description contains only class names. */
export async function undescribedParts(survey: Survey, context: OpenContext) {
  const bare = findLabelled(survey);
  return bare === undefined ? undefined : bareParts(survey, bare, context);
}

/** train.txt, val.txt and test.txt that list pictures: at the root, or in a folder above the pictures. */
async function splitLists(survey: Survey, bare: Bare): Promise<Partial<Record<SplitName, string[]>>> {
  const labels = new Set(bare.labels);
  for (const folder of foldersAround(survey, bare.pictures.keys())) {
    const lists: Partial<Record<SplitName, string[]>> = {};
    for (const file of survey.filesIn(folder)) {
      if (extensionOf(file) !== ".txt" || labels.has(file) || isNamesFile(file)) continue;
      const split = splitOf(stemOf(baseName(file)));
      if (split === undefined || !listsPictures(decodeText(await survey.head(file, headBytes)))) continue;
      lists[split] = [...(lists[split] ?? []), file.slice(survey.root.length).replace(/^\//, "")];
    }
    if (lists.train !== undefined) return lists;
  }
  return {};
}
