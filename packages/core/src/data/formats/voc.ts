/**
 * Pascal VOC (host.robots.ox.ac.uk/pascal/VOC): one XML of objects per picture. Supports the layouts of the devkit
 * (Annotations, JPEGImages, lists in ImageSets/Main; one year or several), of Roboflow (both in train, valid, test) and
 * of labelImg (beside the pictures, or in a separate folder).
 *
 * In the devkit and in the output of label tools, corners are pixels counted from 1, both inclusive: a box covers [xmin
 * - 1, xmax] from the picture's left edge. If any corner in the set is below 1, its corners count from 0 and boxes
 * cover [xmin, xmax]. Corners are relative to the size stated in the XML, else to the picture's own.
 *
 * Class names are sorted by their code units, which is the official order of VOC's 20 classes, unless there is a list
 * of them (class-list.ts).
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { decodeText } from "../files/text.js";
import { baseName, extensionOf, folderOf, joinPath, stemOf } from "../files/tree.js";
import { XmlError } from "../files/xml.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList, type Corners } from "./box-list.js";
import { classOrder } from "./class-list.js";
import { isBeside, leftWithoutLabels, PictureFinder, splitFolders, splitOfPath, spread } from "./find-picture.js";
import type { Format, FoundDataset, LabelPlaces, OpenContext, UnlabelledPicture } from "./format.js";
import { labelText } from "./label-text.js";
import { keptLabelSize, labelSizes } from "./picture-sizes.js";
import { isVocAnnotation, readVocAnnotation, type VocFile, type VocObject } from "./voc-annotation.js";
import {
  AnnotationIndex,
  findLists,
  type ListKind,
  passOverClassLists,
  readEntries,
  splitsOfLists,
  type VocListFile,
} from "./voc-lists.js";

export const voc: Format = {
  id: "voc",
  title: "Pascal VOC",
  looksFor:
    "an .xml with <annotation> for each picture: in Annotations, with lists in ImageSets/Main, or beside the pictures",
  async recognise(survey) {
    const files = xmlFiles(survey);
    const some = spread(files, 8);
    const fitting: string[] = [];
    for (const file of some) {
      if (isVocAnnotation(decodeText(await survey.head(file, 4096)))) fitting.push(file);
    }
    if (fitting.length === 0) return undefined;
    const from = describe(survey, files, fitting);
    if (survey.pictures.length === 0) return { score: 0.5, from, missing: "it has no pictures" };
    const share = ((fitting.length / some.length) * files.length) / survey.pictures.length;
    return { score: share < 0.05 ? 0.3 : 0.9, from };
  },
  async open(survey, context) {
    const { log } = context;
    const chosen = await choose(survey, context);
    const entries = await readAll(survey, context, chosen);
    const sizes = await labelSizes(
      survey,
      context,
      entries.map(({ file, picture, content }) => {
        const shown = survey.show(file);
        return { picture, stated: content.size, where: `${shown}:${content.size?.line ?? 1}`, file: shown };
      }),
    );
    const names = new Set(entries.flatMap(({ content }) => content.objects.map(({ name }) => name)));
    const folders = new Set(entries.map(({ file }) => folderOf(file)));
    const { names: classes, file: list } = await classOrder(survey, log, names, folders);
    const first = firstPixel(survey, context, entries);
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    for (const entry of entries) {
      const size = sizes.get(entry.picture);
      if (size === undefined) continue;
      const boxes = new BoxList({ log, size });
      addBoxes(boxes, survey, entry, classes, first);
      for (const split of entry.splits) {
        splits[split].push({ file: survey.tree.locate(entry.picture), labels: boxes.labels, ...keptLabelSize(size) });
      }
    }
    const found = placesOf(survey, context, entries, chosen);
    reportRest(survey, context, entries, chosen);
    const named = splitNames.filter((split) => chosen.named.has(split));
    const places = { ...found, firstPixel: first, ...(list && { classes: survey.tree.locate(list) }) };
    return { task: "detect", classes, splits, named, places } satisfies FoundDataset;
  },
};

const xmlFiles = (survey: Survey): string[] => survey.files.filter((file) => extensionOf(file) === ".xml");

function describe(survey: Survey, files: readonly string[], fitting: readonly string[]): string {
  const lists = findLists(survey);
  if (lists.length > 0) {
    const roots = [...new Set(lists.map(({ root }) => root))];
    const below = (path: string, root: string) => path.slice(root.length).replace(/^\//, "") || "the root";
    const [root] = roots;
    const labels = [...new Set(files.map(folderOf))].filter((folder) => root === "" || folder.startsWith(`${root}/`));
    const where = [...new Set(lists.filter((list) => list.root === root).map(({ file }) => folderOf(file)))];
    const kinds = (["train", "val", "trainval", "test"] as const).filter((kind) =>
      lists.some((list) => list.kind === kind),
    );
    const parts = [...someOf(labels), ...where].map((folder) => below(folder, root)).join(", ");
    const several = roots.length > 1 ? ` in ${someOf(roots.map((each) => below(each, survey.root))).join(", ")}` : "";
    return `${parts} lists ${kinds.join(" ")}${several}`;
  }
  const splits = splitFolders(survey, files);
  const inSplits = splits.length === 0 ? "" : ` in ${splits.join(", ")}`;
  if (fitting.every((file) => isBeside(survey, file))) return `.xml beside the pictures${inSplits}`;
  const names = (paths: readonly string[]) =>
    someOf([...new Set(paths.map((path) => baseName(folderOf(path)) || "the root"))]);
  return `.xml in ${names(files).join(", ")}, pictures in ${names(survey.pictures).join(", ")}`;
}

/** The first three names, and how many more there are. */
function someOf(names: readonly string[]): string[] {
  return names.length <= 3 ? [...names] : [...names.slice(0, 3), `${names.length - 3} more`];
}

