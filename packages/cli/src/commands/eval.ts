/** `phinets eval coco|voc|mot`: any tool's boxes or tracks against truth, by the benchmarks' own rules. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { VocDetections, VocObject } from "@phinets/core/data";
import type { MotBenchmark, MotConvention, MotFigures, MotSequence } from "@phinets/core/evaluation";
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { TrackedSequence } from "../report/evaluation-pages.js";
import { writeFileAtomic } from "../run/atomic.js";
import type { Context } from "../terminal/context.js";
import { formatCount, formatMs } from "../terminal/format.js";
import { fraction, integer, numbers, oneOf } from "../terminal/options.js";
import { formatPairs, formatTable } from "../terminal/table.js";

interface Files {
  readonly gt: string;
  readonly pred: string;
  readonly report?: string;
}

interface CocoOptions extends Files {
  readonly workers: number;
  readonly iou?: readonly number[];
  readonly maxDets?: readonly number[];
}

interface VocOptions extends Files {
  readonly year: "2007" | "2012";
  readonly iou: number;
  readonly set?: string;
}

interface MotOptions extends Files {
  readonly benchmark?: MotBenchmark;
  readonly like: MotConvention;
  readonly sequences?: string;
  readonly keepDistractors?: boolean;
}

export function register(program: Command, context: Context): void {
  const command = program
    .command("eval")
    .description("Scores boxes or tracks of any tool against truth.")
    .argument("[benchmark]", "coco, voc or mot")
    .action((benchmark?: string) => {
      const what = benchmark === undefined ? "needs a benchmark" : `does not know '${benchmark}'`;
      throw new PhinetsError("cli.usage", `eval ${what}; it is coco, voc or mot (phinets eval mot --help)`);
    });
  command
    .command("coco")
    .description("COCO's twelve figures for boxes, as pycocotools computes them.")
    .requiredOption("--gt <json>", "annotations in COCO's format")
    .requiredOption("--pred <json>", "detections in COCO's results format")
    .option("--report <file.html>", "a page with curves, errors and trajectories, in one file")
    .option("--iou <list>", "IoU thresholds, as 0.5,0.75 (default: 0.5, 0.55 ... 0.95)", numbers)
    .option(
      "--max-dets <list>",
      "most detections a picture and class for AR1, AR10, and all else",
      numbers,
      [1, 10, 100],
    )
    .option("--workers <n>", "threads; any number gives the same figures to the last bit", integer(1, 64), 1)
    .action((options: CocoOptions) => evalCoco(options, context));
  command
    .command("voc")
    .description(
      "PASCAL VOC's average precision, of 11 points (2007) and of the area (2010 and later), as the development kit has it.",
    )
    .requiredOption("--gt <dir>", "VOC folder: Annotations and, to choose pictures, ImageSets/Main")
    .requiredOption("--pred <dir>", "folder of comp4_det_SET_CLASS.txt")
    .option("--year <year>", "which of the two mAP is: 2007 (11 points) or 2012 (area)", oneOf("2007", "2012"), "2012")
    .option("--iou <overlap>", "a find overlaps more than this", fraction, 0.5)
    .option("--set <name>", "list in ImageSets/Main (default: the one that the detections' names have)")
    .option("--report <file.html>", "a page with curves, errors and trajectories, in one file")
    .action((options: VocOptions) => evalVoc(options, context));
  command
    .command("mot")
    .description(
      "CLEAR MOT, identity and HOTA figures a sequence and combined, as TrackEval or py-motmetrics computes them.",
    )
    .requiredOption("--gt <dir>", "folder of sequences (SEQ/gt/gt.txt, SEQ/seqinfo.ini), or one sequence")
    .requiredOption("--pred <dir>", "folder of SEQ.txt")
    .option(
      "--benchmark <name>",
      "MOT15, MOT16, MOT17 or MOT20 (default: by the first sequence's name, MOT15 for others)",
      oneOf("MOT15", "MOT16", "MOT17", "MOT20"),
    )
    .option(
      "--like <tool>",
      "trackeval or motmetrics, where they differ",
      oneOf("trackeval", "motmetrics"),
      "trackeval",
    )
    .option("--sequences <names>", "these only, with commas between")
    .option("--keep-distractors", "MOT16, 17 and 20: do not take tracks of static or riding people out first")
    .option("--report <file.html>", "a page with curves, errors and trajectories, in one file")
    .action((options: MotOptions) => evalMot(options, context));
}

async function evalCoco({ gt, pred, report, workers, iou, maxDets }: CocoOptions, context: Context): Promise<void> {
  const [{ parseCocoResults, parseCocoTruth }, { evaluateCoco }] = await Promise.all([
    import("@phinets/core/data"),
    import("@phinets/core/evaluation"),
  ]);
  const start = performance.now();
  const truth = parseCocoTruth(readBytes(gt), gt);
  const found = parseCocoResults(readBytes(pred), pred, truth);
  const known = new Set(truth.categories.map(({ id }) => id));
  const foreign = found.filter((each) => !known.has(each.category_id)).length;
  if (foreign > 0) context.note(`${pred}: ${foreign} detections of categories that ${gt} lacks are left out`);
  const parameters = { iouThresholds: iou, maxDetections: maxDets as readonly [number, number, number] };
  const onThreads = async () =>
    (await import("../threads/matching.js")).evaluateCocoOnThreads(truth, found, workers, context.signal, parameters);
  const result = workers === 1 ? evaluateCoco(truth, found, parameters) : await onThreads();
  const ms = performance.now() - start;
  if (report) {
    await writePage(report, context, ({ cocoPage }) => cocoPage(truth, found, result, basename(pred)));
  }
  context.result(result, () => {
    const figure = (value: number) => (value === -1 ? "-" : value.toFixed(3));
    const titles = ["category", "AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"];
    const row = (name: string, stats: typeof result | (typeof result.categories)[number]) => [
      name,
      ...titles.slice(1).map((title) => figure(stats[title as "AP"])),
    ];
    const rows = result.categories.map((category) => row(category.name, category));
    const size = `${formatCount(truth.images.length)} pictures, ${formatCount(truth.annotations.length)} boxes, ${formatCount(found.length)} detections`;
    return `${size}, ${formatMs(ms)}\n\n${formatTable(titles, [...rows, row("all", result)])}`;
  });
}

async function evalVoc({ gt, pred, report, year, iou, set }: VocOptions, context: Context): Promise<void> {
  const [{ parseVocAnnotation, parseVocDetections, parseVocImageSet }, { evaluateVoc }] = await Promise.all([
    import("@phinets/core/data"),
    import("@phinets/core/evaluation"),
  ]);
  const files = detectionFiles(pred, set);
  const list = files.set && join(gt, "ImageSets/Main", `${files.set}.txt`);
  if (set !== undefined && !existsSync(list!)) throw missing(list!, "list of pictures");
  const annotations = join(gt, "Annotations");
  const names =
    list && existsSync(list)
      ? parseVocImageSet(readText(list))
      : listFolder(annotations, "annotations").flatMap((file) => (file.endsWith(".xml") ? [file.slice(0, -4)] : []));
  const truth = new Map<string, readonly VocObject[]>();
  for (const name of names) {
    const file = join(annotations, `${name}.xml`);
    truth.set(name, parseVocAnnotation(readText(file), file).objects);
  }
  const found = new Map<string, VocDetections>();
  for (const [name, file] of files.byClass) found.set(name, parseVocDetections(readText(file), file));
  const result = evaluateVoc(truth, found, iou);
  const { mAP11, mAPArea, classes } = result;
  const without = classes.filter(({ truths, name }) => truths > 0 && !found.has(name));
  if (without.length > 0) {
    context.note(`${pred}: no detections of ${without.map(({ name }) => name).join(", ")}; these count 0`);
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

/** comp4_det_SET_CLASS.txt files of one set. */
function detectionFiles(folder: string, wanted?: string): { set?: string; byClass: Map<string, string> } {
  const found = listFolder(folder, "detections").flatMap((file) => {
    const match = /^comp\d+(?:_.+?)?_det_([^_]+)_(.+)\.txt$/i.exec(file);
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

async function evalMot(options: MotOptions, context: Context): Promise<void> {
  const [{ parseMotRows, parseSequenceInfo }, { evaluateMot }] = await Promise.all([
    import("@phinets/core/data"),
    import("@phinets/core/evaluation"),
  ]);
  const start = performance.now();
  const { gt, pred } = options;
  const folders = sequenceFolders(gt, options.sequences);
  const onePred = existsSync(pred) && statSync(pred).isFile();
  if (onePred && folders.length > 1) {
    throw new PhinetsError(
      "eval.pred",
      `${pred}: is one file for ${folders.length} sequences; name a folder of SEQ.txt`,
      pred,
    );
  }
  const sequences = folders.map(({ name, folder }): MotSequence & TrackedSequence => {
    context.signal.throwIfAborted();
    const truthFile = join(folder, "gt/gt.txt");
    const truth = parseMotRows(readText(truthFile), truthFile);
    const places = [join(pred, `${name}.txt`), join(pred, "data", `${name}.txt`)];
    const file = onePred ? pred : (places.find(existsSync) ?? places[0]);
    const found = parseMotRows(readText(file), file);
    const info = join(folder, "seqinfo.ini");
    if (existsSync(info)) {
      const { length, width, height } = parseSequenceInfo(readText(info), info);
      const picture = join(folder, "img1/000001.jpg");
      const jpeg = options.report && existsSync(picture) ? readBytes(picture) : undefined;
      return { name, truth, found, frames: length, width, height, jpeg };
    }
    const frames = [...truth.frame, ...found.frame].reduce((last, frame) => Math.max(last, frame), 1);
    context.note(`${info}: is missing; taking the last frame that has a box, ${frames}, as the end`);
    return { name, truth, found, frames };
  });
  const { benchmark, like } = options;
  const result = evaluateMot(sequences, { benchmark, like, removeDistractors: !options.keepDistractors });
  const ms = performance.now() - start;
  const { report } = options;
  if (report) await writePage(report, context, ({ motPage }) => motPage(result, sequences, basename(pred)));
  context.result(result, () => {
    const frames = sequences.reduce((sum, sequence) => sum + sequence.frames, 0);
    const tool = { trackeval: "TrackEval", motmetrics: "py-motmetrics" }[like];
    const head = `${result.benchmark} rules as in ${tool}, ${formatCount(frames)} frames, ${formatMs(ms)}; in %${like === "motmetrics" ? "; MOTP is a distance" : ""}`;
    const rows = result.sequences.map((figures) => motRow(figures.name, figures));
    return `${head}\n\n${formatTable(motTitles(result.combined), [...rows, motRow("combined", result.combined)])}`;
  });
}

type Pages = typeof import("../report/evaluation-pages.js");

async function writePage(file: string, context: Context, render: (pages: Pages) => string): Promise<void> {
  writeFileAtomic(file, render(await import("../report/evaluation-pages.js")));
  context.note(`written to ${file}`);
}

const motFractions = ["MOTA", "MOTP", "IDF1", "IDP", "IDR", "HOTA", "DetA", "AssA", "LocA"] as const;
const motCounts = ["MT", "PT", "ML", "TP", "FP", "FN", "IDSW", "Frag"] as const;
const motExtras = ["IDt", "IDa", "IDm"] as const;

function motTitles(figures: MotFigures): string[] {
  return ["sequence", ...motFractions, ...motCounts, ...motExtras.filter((name) => name in figures)];
}

function motRow(name: string, figures: MotFigures): (string | number)[] {
  const extras = motExtras.flatMap((extra) => figures[extra] ?? []);
  return [
    name,
    ...motFractions.map((each) => percent(figures[each])),
    ...motCounts.map((each) => figures[each]),
    ...extras,
  ];
}

function sequenceFolders(gt: string, wanted: string | undefined): { name: string; folder: string }[] {
  const names = wanted?.split(",").map((name) => name.trim());
  if (names) return names.map((name) => ({ name, folder: join(gt, name) }));
  if (existsSync(join(gt, "gt/gt.txt"))) return [{ name: basename(gt), folder: gt }];
  const found = listFolder(gt, "sequences").filter((name) => existsSync(join(gt, name, "gt/gt.txt")));
  if (found.length === 0) throw missing(gt, "sequence in this folder (SEQ/gt/gt.txt)");
  return found.sort().map((name) => ({ name, folder: join(gt, name) }));
}

function percent(value: number, digits = 1): string {
  return Number.isFinite(value) ? (100 * value).toFixed(digits) : "-";
}

function missing(path: string, what: string): PhinetsError {
  return new PhinetsError("eval.missing", `${path}: there is no ${what}`, path);
}

function listFolder(folder: string, what: string): string[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw missing(folder, `folder of ${what}`);
  return readdirSync(folder);
}

function readBytes(file: string): Buffer {
  if (!existsSync(file) || !statSync(file).isFile()) throw missing(file, "such file");
  return readFileSync(file);
}

const readText = (file: string): string => readBytes(file).toString("utf8");
