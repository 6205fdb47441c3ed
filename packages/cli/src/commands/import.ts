/** `phinets import`: a run made of weights that were trained elsewhere. */
import { readFileSync, rmSync } from "node:fs";
import { basename, resolve } from "node:path";
import { buildNetwork, importWeights, initialWeights, requireComplete } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { createRunFolder, loadNetwork, lockRun, saveArguments, saveNetwork } from "@phinets/node/run";
import { saveBest } from "@phinets/node/steps";
import { formatCount } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { groups, json, name, project, seed } from "./shared-options.js";

interface ImportOptions {
  readonly network: string;
  readonly partial?: boolean;
  readonly seed?: number;
  readonly project: string;
  readonly name?: string;
}

const definition: VerbDefinition = {
  name: "import",
  description:
    "Makes a run of weights trained elsewhere: a .pth of torch.save or a .safetensors. Nothing in the file is run.",
  arguments: [{ name: "<file>", help: "the weights", completes: "path" }],
  examples: [["phinets import weights.pth --network network.json", "a run folder, as training leaves it"]],
  options: [
    {
      flags: "--network <file>",
      help: "network.json of the network they belong to",
      group: groups.network,
      required: true,
      completes: "path",
    },
    {
      flags: "--partial",
      help: "parameters that the file lacks (less than half) start as for training, and others of the file are left out",
      group: groups.network,
    },
    seed,
    project,
    name("import, import2, ..."),
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((file: string, options: ImportOptions) => importCommand(file, options, context));
}

function importCommand(file: string, options: ImportOptions, context: Context): void {
  const network = loadNetwork(options.network);
  const { head } = network;
  if (head.kind === "none") {
    throw new PhinetsError(
      "import.head",
      `${options.network}: the network has no head, so that a run of it could not be measured; add "head": {"kind": "classifier", "classes": N} or a yolov2 head`,
      options.network,
    );
  }
  const graph = buildNetwork(network);
  const { weights, report } = importWeights(readFile(file), file, graph);
  const { path, loaded, missing, unexpected, misshaped, renamed } = report;
  // A file of another network has a parameter or two that fit by chance.
  const mostFit = 2 * loaded.length >= Object.keys(graph.parameters).length;
  if (!options.partial || !mostFit) requireComplete(report, file);
  const all = { ...initialWeights(graph, options.seed ?? 0, head), ...weights };
  const task = head.kind === "yolov2" ? "detect" : "classify";
  const { project, name } = options;
  const folder = createRunFolder({ project, task, name, defaultName: "import" });
  const lock = lockRun(folder, "importing");
  let weightsSha256: string;
  try {
    saveNetwork(folder, network);
    saveArguments(folder, { import: resolve(file), network: resolve(options.network), partial: !!options.partial });
    weightsSha256 = saveBest(folder, all);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw describeWriteError(error, folder);
  } finally {
    lock.release();
  }
  const document = { run: folder, stateDict: path, loaded: loaded.length, renamed, missing, unexpected, misshaped };
  context.result({ ...document, weightsSha256 }, () => {
    const left = [...missing, ...misshaped.map((parameter) => parameter.name)];
    return [
      `${folder}: ${formatCount(loaded.length)} parameters of ${basename(file)}${path === "" ? "" : ` (${path})`}`,
      ...(renamed > 0 ? [`${renamed} had older names`] : []),
      ...(left.length > 0 ? [`not in the file, to be trained: ${left.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`in the file only: ${unexpected.join(", ")}`] : []),
    ].join("\n");
  });
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    throw new PhinetsError("import.file", `${file}: ${problem}; name a .pth or .safetensors file`, file);
  }
}