interface Chosen {
  /** Annotations to be read, sorted by path, with the splits of their pictures. */
  readonly files: ReadonlyMap<string, readonly SplitName[]>;
  /** Annotations that a list names. */
  readonly listed: ReadonlySet<string>;
  /** Annotations that no list names, although there are lists for their folder. */
  readonly unlisted: readonly string[];
  readonly named: ReadonlySet<SplitName>;
  readonly lists: readonly VocListFile[];
}

/** Chooses which annotations are read, and into which splits. */
async function choose(survey: Survey, context: OpenContext): Promise<Chosen> {
  const files = xmlFiles(survey);
  const index = new AnnotationIndex(files);
  const lists: VocListFile[] = [];
  const kindsOf = new Map<string, Set<ListKind>>();
  for (const list of findLists(survey)) {
    if (await readList(survey, context, list, index, kindsOf)) lists.push(list);
  }
  passOverClassLists(survey, context.log, lists);
  const all = new Set(lists.map(({ kind }) => kind));
  const chosen = new Map<string, readonly SplitName[]>();
  const unlisted: string[] = [];
  const named = new Set<SplitName>();
  let beyond = 0;
  for (const file of files) {
    const kinds = kindsOf.get(file);
    if (kinds === undefined && lists.some(({ root }) => root === "" || file.startsWith(`${root}/`))) {
      unlisted.push(file);
      continue;
    }
    const own = kinds === undefined ? splitOfPath(survey, file) : undefined;
    const splits = kinds === undefined ? [own ?? "train"] : splitsOfLists(kinds, all);
    if (kinds?.has("trainval") && !kinds.has("train") && !kinds.has("val")) beyond++;
    if (kinds !== undefined && splits.length > 1) {
      context.log.changed(`pictures are in the lists of both ${splits.join(" and ")}`, survey.show(file));
    }
    if (kinds !== undefined || own !== undefined) for (const split of splits) named.add(split);
    chosen.set(file, splits);
  }
  if (beyond > 0 && all.has("train") !== all.has("val")) {
    const [there, made] = all.has("train") ? ["train", "val"] : ["val", "train"];
    context.log.note(`there is no ${made} list; ${made} is what trainval has beyond ${there}`);
  } else if (beyond > 0 && all.has("train")) {
    context.log.note(`${beyond} pictures of the list trainval are in neither train nor val; they train`);
  }
  return { files: chosen, listed: new Set(kindsOf.keys()), unlisted, named, lists };
}

