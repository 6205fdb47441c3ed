/** `phinets export`: a run's network in other forms. */

import { defaultScoreThreshold } from "@phinets/core/export";
import { loadRun, runAround, targetOf, withRunLock } from "@phinets/node/run";
import { type ExportFormat, exportFormats, writeExports } from "@phinets/node/steps";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../terminal/context.js";
import { fraction } from "../terminal/options.js";
import { addProgramOptions, type ProgramOptions, wishOf } from "./program-options.js";

interface ExportOptions extends ProgramOptions {
  readonly model: string;
  readonly format: readonly ExportFormat[];
  readonly out: string;
  readonly name: string;
  readonly conf: number;
  readonly target?: string;
}

export function register(program: Command, context: Context): void {
  const command = program
    .command("export")
    .description("Writes a run's network as C99 for any project, as .tflite or ONNX, or its weights.");
  addProgramOptions(command)
    .requiredOption("--model <run>", "run folder, or a file in one")
    .option("--target <board>", "c: name or board.json (default: the run's own, else stm32h743)")
    .option("--format <list>", `formats, separated by commas: ${exportFormats.join(", ")}`, parseFormats, ["c"])
    .requiredOption("--out <folder>", "where to write; existing files of the same names are replaced")
    .option("--name <prefix>", "c: of files and symbols, so that several networks can be in one program", "phinets")
    .option("--conf <score>", "c: least score of the firmware's boxes", fraction, defaultScoreThreshold)
    .action((options: ExportOptions) => {
      const run = runAround(options.out);
      const work = (): void => exportCommand(options, context);
      return run === undefined ? work() : withRunLock(run, "exporting", work);
    });
}

function exportCommand(options: ExportOptions, context: Context): void {
  const { model, format, out, name, conf, target } = options;
  const run = loadRun(model);
  const board = targetOf(run.folder, target);
  const files = writeExports(run, format, {
    ...{ folder: out, target: board, scoreThreshold: conf, name, wish: wishOf(options) },
  });
  const compiles = format.includes("c")
    ? ["", `cc *.c host/main.c in ${out} compiles it; README.md says how to call it`]
    : [];
  context.result({ files }, () => [...files, ...compiles].join("\n"));
}

function parseFormats(text: string): ExportFormat[] {
  const words = text.split(",");
  for (const word of words) {
    if (!exportFormats.includes(word as ExportFormat))
      throw new InvalidArgumentError(`It is a list of: ${exportFormats.join(", ")}.`);
  }
  return words as ExportFormat[];
}
