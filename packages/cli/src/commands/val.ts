/** `phinets val`: measures a run on labelled pictures, as float, as int8, or as the emulated firmware computes them. */

import { basename } from "node:path";
import { evaluationSplit, type SplitName, splitNames } from "@phinets/core/data";
import { toSourcePixels } from "@phinets/core/detection";
import { endsWithSoftmax } from "@phinets/core/graph";
import { createEngine } from "@phinets/core/kernels";
import { evaluatedBoxes, floatOutputs, integerOutputs, type Outputs, score } from "@phinets/core/learning";
import { classNames, findsBoxes, networkTitle } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { type CachedPictures, parseSave, type SaveFormat, saveDetections, saveFormats } from "@phinets/node/dataset";
import { chooseArithmetic, createRunFolder, loadRun, type Run, requireQuantized } from "@phinets/node/run";
import { firmwareOutputs, loadSplit, openData } from "@phinets/node/steps";
import { targetOf } from "@phinets/node/target";
import { describeClasses, describeMetrics, formatCount, verdict } from "@phinets/node/text";
import { nodeThreads } from "@phinets/node/threads";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { oneOf } from "../terminal/options.js";
import { loadingOf, type ReadingOptions, readingOptions, requireData } from "./data-options.js";
import { saveJson, saveTxt } from "./detection-options.js";
import { checkQueueOptions, type QueueOptions, queueOptions, queueRequestOf, storeOf } from "./queue-options.js";
import {
  cfg,
  existOk,
  groups,
  json,
  model,
  name,
  project,
  report,
  seed,
  threadsOf,
  workers,
} from "./shared-options.js";

type Form = "float" | "int8" | "firmware";

interface ValOptions extends ReadingOptions, QueueOptions {
  readonly model: string;
  readonly split?: SplitName;
  readonly on?: Form;
  readonly save?: string;
  readonly saveTxt?: boolean;
  readonly saveJson?: boolean;
  readonly project: string;
  readonly name?: string;
  readonly existOk?: boolean;
  readonly seed?: number;
  readonly workers?: number;
  readonly report?: string;
}

