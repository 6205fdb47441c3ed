/** `phinets import`: a run made of weights that were trained elsewhere, or of another tool's int8 network. */
import { readFileSync, rmSync } from "node:fs";
import { basename, resolve } from "node:path";
import { buildNetwork, importWeights, initialWeights, requireComplete } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { formatCount } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { names } from "../terminal/options.js";
import { groups, json, name, project, seed } from "./shared-options.js";

interface ImportOptions {
  readonly network?: string;
  readonly classes?: string[];
  readonly head?: string;
  readonly fold: boolean;
  readonly partial?: boolean;
  readonly seed?: number;
  readonly project: string;
  readonly name?: string;
}

const definition: VerbDefinition = {
  name: "import",
  description:
    "Makes a run of what was trained elsewhere: an int8 .tflite, whose every byte is kept, or weights for a network of ours, a .pth of torch.save or a .safetensors. Nothing in the file is run.",
  arguments: [{ name: "<file>", help: "the .tflite, or the weights", completes: "path" }],
  examples: [
    ["phinets import person.tflite --classes none,person", "then inspect, predict, val, emulate, export --format c"],
    ["phinets import weights.pth --network network.json", "a run folder, as training leaves it"],
  ],
  options: [
    {
      flags: "--network <file>",
      help: "weights: network.json of the network they belong to",
      group: groups.network,
      completes: "path",
    },
    {
      flags: "--classes <names>",
      help: ".tflite: names of a classifier's classes, in the order of its outputs",
      group: groups.network,
      parse: names,
      usual: "class0, class1, ...",
    },
    {
      flags: "--head <file>",
      help: ".tflite: a YOLO head as JSON, {classes, anchors, decoder}; anchors in cells",
      group: groups.network,
      completes: "path",
    },
    {
      flags: "--no-fold",
      help: ".tflite: keep channels that have the same byte for every input",
      group: groups.network,
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

async function importCommand(file: string, options: ImportOptions, context: Context): Promise<void> {
  const { isTflite } = await import("@phinets/core/import");
  const bytes = readFile(file);
  if (isTflite(bytes)) {
    await importNetwork(bytes, file, options, context);
    return;
  }
  const { classes, head, network } = options;
  if (classes !== undefined || head !== undefined)
    throw new PhinetsError("cli.usage", `${file}: is no .tflite, and --classes and --head are of these`);
  if (network === undefined)
    throw new PhinetsError("cli.usage", "--network is missing; name the network.json that the weights belong to");
  await importFloatWeights(bytes, file, { ...options, network }, context);
}

async function importNetwork(bytes: Uint8Array, file: string, options: ImportOptions, context: Context): Promise<void> {
  if (options.network !== undefined || options.partial)
    throw new PhinetsError("cli.usage", `${file}: is a whole network; --network and --partial are of weights`);
  const { saveImported } = await import("@phinets/node/steps");
  const { project, name, classes, head, fold } = options;
  context.result(...saveImported(bytes, file, { project, name, classes, head, fold }));
}

async function importFloatWeights(
  bytes: Uint8Array,
  file: string,
  options: ImportOptions & { readonly network: string },
  context: Context,
): Promise<void> {
  const [{ createRunFolder, loadNetwork, lockRun, saveArguments, saveNetwork }, { saveBest }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/steps"),
  ]);
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
  const { weights, report } = importWeights(bytes, file, graph);
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
    throw new PhinetsError("import.file", `${file}: ${problem}; name a .tflite, .pth or .safetensors file`, file);
  }
}
