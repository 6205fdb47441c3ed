/** `phinets eval coco`: average precision by COCO's rules. */
import { basename } from "node:path";
import { iouThresholds } from "@phinets/core/evaluation";
import { formatCount, formatMs, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../../terminal/definition.js";
import { numbers } from "../../terminal/options.js";
import { groups, iou, json, pageReport, threadsOf, workers } from "../shared-options.js";
import { readBytes, writePage } from "./files.js";

interface CocoOptions {
  readonly gt: string;
  readonly pred: string;
  readonly report?: string;
  readonly names?: string;
  readonly workers?: number;
  readonly iou?: readonly number[];
  readonly maxDets?: readonly number[];
}

const usualIou = `${iouThresholds.slice(0, 2).join(", ")} ... ${iouThresholds.at(-1)}`;

const definition: VerbDefinition = {
  name: "coco",
  description:
    "Computes COCO's twelve figures for boxes, as pycocotools does, with one exception (see the note on annotation ids below).",
  examples: [
    ["phinets eval coco --gt instances.json --pred predictions.json", "results of phinets predict"],
    ["phinets eval coco --gt instances.json --pred labels --report coco.html", "YOLO text files, with an HTML report"],
  ],
  note: "An annotation whose id is 0 counts like any other. (pycocotools counts a detection of it as a miss.)",
  options: [
    {
      flags: "--gt <json>",
      help: "ground truth as COCO annotations, .json or .json.gz",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--pred <path>",
      help: "detections: COCO results, predictions.json of phinets predict, CSV, or a folder of YOLO .txt files with confidence, comp4_det_SET_CLASS.txt files or labelme JSON",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--names <list>",
      help: "class names for YOLO .txt files, separated by commas, or a file with them",
      group: groups.data,
      usual: "classes.txt or data.yaml beside the files, else the categories in order of id",
      completes: "path",
    },
    pageReport,
    vary(iou("a detection and an object", usualIou), {
      flags: "--iou <list>",
      help: "overlaps (IoU) that a detection and an object need to match, for example 0.5,0.75",
      parse: numbers(0, 1),
    }),
    {
      flags: "--max-dets <list>",
      help: "largest number of detections per picture and class, for AR1, for AR10 and for all other figures",
      group: groups.matching,
      parse: numbers(),
      default: [1, 10, 100],
    },
    workers,
    json,
  ],
};

/** Matching fewer detections takes less time than starting a thread. */
const detectionsAThread = 20_000;

export function registerCoco(command: Command, context: Context): void {
  addVerb(command, definition).action((options: CocoOptions) => evalCoco(options, context));
}

async function evalCoco(options: CocoOptions, context: Context): Promise<void> {
  const { gt, pred, report, iou, maxDets } = options;
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
  const threads = Math.min(threadsOf(options), 1 + Math.floor(found.length / detectionsAThread));
  const onThreads = async () =>
    (await import("@phinets/node/threads")).evaluateCocoOnThreads(truth, found, threads, context.signal, parameters);
  const result = threads === 1 ? evaluateCoco(truth, found, parameters) : await onThreads();
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
