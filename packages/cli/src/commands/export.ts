/** `phinets export`: writes a run's network in other formats. */

import type { BuildSystem } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import type { ExportFormat } from "@phinets/node/steps";
import { targetOf } from "@phinets/node/target";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { oneOf, someOf } from "../terminal/options.js";
import { firmwareConf } from "./firmware-options.js";
import { type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { groups, json, model, out, ownTarget } from "./shared-options.js";

interface ExportOptions extends ProgramOptions {
  readonly model: string;
  readonly format: readonly ExportFormat[];
  readonly out: string;
  readonly for?: BuildSystem;
  readonly name: string;
  readonly conf: number;
  readonly target?: string;
}

// The compiler checks this list against the code of the formats, which is loaded only when it is needed.
const formats = keysOf<ExportFormat>({ c: true, tflite: true, onnx: true, safetensors: true, torch: true });
const systems = keysOf<BuildSystem>({ zephyr: true, "esp-idf": true, arduino: true, cmake: true });

function keysOf<T extends string>(words: Readonly<Record<T, true>>): T[] {
  return Object.keys(words) as T[];
}

const definition: VerbDefinition = {
  name: "export",
  description: "Writes a run's network as C99 source, .tflite or ONNX, or its weights as .safetensors or .pth.",
  examples: [
    ["phinets export --model runs/detect/train --out my-firmware", "C99 for any compiler"],
    ["phinets export --model runs/detect/train --for zephyr --out my-network", "a Zephyr module with an example"],
    ["phinets export --model runs/detect/train --format tflite,onnx --out models-of-parts", "for other runtimes"],
  ],
  options: [
    model,
    vary(ownTarget, { help: "c: name of a board, or path of a board.json" }),
    {
      flags: "--format <list>",
      help: "formats to write, separated by commas",
      group: groups.run,
      parse: someOf(...formats),
      default: ["c"],
    },
    vary(out("folder", "folder for the files"), { required: true }),
    {
      flags: "--for <system>",
      help: "c: make the folder a project for this build system, with an example",
      group: groups.run,
      parse: oneOf(...systems),
      usual: "plain files for any project",
    },
    {
      flags: "--name <prefix>",
      help: "c: prefix of file names and symbols, so that one program can contain several networks",
      group: groups.run,
      default: "phinets",
    },
    vary(firmwareConf, { help: "c: lowest score of a box in the firmware" }),
    ...programOptions,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: ExportOptions) => {
    const { runAround, withRunLock } = await import("@phinets/node/run");
    const run = runAround(options.out);
    const work = (): Promise<void> => exportCommand(options, context);
    await (run === undefined ? work() : withRunLock(run, "exporting", work));
  });
}

async function exportCommand(options: ExportOptions, context: Context): Promise<void> {
  const { format, out: folder, for: system, name, conf, target } = options;
  const others = format.filter((each) => each !== "c");
  if (system !== undefined && others.length > 0)
    throw new PhinetsError(
      "cli.usage",
      `--for ${system} lays out C: it goes with --format c, not ${others.join(", ")}`,
    );
  const [{ loadRun }, { writeExports }, { requireOwnFolder }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/steps"),
    import("./own-folder.js"),
  ]);
  const run = loadRun(options.model);
  const board = targetOf(run.folder, target);
  requireOwnFolder(folder);
  const files = writeExports(run, format, {
    ...{ folder, target: board, scoreThreshold: conf, name, system, programRequest: programRequestOf(options) },
  });
  const next =
    system === undefined
      ? `to compile it, run cc *.c host/main.c in ${folder}; README.md describes how to call it`
      : `README.md in ${folder} describes how to build and call it`;
  context.result({ files }, () => [...files, ...(format.includes("c") ? ["", next] : [])].join("\n"));
}
