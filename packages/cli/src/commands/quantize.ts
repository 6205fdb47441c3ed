/** `phinets quantize`: makes a run's integer network and reports what it cost. */
import { join } from "node:path";
import { findRunFolder, loadRun, withRunLock } from "@phinets/node/run";
import { type Int8Report, loadSplit, makeInt8, openData, recipeOfRun, validationSplit } from "@phinets/node/steps";
import { formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { integer } from "../terminal/options.js";
import { addInt8Options, type Int8Options } from "./int8-options.js";
import { addReadingOptions, loadingOf, type ReadingOptions, requireData, threadsOf } from "./training-options.js";

interface QuantizeOptions extends Int8Options, ReadingOptions {
  readonly model: string;
  readonly pictures: number;
  readonly project: string;
  readonly seed: number;
  readonly workers?: number;
}

export function register(program: Command, context: Context): void {
  const command = program
    .command("quantize")
    .description("Makes a run's int8 network from calibration pictures.")
    .requiredOption("--model <run>", "run folder or weights file")
    .option("--pictures <n>", "training pictures to calibrate on", integer(1), 100)
    .option("--project <dir>", "folder of all runs; the picture cache is in it", "runs")
    .option("--seed <n>", "draws the calibration pictures", integer(0), 0)
    .option("--workers <n>", "threads (default: the machine's cores, at most 8)", integer(1, 64));
  addInt8Options(addReadingOptions(command)).action((options: QuantizeOptions) =>
    withRunLock(findRunFolder(options.model), "quantising", () => quantizeCommand(options, context)),
  );
}

async function quantizeCommand(options: QuantizeOptions, context: Context): Promise<void> {
  const run = loadRun(options.model);
  const { folder, network, weights } = run;
  const data = await openData(requireData(options.data), {
    seed: options.seed,
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
      ...{ pictures: options.pictures, seed: options.seed },
    },
    context,
  );
  const { metric, before, after, layers, postTraining, aware } = report;
  const path = join(folder, "quant_report.json");
  context.result({ run: folder, quant_report: path, metric, before, after, layers, postTraining, aware }, () =>
    [noiseTable(report), describeInt8(report, val.length)].join("\n"),
  );
}

/** Signal to noise of each layer, and where there was training after calibration, of both. */
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

/** What int8 costs, in a line. */
export function describeInt8({ metric, before, after, postTraining, aware }: Int8Report, pictures: number): string {
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