/** Records the list's kind for each annotation that it names. False if it is not a list of this data set. */
async function readList(
  survey: Survey,
  { log }: OpenContext,
  list: VocListFile,
  index: AnnotationIndex,
  kindsOf: Map<string, Set<ListKind>>,
): Promise<boolean> {
  const shown = survey.show(list.file);
  const absent: { line: number; stem: string }[] = [];
  const present = new Set<string>();
  for (const entry of readEntries(await survey.text(list.file))) {
    const file = index.find(list.root, entry);
    if (file === undefined) absent.push({ line: entry.line, stem: entry.stems[entry.stems.length - 1] });
    else if (present.has(file))
      log.changed("lines of a list equal to one before are left out", `${shown}:${entry.line}`);
    else present.add(file);
  }
  const inRoot = folderOf(list.file) === list.root;
  if (inRoot && present.size <= absent.length) return false;
  log.read(list.file);
  if (present.size === 0 && absent.length > 0) {
    log.note(`none of the ${absent.length} pictures of ${shown} has an annotation; the list is left out`);
    return false;
  }
  for (const file of present) {
    const kinds = kindsOf.get(file);
    if (kinds === undefined) kindsOf.set(file, new Set([list.kind]));
    else kinds.add(list.kind);
  }
  for (const { line, stem } of absent) {
    log.problem(
      "picture",
      "data.voc",
      `${shown}:${line}: names ${stem}, of which there is no annotation; add ${baseName(stem)}.xml or remove the line`,
      shown,
    );
  }
  return true;
}

interface Entry {
  readonly file: string;
  readonly picture: string;
  readonly content: VocFile;
  readonly splits: readonly SplitName[];
}

async function readAll(survey: Survey, { log }: OpenContext, chosen: Chosen): Promise<Entry[]> {
  const finder = new PictureFinder(survey);
  const entries: Entry[] = [];
  const used = new Map<string, string>();
  let example = "";
  for (const [file, splits] of chosen.files) {
    const shown = survey.show(file);
    const text = await labelText(survey, file, log);
    const listed = chosen.listed.has(file);
    if (text === undefined) continue;
    if (!listed && !isVocAnnotation(text)) continue;
    log.read(file);
    const problem = (line: number, message: string) =>
      log.problem("picture", "data.voc", `${shown}:${line}: ${message}`, shown);
    let content: VocFile;
    try {
      content = readVocAnnotation(text);
    } catch (error) {
      if (!(error instanceof XmlError)) throw error;
      problem(error.line, `is not an annotation in XML: ${error.message}; correct or remove the file`);
      continue;
    }
    const found = finder.find(file, content.filename);
    const [picture] = found;
    if (found.length > 1) {
      problem(
        1,
        `may be about ${found
          .slice(0, 3)
          .map((each) => survey.show(each))
          .join(" or ")}; leave one of them`,
      );
    } else if (picture === undefined) {
      example ||= `${shown} is about ${content.filename ?? baseName(file).replace(/xml$/i, "jpg")}`;
      if (listed) problem(1, `there is no picture ${content.filename ?? ""}; add it or remove it from the lists`);
      else log.notRead("annotations without a picture", shown);
    } else if (used.has(picture)) {
      log.notRead(`annotations of pictures that have one already`, shown);
    } else {
      used.set(picture, file);
      entries.push({ file, picture, content, splits });
    }
  }
  if (entries.length === 0 && example !== "") {
    const root = survey.show(survey.root);
    throw new PhinetsError(
      "data.voc",
      `${root}: no annotation has a picture: ${example}, and no picture here has that name; put the pictures into JPEGImages or beside the .xml`,
      root,
    );
  }
  return entries;
}

/** A corner from here up to 1 is a rounded 1. */
const justBelowOne = 0.999;

/** Number of the first pixel: 0 if a corner of the set is below 1, else 1. */
function firstPixel(survey: Survey, { log }: OpenContext, entries: readonly Entry[]): 0 | 1 {
  for (const { file, content } of entries) {
    const zero = content.objects.find(({ xmin, ymin, xmax, ymax, around }) => {
      const first = [isSwapped(xmin, xmax, 1) ? xmax : xmin, isSwapped(ymin, ymax, 1) ? ymax : ymin];
      return around === undefined && first.some((value) => value >= 0 && value < justBelowOne);
    });
    if (zero === undefined) continue;
    const corner = `${zero.xmin},${zero.ymin}`;
    log.note(
      `corners are pixels from 0, not from 1 as the devkit's: ${survey.show(file)}:${zero.line} begins at ${corner}`,
    );
    return 0;
  }
  return 1;
}

