/** `phinets export`: a run's network in other forms. */
import { defaultScoreThreshold } from "@phinets/core/export";
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { writeBundle } from "../emulator/bundle.js";
import { modelOptions } from "../emulator/model-options.js";
import { loadRun } from "../run/load.js";
import type { Context } from "../terminal/context.js";
import { fraction } from "../terminal/options.js";
import { requireQuantized } from "./emulate.js";
import { targetOf } from "./training-options.js";

interface ExportOptions {
  readonly model: string;
  readonly format: readonly Format[];
  readonly out: string;
  readonly conf: number;
  readonly target?: string;
}

const formats = ["c"] as const;
type Format = (typeof formats)[number];

export function register(program: Command, context: Context): void {
  program
    .command("export")
    .description("Writes a run's int8 network as C99 with its kernels: a folder that compiles with `cc *.c`.")
    .requiredOption("--model <run>", "run folder, or a file in one")
    .option("--target <board>", "name or board.json (default: the run's own, else stm32h743)")
    .option("--format <list>", `formats, separated by commas: ${formats.join(", ")}`, parseFormats, ["c"])
    .requiredOption("--out <folder>", "where to write; existing files of the same names are replaced")
    .option("--conf <score>", "least score of the firmware's boxes", fraction, defaultScoreThreshold)
    .action((options: ExportOptions) => exportCommand(options, context));
}

function exportCommand({ model, out, conf, target }: ExportOptions, context: Context): void {
  const run = loadRun(model);
  const files = writeBundle(out, requireQuantized(run), {
    ...modelOptions(run.network, { scoreThreshold: conf }),
    target: targetOf(run.folder, target),
  });
  context.result({ files }, () =>
    [...files, "", `cc *.c in ${out} compiles it; README.md says how to call it`].join("\n"),
  );
}

function parseFormats(text: string): Format[] {
  const words = text.split(",");
  for (const word of words) {
    if (!formats.includes(word as Format)) throw new InvalidArgumentError(`It is a list of: ${formats.join(", ")}.`);
  }
  return words as Format[];
}