const definition: VerbDefinition = {
  name: "val",
  description: "Evaluates a run on labelled pictures.",
  examples: [
    ["phinets val --model runs/detect/train --data my-parts", "int8 on the test pictures"],
    ["phinets val --model runs/detect/train --data my-parts --on firmware", "in an emulated board"],
    ["phinets val --model runs/detect/train --data my-parts --report val.html", "with an HTML report"],
    [
      "phinets val --model RUN --data DATA --on firmware --queue redis://hub --serve hub:8470",
      "on the workers of a queue",
    ],
  ],
  options: [
    model,
    ...readingOptions,
    {
      flags: "--split <name>",
      help: "split to evaluate",
      group: groups.data,
      parse: oneOf(...splitNames),
      usual: "test, or val if there is no test split",
    },
    {
      flags: "--on <form>",
      help: "arithmetic: float, int8, or firmware (in an emulator)",
      group: groups.network,
      parse: oneOf("float", "int8", "firmware"),
      usual: "int8, or float if the run is not quantised yet",
    },
    {
      flags: "--save <formats>",
      help: `write the evaluated boxes into PROJECT/val/NAME, in any of ${saveFormats.join(",")}`,
      group: groups.run,
    },
    saveTxt,
    saveJson,
    project,
    name("val, val2, ..."),
    existOk,
    seed,
    workers,
    ...queueOptions,
    report("write an HTML report: confusion matrix, and curves and kinds of error, or calibration for a classifier"),
    cfg,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((options: ValOptions) => valCommand(options, context));
}

async function valCommand(options: ValOptions, context: Context): Promise<void> {
  checkQueueOptions(options);
  const run = loadRun(options.model);
  const { network } = run;
  if (network.head.kind === "none")
    throw new PhinetsError(
      "val.head",
      `${run.folder}: the network has no head, so that its outputs mean nothing that could be measured; predict --tensor gives them`,
      run.folder,
    );
  const formats = formatsOf(options, run);
  const on = chooseForm(run, options.on, context);
  const quantized = on === "float" ? undefined : requireQuantized(run);
  const data = await openData(requireData(options.data), {
    seed: options.seed ?? 0,
    project: options.project,
    loading: loadingOf(options),
    toTrain: false,
    note: context.note,
    signal: context.signal,
  });
  const split = options.split ?? evaluationSplit(data.index);
  const source = await loadSplit(data, split, "evaluation", network, options.project, context);
  const progress = context.progress({
    label: `val ${on}`,
    total: source.length,
    unit: "pictures",
    lineEvery: 1,
  });
  const onProgress = (done: number) => {
    context.signal.throwIfAborted();
    progress.update(done);
  };
  let outputs: Outputs;
  try {
    if (options.queue !== undefined) {
      const { outputsOverQueue } = await import("@phinets/queue");
      context.resumeWith();
      const request = { ...queueRequestOf(options), folder: storeOf(options.project) };
      outputs = await outputsOverQueue({ run, on, source, onProgress }, request, context);
    } else if (on === "float") {
      const engine = await createEngine({ threads: nodeThreads(threadsOf(options)) });
      try {
        outputs = floatOutputs(engine, network, run.weights, source, onProgress);
      } finally {
        await engine.dispose();
      }
    } else if (on === "int8") outputs = integerOutputs(quantized!, network, source, onProgress);
    else {
      const target = targetOf(run.folder, undefined);
      outputs = (await firmwareOutputs(quantized!, network, source, { signal: context.signal, target })).outputs;
    }
  } finally {
    progress.stop();
  }
  const probabilities = endsWithSoftmax((quantized ?? run).graph);
  const metrics = score(network, outputs, source, {
    detailed: options.report !== undefined,
    probabilities,
    graph: (quantized ?? run).graph,
  });
  if (options.report !== undefined) {
    const [{ valPage }, { writeFileAtomic }] = await Promise.all([
      import("@phinets/node/report"),
      import("@phinets/node/host"),
    ]);
    const lead = `${networkTitle(network)}, ${on}, on the ${formatCount(source.length)} ${split} pictures of ${data.name}.`;
    writeFileAtomic(options.report, valPage(metrics, classNames(network.head), basename(run.folder), lead));
    context.note(`written to ${options.report}`);
  }
  const saved = formats.length > 0 ? save(formats, run, outputs, source, split, options) : undefined;
  if (saved) context.note(`boxes written to ${saved}`);
  context.result({ run: run.folder, split, on, ...metrics, ...(saved && { saved }) }, () => {
    const classes = describeClasses(metrics);
    const useless = verdict(metrics);
    const warning = useless === undefined ? "" : `\nwarning: ${useless}`;
    return `${on} on ${split}: ${describeMetrics(metrics)}${warning}${classes ? `\n\n${classes}` : ""}`;
  });
}

/** The form that was requested; by default int8, or float with a note where the run is not quantised yet. */
function chooseForm(run: Run, asked: Form | undefined, context: Context): Form {
  if (asked === "firmware") return asked;
  return chooseArithmetic(run, asked, context.note);
}

function formatsOf({ save, saveTxt, saveJson }: ValOptions, { network, folder }: Run): SaveFormat[] {
  const words = [...(save === undefined ? [] : [save]), ...(saveTxt ? ["yolo"] : []), ...(saveJson ? ["coco"] : [])];
  if (words.length === 0) return [];
  const formats = parseSave(words.join(","));
  if (findsBoxes(network.head)) return formats;
  throw new PhinetsError(
    "cli.usage",
    `--save ${formats.join(",")} writes boxes, and ${folder} is a classifier, which finds none`,
  );
}

/** Writes the boxes, in pixels of the size that the labels refer to; returns the folder. */
function save(
  formats: readonly SaveFormat[],
  { network, graph }: Run,
  outputs: Outputs,
  source: CachedPictures,
  set: SplitName,
  { project, name, existOk }: ValOptions,
): string {
  const folder = createRunFolder({ project, task: "val", name, defaultName: "val", existOk });
  const records = evaluatedBoxes(network, outputs, graph).map((boxes, i) => {
    const { file, labelSize } = source.samples[i];
    const { width, height } = labelSize ?? source.sourceSize(i);
    return { file, width, height, boxes: toSourcePixels(boxes, width, height) };
  });
  saveDetections(records, { folder, formats, classNames: classNames(network.head), set });
  return folder;
}
