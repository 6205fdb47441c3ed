/**
 * Darknet's description of a YOLO data set, also CVAT's "YOLO 1.1": `obj.data` with lines `key = value` (classes,
 * train, valid, names), lists of pictures, and `obj.names` (github.com/AlexeyAB/darknet, "How to train"; docs.cvat.ai,
 * "YOLO"). Paths such as `data/train.txt` are relative to the folder where darknet ran, so each is matched by its end.
 */
import { PhinetsError } from "../../tensor/index.js";
import { mostYamlBytes } from "../files/limits.js";
import type { Survey } from "../files/survey.js";
import { linesOf } from "../files/text.js";
import { baseName, folderOf } from "../files/tree.js";
import { type SplitName, splitNames } from "../types.js";
import { splitOf } from "./splits.js";
import { parseNames } from "./yolo-names.js";
import { notThere, YoloPaths } from "./yolo-paths.js";
import { findPictures } from "./yolo-pictures.js";
import type { YoloFinding, YoloSet } from "./yolo-set.js";

/** Keys (in lower case) and values of an obj.data. */
export function parseObjData(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of linesOf(text)) {
    const at = line.indexOf("=");
    const [key, value] = [line.slice(0, Math.max(0, at)).trim(), line.slice(at + 1).trim()];
    if (/^[^#\s]+$/.test(key) && value !== "") values.set(key.toLowerCase(), value);
  }
  return values;
}

/** The .data file of a folder or its subfolders that names training pictures and classes. */
export async function findObjData(survey: Survey): Promise<YoloFinding | undefined> {
  const here = survey.find(/\.data$/i);
  const below = () => survey.foldersIn().flatMap((folder) => survey.find(/\.data$/i, survey.path(folder)));
  const files = here.length > 0 || survey.chosen !== undefined ? here : below();
  const fits: { file: string; values: Map<string, string> }[] = [];
  for (const file of files) {
    const values = parseObjData(await survey.text(file, mostYamlBytes));
    if (values.has("train") && values.has("names")) fits.push({ file, values });
  }
  if (fits.length === 0) return undefined;
  const usual = fits.filter((each) => /^obj\.data$/i.test(baseName(each.file)));
  const { file, values } = usual[0] ?? fits[0];
  const from = `${baseName(file)} with ${[...values.keys()].join(", ")}`;
  return {
    score: 0.93,
    from,
    by: fits.map((each) => each.file),
    load: (context) => {
      if (fits.length > 1 && usual.length !== 1) {
        const names = fits.map((each) => baseName(each.file));
        throw severalSets(survey, names);
      }
      return load(file, values, survey, context);
    },
  };
}

export function severalSets(survey: Survey, names: readonly string[]): PhinetsError {
  const root = survey.show(survey.root);
  const all = names.map((name) => `--data ${root}/${name}`).join(" or ");
  return new PhinetsError(
    "data.several",
    `${root}: ${names.join(" and ")} each describe a data set; name one: ${all}`,
    root,
  );
}

async function load(
  file: string,
  values: ReadonlyMap<string, string>,
  survey: Survey,
  context: Parameters<YoloFinding["load"]>[0],
): Promise<YoloSet> {
  const shown = survey.show(file);
  const rules = { base: folderOf(file), elsewhere: true };
  context.log.read(file);
  const classes = await readNamesAt(values.get("names") as string, { shown, rules }, survey, context);
  const count = values.get("classes");
  if (count !== undefined && Number(count) !== classes.length) {
    throw new PhinetsError(
      "data.classes",
      `${shown}: classes is ${count}, but ${values.get("names")} has ${classes.length} names; make them agree`,
      shown,
    );
  }
  const entries: Partial<Record<SplitName, string[]>> = {};
  for (const [key, value] of values) {
    const split = splitOf(key);
    if (split !== undefined && entries[split] === undefined) entries[split] = [value];
  }
  const train = [values.get("train") as string];
  const parts = await findPictures({ ...entries, train }, survey, context, { shown, rules });
  const named = splitNames.filter((split) => entries[split] !== undefined);
  return { shown, classes, missingLabels: "error", parts, named };
}

/** Reads the class names in the file at a path from a description. */
export async function readNamesAt(
  path: string,
  { shown, rules }: { readonly shown: string; readonly rules: YoloPaths["rules"] },
  survey: Survey,
  context: Parameters<YoloFinding["load"]>[0],
): Promise<string[]> {
  const found = await new YoloPaths(survey, context, rules).find(path);
  if ("looked" in found || found.place.kind !== "file") {
    const where = "looked" in found ? notThere(found.looked) : `${found.place.path} is a folder`;
    throw new PhinetsError(
      "data.classes",
      `${shown}: names is ${path}, but ${where}; it is a file with one class name a line`,
      shown,
    );
  }
  const { survey: other, path: file } = found.place;
  if (other === survey) context.log.read(file);
  return parseNames(await other.text(file), other.show(file));
}