function addBoxes(boxes: BoxList, survey: Survey, entry: Entry, classes: readonly string[], first: 0 | 1): void {
  const { log } = boxes.options;
  const shown = survey.show(entry.file);
  const index = new Map(classes.map((name, n) => [name, n]));
  for (const { line, message } of entry.content.problems) {
    log.rows++;
    log.problem("row", "data.label", `${shown}:${line}: ${message}; correct or remove the object`, shown);
  }
  for (const object of entry.content.objects) {
    const { name, difficult, line, around } = object;
    const where = `${shown}:${line}`;
    const { swapped, ...corners } = cornersOf(object, first);
    if (swapped) log.changed("boxes with swapped corners are turned round", where);
    if (around !== undefined) log.changed(`objects with a ${around} only get the upright box around it`, where);
    const label = { class: index.get(name) as number, ...(difficult && { ignore: "difficult" as const }) };
    boxes.add(corners, label, where, shown);
  }
}

/** The area that an object covers, in pixels from the picture's top left corner. */
export function cornersOf({ xmin, ymin, xmax, ymax, around }: VocObject, first: 0 | 1): Corners & { swapped: boolean } {
  // Points of a polygon are positions, not covered pixels.
  const from = around === undefined ? first : 0;
  const [left, right] = covered(xmin, xmax, from);
  const [top, bottom] = covered(ymin, ymax, from);
  return { left, top, right, bottom, swapped: isSwapped(xmin, xmax, from) || isSwapped(ymin, ymax, from) };
}

/**
 * Whether the corners are swapped. A box counted from 1 covers [min - 1, max], so min may exceed max by less than a
 * pixel.
 */
function isSwapped(min: number, max: number, first: 0 | 1): boolean {
  return first === 1 ? min - max >= 1 : min > max;
}

/** The range of an axis that two corners cover. */
function covered(min: number, max: number, first: 0 | 1): [number, number] {
  return isSwapped(min, max, first) ? [max - first, min] : [min - first, max];
}

/**
 * Locations of the annotations. A picture without an annotation gets one beside those of its neighbours. A picture
 * whose annotation exists, but is damaged or in no list, is not offered for labelling.
 */
function placesOf(survey: Survey, context: OpenContext, entries: readonly Entry[], chosen: Chosen): LabelPlaces {
  const files = new Map(entries.map(({ file, picture }) => [survey.tree.locate(picture), survey.tree.locate(file)]));
  const unlabelled: UnlabelledPicture[] = [];
  if (!context.keepUnlabelled) return { files, unlabelled };
  const folders = new Map(entries.map(({ file, picture }) => [folderOf(picture), folderOf(file)]));
  const known = new Set(entries.map(({ picture }) => picture));
  for (const picture of leftWithoutLabels(survey, known)) {
    const folder = folders.get(folderOf(picture));
    if (folder === undefined) continue;
    const file = joinPath(folder, `${baseName(stemOf(picture))}.xml`);
    if (survey.resolve(file) !== undefined) continue;
    context.log.read(picture);
    files.set(survey.tree.locate(picture), survey.tree.locate(file));
    unlabelled.push({ file: survey.tree.locate(picture), split: splitOfPath(survey, picture) ?? "train" });
  }
  const lists = chosen.lists.filter(({ kind }) => kind === "train" || kind === "trainval");
  return { files, unlabelled, lists: lists.map(({ file }) => survey.tree.locate(file)) };
}

/** Counts annotations in no list, and pictures without any information. */
function reportRest(survey: Survey, { log }: OpenContext, entries: readonly Entry[], chosen: Chosen): void {
  const finder = new PictureFinder(survey);
  const known = new Set(entries.map(({ picture }) => picture));
  for (const file of chosen.unlisted) {
    log.notRead("annotated pictures in no list", survey.show(file));
    for (const picture of finder.find(file)) {
      if (!known.has(picture)) log.read(picture);
      known.add(picture);
    }
  }
  for (const picture of leftWithoutLabels(survey, known)) {
    if (!log.wasRead(picture)) log.notRead("pictures without an annotation", survey.show(picture));
  }
}
