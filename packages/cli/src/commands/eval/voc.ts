/** `phinets eval voc`: average precision by VOC's rules. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type {
  CocoResultEntry,
  CocoTruthFile,
  FoundBoxes,
  VocAnnotation,
  VocDetections,
  VocObject,
} from "@phinets/core/data";
import { vocIou } from "@phinets/core/evaluation";
import { formatCount, formatPairs, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../../terminal/definition.js";
import { oneOf } from "../../terminal/options.js";
import { groups, iou, json, pageReport } from "../shared-options.js";
import { isFolder, listFolder, missing, percent, readText, writePage } from "./files.js";

interface VocOptions {
  readonly gt: string;
  readonly pred: string;
  readonly report?: string;
  readonly names?: string;
  readonly year: "2007" | "2012";
  readonly iou: number;
  readonly set?: string;
}

const definition: VerbDefinition = {
  name: "voc",
  description:
    "Computes PASCAL VOC's average precision, with 11 points (2007) and as the area under the curve (2010 and later), as the development kit does.",
  examples: [
    ["phinets eval voc --gt VOC2007 --pred results --year 2007", "score comp4_det_test_*.txt against Annotations"],
  ],
  options: [
    {
      flags: "--gt <folder>",
      help: "VOC folder with Annotations, and ImageSets/Main if the pictures are chosen by a list",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--pred <path>",
      help: "folder of comp4_det_SET_CLASS.txt files, or any detections that eval coco takes, such as predictions.json",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--year <year>",
      help: "definition of mAP: 2007 (11 points) or 2012 (area)",
      group: groups.matching,
      parse: oneOf("2007", "2012"),
      default: "2012",
    },
    vary(iou("a detection and an object", vocIou), { usual: undefined, default: vocIou }),
    {
      flags: "--set <name>",
      help: "name of the list of pictures in ImageSets/Main",
      group: groups.data,
      usual: "the set in the names of the detection files",
    },
    {
      flags: "--names <list>",
      help: "class names for YOLO .txt files, separated by commas, or a file with them",
      group: groups.data,
      completes: "path",
    },
    pageReport,
    json,
  ],
};

export function registerVoc(command: Command, context: Context): void {
  addVerb(command, definition).action((options: VocOptions) => evalVoc(options, context));
}

async function evalVoc(options: VocOptions, context: Context): Promise<void> {
  const { gt, pred, report, year, iou, set } = options;
  const [
    { parseVocAnnotation, parseVocDetections, parseVocImageSet },
    { evaluateVoc },
    { isVocFolder, readFound, vocFiles },
  ] = await Promise.all([import("@phinets/core/data"), import("@phinets/core/evaluation"), import("./found.js")]);
  const folder = [pred, join(pred, "voc")].find(isVocFolder);
  const files = folder === undefined ? undefined : vocFiles(folder, set);
  const other = files === undefined ? readFound(pred) : undefined;
  const wanted = set ?? files?.set;
  const list = wanted && join(gt, "ImageSets/Main", `${wanted}.txt`);
  if (set !== undefined && !existsSync(list!)) throw missing(list!, "list of pictures");
  const annotations = annotationsFolder(gt);
  const names =
    list && existsSync(list)
      ? parseVocImageSet(readText(list))
      : listFolder(annotations, "annotations").flatMap((file) => (file.endsWith(".xml") ? [file.slice(0, -4)] : []));
  if (names.length === 0) throw missing(annotations, "annotation (.xml) in this folder");
  const read = new Map<string, VocAnnotation>();
  for (const name of names) {
    const file = join(annotations, `${name}.xml`);
    read.set(name, parseVocAnnotation(readText(file), file));
  }
  const truth = new Map<string, readonly VocObject[]>([...read].map(([name, { objects }]) => [name, objects]));
  const found = new Map<string, VocDetections>();
  if (files) {
    for (const [name, file] of files.byClass) found.set(name, parseVocDetections(readText(file), file));
  } else await placeOther(other!, options, read, found, context);
  const result = evaluateVoc(truth, found, iou);
  const { mAP11, mAPArea, classes } = result;
  const without = classes.filter(({ truths, name }) => truths > 0 && !found.has(name));
  if (without.length > 0) {
    context.note(
      `${pred}: no detections of ${without.map(({ name }) => name).join(", ")}; their average precision is 0`,
    );
  }
  if (report) await writePage(report, context, ({ vocPage }) => vocPage(result, truth, found, basename(pred)));
  const chosen = <T>(eleven: T, area: T) => (year === "2007" ? eleven : area);
  const rows = classes.map(({ recall, precision, AP11, APArea, ...rest }) => ({
    name: rest.name,
    AP: chosen(AP11, APArea),
    AP11,
    APArea,
    truths: rest.truths,
    detections: rest.detections,
    TP: rest.TP,
    FP: rest.FP,
    recall: recall.at(-1) ?? (rest.truths > 0 ? 0 : Number.NaN),
    precision: precision.at(-1) ?? Number.NaN,
  }));
  const document = {
    mAP: chosen(mAP11, mAPArea),
    mAP11,
    mAPArea,
    year: Number(year),
    iou,
    images: names.length,
    classes: rows,
  };
  context.result(document, () => {
    const titles = ["class", "AP (11 points)", "AP (area)", "objects", "detections", "TP", "FP", "recall", "precision"];
    const table = rows.map((row) => [
      row.name,
      percent(row.AP11),
      percent(row.APArea),
      row.truths,
      row.detections,
      row.TP,
      row.FP,
      percent(row.recall),
      percent(row.precision),
    ]);
    const means = formatPairs([
      ["mAP, 11 points (VOC2007)", percent(mAP11, 2)],
      ["mAP, area (VOC2010 and later)", percent(mAPArea, 2)],
    ]);
    return `${formatCount(names.length)} pictures, IoU above ${iou}; in %\n\n${formatTable(titles, table)}\n\n${means}`;
  });
}

/** The folder of annotations in a VOC folder, or the folder itself where the files lie in it. */
function annotationsFolder(gt: string): string {
  const folder = join(gt, "Annotations");
  return !isFolder(folder) && isFolder(gt) && listFolder(gt, "annotations").some((name) => name.endsWith(".xml"))
    ? gt
    : folder;
}

