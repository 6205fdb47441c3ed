/**
 * Create ML object detection (developer.apple.com/documentation/createml/building-an-object-detector-data-source): a
 * JSON list of pictures with their objects, beside the pictures. An object's `x`, `y` are its box's centre, in pixels
 * from the top left corner. The picture's name is `image` or `imagefilename`; its objects are `annotations` or
 * `annotation`.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Survey } from "../files/survey.js";
import { decodeText } from "../files/text.js";
import { baseName, extensionOf, folderOf, joinPath } from "../files/tree.js";
import { append, showValue } from "../files/values.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import { BoxList, type Corners } from "./box-list.js";
import { orderClasses } from "./class-list.js";
import { leftWithoutLabels, PictureFinder, splitOfPath } from "./find-picture.js";
import type { Format, FoundDataset, OpenContext } from "./format.js";
import type { OpenLog } from "./open-log.js";
import { labelSizes } from "./picture-sizes.js";
import { splitOf } from "./splits.js";

export const createml: Format = {
  id: "createml",
  title: "Create ML",
  looksFor: "a .json beside the pictures that lists each with its objects' centres and sides",
  async recognise(survey) {
    const files = await findFiles(survey);
    if (files.length === 0) return undefined;
    const shown = files.map((file) => file.slice(survey.root.length).replace(/^\//, ""));
    const from = shown.slice(0, 4).join(", ") + (shown.length > 4 ? ` and ${shown.length - 4} more` : "");
    const missing = survey.pictures.length === 0 ? { missing: "it has no pictures" } : {};
    return { score: 0.9, from, by: files, ...missing };
  },
  async open(survey, context) {
    const { log } = context;
    const entries = await readAll(survey, context, await findFiles(survey));
    const sizes = await labelSizes(
      survey,
      context,
      [...entries.keys()].map((picture) => ({ picture, where: survey.show(picture), file: survey.show(picture) })),
    );
    const all = [...entries.values()];
    const names = new Set(all.flatMap(({ objects }) => objects.map(({ label }) => label)));
    const classes = await orderClasses(survey, log, names, new Set(all.map(({ file }) => folderOf(file))));
    const index = new Map(classes.map((name, n) => [name, n]));
    const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
    const named = new Set<SplitName>();
    for (const [picture, { file, objects }] of entries) {
      const size = sizes.get(picture);
      if (size === undefined) continue;
      const boxes = new BoxList({ log, size });
      for (const { label, corners, where } of objects) {
        boxes.add(corners, { class: index.get(label) as number }, where, survey.show(file));
      }
      const split = splitOfPath(survey, picture) ?? splitOfPath(survey, file) ?? splitOf(baseName(file).split(".")[0]);
      if (split !== undefined) named.add(split);
      splits[split ?? "train"].push({ file: survey.tree.locate(picture), labels: boxes.labels });
    }
    for (const picture of leftWithoutLabels(survey, new Set(entries.keys()))) {
      if (!log.wasRead(picture)) log.notRead("pictures that no .json lists", survey.show(picture));
    }
    return {
      task: "detect",
      classes,
      splits,
      named: splitNames.filter((split) => named.has(split)),
    } satisfies FoundDataset;
  },
};

/** Text that a Create ML file contains near its beginning; other JSON lists have other members. */
const marks = [
  /^\s*\[\s*\{/,
  /"image(filename)?"\s*:/i,
  /"annotations?"\s*:/,
  /"coordinates"\s*:|"annotations?"\s*:\s*\[\s*\]/,
];
const headBytes = 65536;

/** Create ML files; only the one that the user named, if any. */
async function findFiles(survey: Survey): Promise<string[]> {
  const { chosen } = survey;
  const candidates = survey.files.filter(
    (file) =>
      extensionOf(file) === ".json" && (chosen === undefined || extensionOf(chosen) !== ".json" || file === chosen),
  );
  const found: string[] = [];
  for (const file of candidates.length > mostLooked ? candidates.slice(0, mostLooked) : candidates) {
    const head = decodeText(await survey.head(file, headBytes));
    if (marks.every((mark) => mark.test(head))) found.push(file);
  }
  return found;
}

/** A data set with more .json files than this has one per picture, which is another format. */
const mostLooked = 100;

interface Entry {
  /** Path of the JSON that lists the picture. */
  readonly file: string;
  readonly objects: { readonly label: string; readonly corners: Corners; readonly where: string }[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Pictures in the order of the files and their lists. */
async function readAll(survey: Survey, { log }: OpenContext, files: readonly string[]): Promise<Map<string, Entry>> {
  const finder = new PictureFinder(survey);
  const entries = new Map<string, Entry>();
  let lost: PhinetsError | undefined;
  for (const file of files) {
    const shown = survey.show(file);
    log.read(file);
    for (const [n, value] of parseList(await survey.text(file), shown).entries()) {
      const where = `${shown}: [${n}]`;
      const item = (typeof value === "object" && value !== null ? value : {}) as Fields;
      const named = item.image ?? item.imagefilename ?? item.imageFilename ?? item.imageFileName;
      const objects = item.annotations ?? item.annotation ?? [];
      const problem = (message: string) => log.problem("picture", "data.createml", `${where}: ${message}`, shown);
      if (typeof named !== "string" || named === "") {
        problem("names no picture (image); correct or remove it");
        continue;
      }
      if (!Array.isArray(objects)) {
        problem("annotations is no list; correct or remove it");
        continue;
      }
      const picture = findPicture(survey, finder, file, named);
      if (picture === undefined) {
        const message = `${where}: there is no picture ${named}; add it or remove its entry`;
        lost ??= new PhinetsError("data.createml", message, shown);
        log.problem("picture", "data.createml", message, shown);
        continue;
      }
      const found = readObjects(objects, where, shown, log);
      const before = entries.get(picture);
      if (before === undefined) entries.set(picture, { file, objects: found });
      else {
        log.changed("entries of pictures that have one already are joined to it", where);
        append(before.objects, found);
      }
    }
  }
  if (entries.size === 0 && lost !== undefined) throw lost;
  return entries;
}

function parseList(text: string, shown: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message.split("\n")[0];
    throw new PhinetsError("data.createml", `${shown}: is not JSON: ${message}; write it again`, shown);
  }
  return Array.isArray(value) ? value : [];
}

/** Looks for the path relative to the JSON or the root, then for the name nearest to the JSON. */
function findPicture(survey: Survey, finder: PictureFinder, file: string, named: string): string | undefined {
  for (const folder of [folderOf(file), survey.root]) {
    const found = survey.resolve(joinPath(folder, named));
    if (found !== undefined) return found;
  }
  const found = finder.find(`${folderOf(file)}/${baseName(named)}`.replace(/^\//, ""), named);
  return found.length === 1 && baseName(found[0]).toLowerCase() === baseName(named).toLowerCase()
    ? found[0]
    : undefined;
}

function readObjects(list: readonly unknown[], where: string, shown: string, log: OpenLog): Entry["objects"] {
  const objects: Entry["objects"] = [];
  for (const [n, value] of list.entries()) {
    const object = (typeof value === "object" && value !== null ? value : {}) as Fields;
    const place = `${where}.annotations[${n}]`;
    const label = object.label ?? object.class ?? object.name;
    const box = (object.coordinates ?? {}) as Fields;
    const bad = ["x", "y", "width", "height"].find((name) => typeof box[name] !== "number");
    if (typeof label !== "string" || label.trim() === "" || bad !== undefined) {
      const what =
        bad === undefined
          ? `label is ${showValue(label) ?? "missing"}; it is the class's name`
          : `${bad} is ${showValue(box[bad]) ?? "missing"}; it is a number of pixels`;
      log.rows++;
      log.problem("row", "data.label", `${place}: ${what}; correct or remove it`, shown);
      continue;
    }
    const { x, y, width, height } = box as Record<string, number>;
    const corners = { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
    objects.push({ label: label.trim(), corners, where: place });
  }
  return objects;
}
