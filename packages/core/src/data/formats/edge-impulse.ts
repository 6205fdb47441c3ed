/**
 * Edge Impulse's exports (docs.edgeimpulse.com, "Uploader": info.labels and bounding_boxes.labels): pictures in
 * training/ and testing/ with JSON beside them, `{"version": 1, "files": [{path, category, label, boundingBoxes}]}` and
 * `{"boundingBoxes": {FILE: [{label, x, y, width, height}]}}`, in pixels from the top left corner; or, without label
 * files, pictures whose names begin with their class, `bolt.1a2b.jpg`.
 */
import { PhinetsError } from "../../tensor/index.js";
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { baseName, byCodeUnits, folderOf } from "../files/tree.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList } from "./box-list.js";
import { orderClasses } from "./class-list.js";
import { classNamesInFileNames, openNamedFiles } from "./edge-impulse-names.js";
import { splitOfPath } from "./find-picture.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";
import { explainAbsent, likelyFolders, NamedPictures } from "./named-pictures.js";
import { onePlace } from "./one-place.js";
import { readSizes } from "./picture-sizes.js";
import { splitOf } from "./splits.js";

const infoFile = "info.labels";
const boxFile = "bounding_boxes.labels";

const labelFiles = (survey: Survey): readonly string[] =>
  onePlace(
    survey,
    survey.files.filter((file) => [infoFile, boxFile].includes(baseName(file))),
  ).files;

export const edgeImpulse: Format = {
  id: "edge-impulse",
  title: "Edge Impulse",
  looksFor: "bounding_boxes.labels or info.labels beside the pictures, or pictures named CLASS.anything.jpg",
  recognise(survey) {
    const files = labelFiles(survey);
    if (files.length > 0) {
      const from = files
        .map((file) => file.slice(survey.root === "" ? 0 : survey.root.length + 1))
        .slice(0, 4)
        .join(", ");
      return { score: 0.93, from, by: files };
    }
    const names = classNamesInFileNames(survey);
    if (names === undefined) return undefined;
    return {
      score: 0.7,
      from: `pictures named ${names
        .slice(0, 4)
        .map((name) => `${name}.*`)
        .join(", ")}`,
    };
  },
  async open(survey, context) {
    const files = labelFiles(survey);
    return files.length === 0 ? openNamedFiles(survey) : openLabelFiles(survey, context, files);
  },
};

interface Box {
  readonly value: unknown;
  readonly where: string;
}

/** What the label files state about a picture. */
interface Entry {
  readonly path: string;
  readonly shown: string;
  split?: SplitName;
  label?: string;
  boxes?: readonly Box[];
}

async function openLabelFiles(survey: Survey, context: OpenContext, files: readonly string[]): Promise<FoundDataset> {
  const { log } = context;
  const finder = new NamedPictures(survey);
  const entries = new Map<string, Entry>();
  const entryOf = (file: string, name: string, split: SplitName | undefined): Entry | undefined => {
    const shown = survey.show(file);
    if (!isPictureFile(name)) {
      log.notRead("files that are no pictures", name);
      return undefined;
    }
    const where = finder.find(name, { folders: likelyFolders(survey, file, split), split });
    if ("problem" in where) {
      log.problem("picture", "data.picture", `${shown}: ${name} ${explainAbsent(where.problem)}`, shown);
      return undefined;
    }
    let entry = entries.get(where.path);
    if (entry === undefined) {
      entry = { path: where.path, shown };
      entries.set(where.path, entry);
    }
    entry.split ??= split ?? splitOfPath(survey, where.path);
    return entry;
  };
  // Files of boxes come first; info.labels repeats the same labels.
  for (const file of [...files].sort((a, b) => byCodeUnits(baseName(a), baseName(b)) || byCodeUnits(a, b))) {
    log.read(file);
    const content = parseObject(await survey.text(file), survey.show(file));
    if (baseName(file) === boxFile) {
      for (const [name, list] of Object.entries(objectOf(content.boundingBoxes))) {
        const entry = entryOf(file, name, splitOfPath(survey, file));
        if (entry !== undefined) entry.boxes ??= boxesOf(list, `${survey.show(file)}: boundingBoxes["${name}"]`);
      }
      continue;
    }
    for (const [n, each] of (Array.isArray(content.files) ? content.files : []).entries()) {
      const { path, category, label, boundingBoxes } = objectOf(each);
      if (typeof path !== "string") continue;
      const split = (typeof category === "string" ? splitOf(category) : undefined) ?? splitOfPath(survey, file);
      const entry = entryOf(file, path, split);
      if (entry === undefined) continue;
      entry.label ??= labelOf(label);
      if (boundingBoxes !== undefined)
        entry.boxes ??= boxesOf(boundingBoxes, `${survey.show(file)}: files[${n}].boundingBoxes`);
    }
  }
  const all = [...entries.values()].sort((a, b) => byCodeUnits(a.path, b.path));
  const boxes = all.some((entry) => (entry.boxes ?? []).length > 0);
  return boxes ? detection(survey, context, all) : classification(survey, context, all);
}

