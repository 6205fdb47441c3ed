/** `phinets eval coco`. */
import { basename } from "node:path";
import { formatCount, formatMs, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../../terminal/context.js";
import { integer, numbers } from "../../terminal/options.js";
import { readBytes, writePage } from "./files.js";

interface CocoOptions {
  readonly gt: string;
  readonly pred: string;
  readonly report?: string;
  readonly names?: string;
  readonly workers: number;
  readonly iou?: readonly number[];
  readonly maxDets?: readonly number[];
}

export function registerCoco(command: Command, context: Context): void {
  command
    .command("coco")
    .description(
      "COCO's twelve figures for boxes, as pycocotools computes them (see the note on annotation ids below).",
    )
    .requiredOption("--gt <json>", "annotations in COCO's format, .json or .json.gz")
    .requiredOption(
      "--pred <path>",
      "detections: COCO results, predictions.json of phinets predict, CSV, or a folder of YOLO txt with confidence, comp4_det_SET_CLASS.txt or labelme JSON",
    )
    .option(
      "--names <list>",
      "class names of YOLO txt, with commas between, or a file of them (default: classes.txt or data.yaml beside it, else the categories by id)",
    )
    .option("--report <file.html>", "a page with curves, errors and trajectories, in one file")
    .option("--iou <list>", "IoU thresholds, as 0.5,0.75 (default: 0.5, 0.55 ... 0.95)", numbers)
    .option(
      "--max-dets <list>",
      "most detections a picture and class for AR1, AR10, and all else",
      numbers,
      [1, 10, 100],
    )
    .option("--workers <n>", "threads; any number gives the same figures to the last bit", integer(1, 64), 1)
    .addHelpText(
      "after",
      "\nAn annotation whose id is 0 counts like any other. (pycocotools takes the find of it for a miss.)",
    )
    .action((options: CocoOptions) => evalCoco(options, context));
}

async function evalCoco(options: CocoOptions, context: Context): Promise<void> {
  const { gt, pred, report, workers, iou, maxDets } = options;
  const [{ matchFound, parseCocoTruth }, { evaluateCoco }, { classNamesFor, readFound }] = await Promise.all([
    import("@phinets/core/data"),
    import("@phinets/core/evaluation"),
    import("./found.js"),
  ]);
  const start = performance.now();
  const truth = parseCocoTruth(readBytes(gt), gt);
  const read = readFound(pred);
  const classNames = read.relative ? await classNamesFor(pred, options.names) : undefined;
  const { detections: found, notes } = matchFound(truth, read, { truthName: gt, classNames });
  for (const note of notes) context.note(note);
  const parameters = { iouThresholds: iou, maxDetections: maxDets as readonly [number, number, number] };
  const onThreads = async () =>
    (await import("@phinets/node/threads")).evaluateCocoOnThreads(truth, found, workers, context.signal, parameters);
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
