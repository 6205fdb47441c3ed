/** `phinets val`: a run's figures on labelled pictures, as float, as int8, or as the emulated firmware computes them. */
import { basename } from "node:path";
import { evaluationSplit, type SplitName, splitNames } from "@phinets/core/data";
import { createEngine } from "@phinets/core/kernels";
import { classNames, networkTitle } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import { loadRun } from "../run/load.js";
import { loadSplit, openData } from "../steps/data.js";
import { firmwareOutputs } from "../steps/firmware.js";
import { describeMetrics, floatOutputs, integerOutputs, type Outputs, score } from "../steps/validate.js";
import type { Context } from "../terminal/context.js";
import { formatCount } from "../terminal/format.js";
import { collect, integer, oneOf } from "../terminal/options.js";
import { nodeThreads } from "../threads/index.js";
import { requireData, targetOf, threadsOf } from "./training-options.js";

interface ValOptions {
  readonly model: string;
  readonly data: string[];
  readonly split?: SplitName;
  readonly on: "float" | "int8" | "firmware";
  readonly project: string;
  readonly seed: number;
  readonly workers?: number;
  readonly report?: string;
}

export function register(program: Command, context: Context): void {
  program
    .command("val")
    .description("Measures a run on labelled pictures.")
    .requiredOption("--model <run>", "run folder or weights file")
    .option("--data <path>", "data.yaml, class folders or idx folder; give it again to join sets", collect)
    .option("--split <name>", "train, val or test (default test, val where there is none)", oneOf(...splitNames))
    .option("--on <form>", "float, int8 or firmware", oneOf("float", "int8", "firmware"), "int8")
    .option("--project <dir>", "folder of all runs; the picture cache is in it", "runs")
    .option("--seed <n>", "of the split, where the data set has none", integer(0), 0)
    .option("--workers <n>", "threads (default: the machine's cores, at most 8)", integer(1, 64))
    .option("--report <file.html>", "a page with curves, confusion matrix and errors (or calibration), in one file")
    .action((options: ValOptions) => valCommand(options, context));
}

async function valCommand(options: ValOptions, context: Context): Promise<void> {
  const run = loadRun(options.model);
  const { network } = run;
  const quantized = options.on === "float" ? undefined : run.quantized;
  if (options.on !== "float" && quantized === undefined) {
    throw new PhinetsError(
      "val.quantized",
      `${run.folder}: the run is not quantised; run phinets quantize --model ${run.folder} --data DATA, or use --on float`,
      run.folder,
    );
  }
  const data = await openData(requireData(options.data), {
    seed: options.seed,
    project: options.project,
    signal: context.signal,
  });
  const split = options.split ?? evaluationSplit(data.index);
  const source = await loadSplit(data, split, "evaluation", network, options.project, context);
  const progress = context.progress({
    label: `val ${options.on}`,
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
    if (options.on === "float") {
      const engine = await createEngine({ threads: nodeThreads(threadsOf(options)) });
      try {
        outputs = floatOutputs(engine, network, run.weights, source, onProgress);
      } finally {
        await engine.dispose();
      }
    } else if (options.on === "int8") outputs = integerOutputs(quantized!, network, source, onProgress);
    else {
      const target = targetOf(run.folder, undefined);
      outputs = (await firmwareOutputs(quantized!, network, source, { signal: context.signal, target })).outputs;
    }
  } finally {
    progress.stop();
  }
  const metrics = score(network, outputs, source, { detailed: options.report !== undefined });
  if (options.report !== undefined) {
    const [{ valPage }, { writeFileAtomic }] = await Promise.all([
      import("../report/evaluation-pages.js"),
      import("../run/atomic.js"),
    ]);
    const lead = `${networkTitle(network)}, ${options.on}, on the ${formatCount(source.length)} ${split} pictures of ${data.name}.`;
    writeFileAtomic(options.report, valPage(metrics, classNames(network.head), basename(run.folder), lead));
    context.note(`written to ${options.report}`);
  }
  context.result(
    { run: run.folder, split, on: options.on, ...metrics },
    () => `${options.on} on ${split}: ${describeMetrics(metrics)}`,
  );
}