async function detection(survey: Survey, context: OpenContext, entries: readonly Entry[]): Promise<FoundDataset> {
  const { log } = context;
  const found = new Set<string>();
  for (const { boxes = [] } of entries) {
    for (const { value } of boxes) {
      const { label } = objectOf(value);
      if (typeof label === "string" && label !== "") found.add(label);
    }
  }
  const classes = await orderClasses(
    survey,
    log,
    found,
    entries.map(({ path }) => folderOf(path)),
  );
  const indexes = new Map(classes.map((name, n) => [name, n]));
  const sizes = await readSizes(
    survey,
    context,
    entries.map(({ path }) => path),
  );
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const [n, { path, shown, split, boxes = [] }] of entries.entries()) {
    const size = sizes[n];
    if (size === undefined) continue; // already logged
    const list = new BoxList({ log, size });
    for (const { value, where } of boxes) {
      const { label, ...box } = objectOf(value);
      const [x, y, width, height] = ["x", "y", "width", "height"].map((side) => Number(box[side] ?? Number.NaN));
      const problem =
        typeof label !== "string" || label === ""
          ? "has no label"
          : width < 0 || height < 0
            ? `is ${width} x ${height}; sizes must be positive`
            : undefined;
      if (problem === undefined) {
        const corners = { left: x, top: y, right: x + width, bottom: y + height };
        list.add(corners, { class: indexes.get(label as string) as number }, where, shown);
      } else {
        log.rows++;
        log.problem("row", "data.label", `${where} ${problem}; correct or remove it`, shown);
      }
    }
    splits[split ?? "train"].push({ file: survey.tree.locate(path), labels: list.labels });
  }
  return { task: "detect", classes, splits, named: namedSplits(entries, splits) };
}

async function classification(survey: Survey, { log }: OpenContext, entries: readonly Entry[]): Promise<FoundDataset> {
  const labelled = entries.filter((entry) => entry.label !== undefined);
  for (const { path, label } of entries)
    if (label === undefined) log.notRead("pictures without a label", survey.show(path));
  for (const { path, label } of entries) if (label === undefined) log.read(path);
  const classes = [...new Set(labelled.map(({ label }) => label as string))].sort(byCodeUnits);
  const root = survey.show(survey.root);
  if (classes.length < 2) {
    const has = classes.length === 0 ? "no box and no label" : `one class (${classes[0]})`;
    throw new PhinetsError(
      "data.classes",
      `${root}: the label files have ${has}; label the pictures and export again`,
      root,
    );
  }
  const indexes = new Map(classes.map((name, n) => [name, n]));
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const { path, label, split } of labelled) {
    splits[split ?? "train"].push({ file: survey.tree.locate(path), class: indexes.get(label as string) });
  }
  return { task: "classify", classes, splits, named: namedSplits(labelled, splits) };
}

const namedSplits = (entries: readonly Entry[], splits: FoundDataset["splits"]): SplitName[] =>
  entries.some(({ split }) => split !== undefined) ? splitNames.filter((split) => splits[split].length > 0) : [];

function parseObject(text: string, shown: string): Record<string, unknown> {
  try {
    return objectOf(JSON.parse(text));
  } catch {
    throw new PhinetsError("data.labels", `${shown}: is not JSON, or was cut off; export the data again`, shown);
  }
}

const objectOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

const boxesOf = (value: unknown, where: string): Box[] =>
  (Array.isArray(value) ? value : []).map((each, n) => ({ value: each, where: `${where}[${n}]` }));

/** The label of `"bolt"` or `{"type": "label", "label": "bolt"}`; undefined for an unlabelled picture. */
function labelOf(value: unknown): string | undefined {
  const text = typeof value === "string" ? value : objectOf(value).label;
  return typeof text === "string" && text !== "" ? text : undefined;
}