/** Converts detections in another format than VOC's; pictures and classes are matched by name. */
async function placeOther(
  read: FoundBoxes,
  { gt, pred, names }: VocOptions,
  annotations: ReadonlyMap<string, VocAnnotation>,
  found: Map<string, VocDetections>,
  context: Context,
): Promise<void> {
  const [{ matchFound }, { classNamesFor }] = await Promise.all([import("@phinets/core/data"), import("./found.js")]);
  const classes = [...new Set([...annotations.values()].flatMap(({ objects }) => objects.map(({ name }) => name)))];
  const truth: Pick<CocoTruthFile, "images" | "categories"> = {
    images: [...annotations].map(([name, { width, height }], id) => ({
      id,
      text: name,
      file_name: name,
      width,
      height,
    })),
    categories: classes.sort().map((name, id) => ({ id, name })),
  };
  const classNames = read.relative ? await classNamesFor(pred, names) : undefined;
  const { detections, notes } = matchFound(truth, read, { truthName: gt, classNames });
  for (const note of notes) context.note(note);
  const byClass = new Map<number, CocoResultEntry[]>();
  for (const each of detections) {
    const list = byClass.get(each.category_id);
    if (list) list.push(each);
    else byClass.set(each.category_id, [each]);
  }
  for (const [id, list] of byClass) {
    found.set(classes[id], {
      file: pred,
      images: list.map(({ image_id }) => truth.images[image_id].text!),
      scores: Float64Array.from(list, ({ score }) => score),
      // Converts left, top, width, height to the first and last pixel, counted from 1.
      boxes: Float64Array.from(list.flatMap(({ bbox: [x, y, w, h] }) => [x + 1, y + 1, x + w, y + h])),
      lines: new Int32Array(list.length),
    });
  }
}
