/** `phinets quantize`: makes a run's integer network and reports the loss of accuracy. */
import { join } from "node:path";
import type { Int8Report } from "@phinets/node/steps";
import { formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { loadingOf, type ReadingOptions, readingOptions, requireData } from "./data-options.js";
import { type Int8Options, int8Options } from "./int8-options.js";
import { cfg, groups, json, model, project, seed, threadsOf, workers } from "./shared-options.js";

interface QuantizeOptions extends Int8Options, ReadingOptions {
  readonly model: string;
  readonly pictures: number;
  readonly project: string;
  readonly seed?: number;
  readonly workers?: number;
}

/** The compiler checks this value against the code that uses it, which is loaded only when it is needed. */
const defaultPictures: typeof import("@phinets/node/steps").defaultPictures = 100;

const definition: VerbDefinition = {
  name: "quantize",
  description: "Converts a run's network to int8, with training pictures for calibration.",
  examples: [
    ["phinets quantize --model runs/detect/train --data my-parts", "int8 by calibration, and the accuracy it costs"],
    [
      "phinets quantize --model runs/detect/train --data my-parts --qat 5",
      "with five epochs of quantisation-aware training",
    ],
  ],
  options: [
    model,
    ...readingOptions,
    {
      flags: "--pictures <n>",
      help: "number of training pictures for calibration",
      group: groups.data,
      parse: integer(1),
      default: defaultPictures,
    },
    ...int8Options,
    project,
    seed,
    workers,
    cfg,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: QuantizeOptions) => {
    const { findRunFolder, withRunLock } = await import("@phinets/node/run");
    await withRunLock(findRunFolder(options.model), "quantising", () => quantizeCommand(options, context));
  });
}

async function quantizeCommand(options: QuantizeOptions, context: Context): Promise<void> {
  const [{ loadRun }, { loadSplit, makeInt8, openData, recipeOfRun, validationSplit }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/steps"),
  ]);
  const run = loadRun(options.model);
  const { folder, network, weights } = run;
  const { seed = 0 } = options;
  const data = await openData(requireData(options.data), {
    seed,
    project: options.project,
    loading: loadingOf(options),
    note: context.note,
    signal: context.signal,
  });
  const source = await loadSplit(data, "train", "evaluation", network, options.project, context);
  const val = await loadSplit(data, validationSplit(data), "evaluation", network, options.project, context);
  const { report } = await makeInt8(
    {
      ...{ folder, network, weights, source, val, recipe: recipeOfRun(folder, network) },
      training: () => loadSplit(data, "train", "training", network, options.project, context),
      ...{ dataKey: data.key, threads: threadsOf(options), qat: options.qat, maxDrop: options.maxDrop },
      ...{ pictures: options.pictures, seed },
    },
    context,
  );
  const { metric, before, after, layers, outputs, postTraining, aware } = report;
  const path = join(folder, "quant_report.json");
  context.result({ run: folder, quant_report: path, metric, before, after, layers, outputs, postTraining, aware }, () =>
    [noiseTable(report), describeInt8(report, val.length)].join("\n"),
  );
}

/** Signal-to-noise ratio of each layer; where training followed calibration, of both networks. */
function noiseTable({ layers, postTraining }: Int8Report): string {
  if (postTraining === undefined)
    return formatTable(
      ["layer", "op", "signal to noise, dB"],
      layers.map(({ name, op, snrDb }) => [name, op, snrDb.toFixed(1)]),
    );
  return formatTable(
    ["layer", "op", "calibrated, dB", "trained, dB"],
    layers.map(({ name, op, snrDb }, i) => [name, op, postTraining.layers[i].snrDb.toFixed(1), snrDb.toFixed(1)]),
  );
}

/** The effect of int8 in one line. */
export function describeInt8(report: Int8Report, pictures: number): string {
  const { metric, before, after, outputs, postTraining, aware } = report;
  if (metric === "none")
    return `int8 against float: ${outputs.map(({ name, snrDb }) => `${name} ${snrDb.toFixed(1)} dB`).join(", ")}`;
  if (pictures === 0) return "int8 is not compared with float: there are no pictures to validate on";
  const on = `on ${pictures} validation pictures`;
  if (aware === undefined || postTraining === undefined) {
    const vain =
      aware === undefined
        ? ""
        : `; ${aware.epochs} epochs of quantisation-aware training gave ${aware.after.toFixed(4)}, not kept`;
    return `${metric} ${before.toFixed(4)} float, ${after.toFixed(4)} int8 ${on}${vain}`;
  }
  return `${metric} ${before.toFixed(4)} float, ${postTraining.after.toFixed(4)} int8 by calibration, ${after.toFixed(4)} int8 after ${aware.epochs} quantisation-aware epochs, ${on}`;
}
