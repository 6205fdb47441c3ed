/** `phinets quantize`: makes a run's integer network and reports what it cost. */
import { join } from "node:path";
import { createEngine } from "@phinets/core/kernels";
import type { Command } from "commander";
import { writeFileAtomic } from "../run/atomic.js";
import { loadRun } from "../run/load.js";
import { loadSplit, openData, validationSplit } from "../steps/data.js";
import { quantizeRun } from "../steps/quantize.js";
import { floatOutputs, headline, integerOutputs, score } from "../steps/validate.js";
import type { Context } from "../terminal/context.js";
import { collect, integer } from "../terminal/options.js";
import { formatTable } from "../terminal/table.js";
import { nodeThreads } from "../threads/index.js";
import { requireData, threadsOf } from "./training-options.js";

interface QuantizeOptions {
  readonly model: string;
  readonly data: string[];
  readonly pictures: number;
  readonly project: string;
  readonly seed: number;
  readonly workers?: number;
}

export function register(program: Command, context: Context): void {
  program
    .command("quantize")
    .description("Makes a run's int8 network from calibration pictures.")
    .requiredOption("--model <run>", "run folder or weights file")
    .option("--data <path>", "the data set that the run was trained on", collect)
    .option("--pictures <n>", "training pictures to calibrate on", integer(1), 100)
    .option("--project <dir>", "folder of all runs; the picture cache is in it", "runs")
    .option("--seed <n>", "draws the calibration pictures", integer(0), 0)
    .option("--workers <n>", "threads (default: the machine's cores, at most 8)", integer(1, 64))
    .action((options: QuantizeOptions) => quantizeCommand(options, context));
}

async function quantizeCommand(options: QuantizeOptions, context: Context): Promise<void> {
  const run = loadRun(options.model);
  const { folder, network, weights } = run;
  const data = await openData(requireData(options.data), { seed: options.seed });
  const source = await loadSplit(data, "train", "evaluation", network, options.project, context);
  const val = await loadSplit(data, validationSplit(data), "evaluation", network, options.project, context);
  const { quantized, report, layers } = await quantizeRun(
    { folder, network, weights, source, pictures: options.pictures, seed: options.seed },
    context,
  );
  const engine = await createEngine({ threads: nodeThreads(threadsOf(options)) });
  let before: number;
  try {
    before = headline(score(network, floatOutputs(engine, network, weights, val), val));
  } finally {
    await engine.dispose();
  }
  const after = headline(score(network, integerOutputs(quantized, network, val), val));
  const path = join(folder, "quant_report.json");
  const metric = network.head.kind === "yolov2" ? "AP50" : "top1";
  writeFileAtomic(path, `${JSON.stringify({ metric, before, after, layers, ...report }, undefined, 1)}\n`);
  context.result({ run: folder, quant_report: path, metric, before, after, layers }, () =>
    [
      formatTable(
        ["layer", "op", "signal to noise, dB"],
        layers.map(({ name, op, snrDb }) => [name, op, snrDb.toFixed(1)]),
      ),
      `${metric} ${before.toFixed(4)} float, ${after.toFixed(4)} int8 on ${val.length} validation pictures`,
    ].join("\n"),
  );
}
