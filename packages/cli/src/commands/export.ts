/** `phinets export`: a run's network in other forms. */

import { loadRun, runAround, targetOf, withRunLock } from "@phinets/node/run";
import { type ExportFormat, exportFormats, writeExports } from "@phinets/node/steps";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { someOf } from "../terminal/options.js";
import { requireOwnFolder } from "./own-folder.js";
import { firmwareConf, type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { groups, json, model, out, ownTarget } from "./shared-options.js";

interface ExportOptions extends ProgramOptions {
  readonly model: string;
  readonly format: readonly ExportFormat[];
  readonly out: string;
  readonly name: string;
  readonly conf: number;
  readonly target?: string;
}

const definition: VerbDefinition = {
  name: "export",
  description: "Writes a run's network as C99 for any project, as .tflite or ONNX, or its weights.",
  examples: [
    ["phinets export --model runs/detect/train --out my-firmware", "C99 that any compiler takes"],
    ["phinets export --model runs/detect/train --format tflite,onnx --out models-of-parts", "for other runtimes"],
  ],
  options: [
    model,
    vary(ownTarget, { help: "c: name or board.json" }),
    {
      flags: "--format <list>",
      help: "formats, with commas between",
      group: groups.run,
      parse: someOf(...exportFormats),
      default: ["c"],
    },
    vary(out("folder", "files of the same names replaced"), { required: true }),
    {
      flags: "--name <prefix>",
      help: "c: of files and symbols, so that several networks can be in one program",
      group: groups.run,
      default: "phinets",
    },
    vary(firmwareConf, { help: "c: least score of the firmware's boxes" }),
    ...programOptions,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((options: ExportOptions) => {
    const run = runAround(options.out);
    const work = (): void => exportCommand(options, context);
    return run === undefined ? work() : withRunLock(run, "exporting", work);
  });
}

function exportCommand(options: ExportOptions, context: Context): void {
  const { format, out: folder, name, conf, target } = options;
  const run = loadRun(options.model);
  const board = targetOf(run.folder, target);
  requireOwnFolder(folder);
  const files = writeExports(run, format, {
    ...{ folder, target: board, scoreThreshold: conf, name, programRequest: programRequestOf(options) },
  });
  const compiles = format.includes("c")
    ? ["", `cc *.c host/main.c in ${folder} compiles it; README.md says how to call it`]
    : [];
  context.result({ files }, () => [...files, ...compiles].join("\n"));
}
