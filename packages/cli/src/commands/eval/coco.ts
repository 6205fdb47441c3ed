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
  description: "COCO's twelve figures for boxes, as pycocotools computes them (see the note on annotation ids below).",
  examples: [
    ["phinets eval coco --gt instances.json --pred predictions.json", "what phinets predict wrote"],
    ["phinets eval coco --gt instances.json --pred labels --report coco.html", "YOLO texts, with curves and errors"],
  ],
  note: "An annotation whose id is 0 counts like any other. (pycocotools takes the find of it for a miss.)",
  options: [
    {
      flags: "--gt <json>",
      help: "annotations in COCO's format, .json or .json.gz",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--pred <path>",
      help: "detections: COCO results, predictions.json of phinets predict, CSV, or a folder of YOLO txt with confidence, comp4_det_SET_CLASS.txt or labelme JSON",
      group: groups.data,
      required: true,
      completes: "path",
    },
    {
      flags: "--names <list>",
      help: "class names of YOLO txt, with commas between, or a file of them",
      group: groups.data,
      usual: "classes.txt or data.yaml beside it, else the categories by id",
      completes: "path",
    },
    pageReport,
    vary(iou("a find and an object; a list, as 0.5,0.75", usualIou), {
      flags: "--iou <list>",
      parse: numbers(0, 1),
    }),
    {
      flags: "--max-dets <list>",
      help: "most detections a picture and class for AR1, AR10, and all else",
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
