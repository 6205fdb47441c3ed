/** Reads detections to score. Their format is detected from the files, not given by an option. */
import { readdirSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import {
  type FoundBox,
  type FoundBoxes,
  parseCocoResults,
  parseCsvResults,
  parseLabelmeResults,
  parseVocDetections,
  parseYoloNames,
  parseYoloResults,
  vocFoundBoxes,
} from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { parseYaml } from "@phinets/node/text";
import { isFile, isFolder, listFolder, missing, readBytes, readText } from "./files.js";

/** Formats that `--pred` accepts, for errors. */
const foundFormats =
  "COCO results, predictions.json of phinets predict, CSV, a folder of YOLO txt with confidence, of comp4_det_SET_CLASS.txt or of labelme JSON";

/** Files in a folder of results, in order of preference. */
const whole = ["predictions.json", "coco.json", "detections.csv"];
const folders = ["labels", "voc", "labelme"];
const notLabels = /^(?:classes|labels|names|obj|predefined_classes)\.txt$/i;

/** @param pred file or folder */
export function readFound(pred: string): FoundBoxes {
  if (isFolder(pred)) return readFolder(pred);
  if (/\.csv(\.gz)?$/i.test(pred)) return readCsv(pred);
  if (/\.txt$/i.test(pred)) return readYolo(dirname(pred), [basename(pred)]);
  return parseCocoResults(readBytes(pred), pred);
}

function readFolder(folder: string): FoundBoxes {
  const names = listFolder(folder, "detections");
  const single = whole.find((name) => names.includes(name));
  if (single) return readFound(join(folder, single));
  if (names.some((name) => vocName(name))) return readVoc(folder);
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const within = (extension: RegExp) =>
    all.filter((name) => extension.test(name) && !notLabels.test(basename(name)) && isFile(join(folder, name)));
  const inside = folders.find((name) => isFolder(join(folder, name)));
  if (inside && !names.some((name) => /\.(txt|json)$/i.test(name) && !notLabels.test(name))) {
    return readFolder(join(folder, inside));
  }
  const texts = within(/\.txt$/i);
  if (texts.length > 0) return readYolo(folder, texts);
  const documents = within(/\.json$/i);
  if (documents.length > 0) return readLabelme(folder, documents);
  throw new PhinetsError("eval.missing", `${folder}: has no detections; they are ${foundFormats}`, folder);
}

function readCsv(file: string): FoundBoxes {
  const boxes = parseCsvResults(readBytes(file), file);
  return { file, format: "CSV", boxes, where: (i) => `${file}:${boxes[i].line}` };
}

function readYolo(folder: string, names: readonly string[]): FoundBoxes {
  const boxes = names.flatMap((name) => {
    const file = join(folder, name);
    return parseYoloResults(readText(file), file, slashes(name)).map((box) => ({ ...box, file }));
  });
  const where = (i: number) => `${boxes[i].file}:${boxes[i].line}`;
  return { file: folder, format: "YOLO's txt", relative: true, boxes, where };
}

function readLabelme(folder: string, names: readonly string[]): FoundBoxes {
  const boxes = names.flatMap((name) => {
    const file = join(folder, name);
    return parseLabelmeResults(readBytes(file), file, slashes(name)).map((box) => ({ ...box, file }));
  });
  return { file: folder, format: "labelme", boxes, where: (i) => boxes[i].file };
}

function readVoc(folder: string): FoundBoxes {
  const boxes: (FoundBox & { where: string })[] = [];
  for (const [name, file] of vocFiles(folder).byClass) {
    const found = parseVocDetections(readText(file), file);
    for (const [i, box] of vocFoundBoxes(name, found).entries()) {
      boxes.push({ ...box, where: `${file}:${found.lines[i]}` });
    }
  }
  return { file: folder, format: "VOC detections", boxes, where: (i) => boxes[i].where };
}

const vocName = (file: string) => /^comp\d+(?:_.+?)?_det_([^_]+)_(.+)\.txt$/i.exec(file);

/** Whether a path is a folder of detections in VOC's format. */
export const isVocFolder = (path: string): boolean => isFolder(path) && readdirSync(path).some((name) => vocName(name));

/** The comp4_det_SET_CLASS.txt files of one set. */
export function vocFiles(folder: string, wanted?: string): { set: string; byClass: Map<string, string> } {
  const found = listFolder(folder, "detections").flatMap((file) => {
    const match = vocName(file);
    return match ? [{ set: match[1], name: match[2], file: join(folder, file) }] : [];
  });
  const sets = [...new Set(found.map(({ set }) => set))];
  if (found.length === 0) throw missing(folder, "comp4_det_SET_CLASS.txt in this folder");
  const set = wanted ?? sets[0];
  if (wanted === undefined && sets.length > 1) {
    throw new PhinetsError(
      "eval.set",
      `${folder}: has detections of ${sets.join(" and ")}; choose one with --set`,
      folder,
    );
  }
  const chosen = found.filter((each) => each.set === set);
  if (chosen.length === 0) throw missing(folder, `comp4_det_${set}_CLASS.txt; the sets there are ${sets.join(", ")}`);
  return { set, byClass: new Map(chosen.map(({ name, file }) => [name, file])) };
}

/**
 * Names for the class numbers of YOLO's txt files: as given (a comma-separated list, or a file), or from classes.txt or
 * data.yaml beside the labels or one or two folders above them.
 */
export async function classNamesFor(pred: string, given: string | undefined): Promise<string[] | undefined> {
  if (given !== undefined) return isFile(given) ? namesIn(given) : given.split(",").map((name) => name.trim());
  const folder = isFolder(pred) ? pred : dirname(pred);
  const places = [join(folder, "labels"), folder, dirname(folder), dirname(dirname(folder))];
  const file = places
    .flatMap((place) => ["classes.txt", "data.yaml", "data.yml"].map((name) => join(place, name)))
    .find(isFile);
  return file === undefined ? undefined : namesIn(file);
}

async function namesIn(file: string): Promise<string[]> {
  const text = readText(file);
  if (!/\.ya?ml$/i.test(file)) {
    const lines = text.split(/\r?\n|\r/).map((line) => line.trim());
    while (lines.at(-1) === "") lines.pop();
    return lines;
  }
  let document: unknown;
  try {
    document = await parseYaml(text);
  } catch (error) {
    throw new PhinetsError("eval.names", `${file}:${(error as Error).message}`, file);
  }
  return parseYoloNames(document, file);
}

const slashes = (path: string) => path.split(sep).join("/");
