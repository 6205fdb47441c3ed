/** `phinets import`: makes a run from weights that were trained elsewhere, or from another tool's network. */
import { readFileSync, rmSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { InputShape, Normalisation } from "@phinets/core/import";
import { buildNetwork, importWeights, initialWeights, requireComplete } from "@phinets/core/networks";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { formatCount } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { namedSizes, names, number, numbers } from "../terminal/options.js";
import { groups, json, name, project, seed } from "./shared-options.js";

interface ImportOptions {
  readonly network?: string;
  readonly classes?: string[];
  readonly head?: string;
  readonly fold: boolean;
  readonly shape?: InputShape;
  readonly outputs?: string[];
  readonly scale?: number;
  readonly mean?: number[];
  readonly std?: number[];
  readonly partial?: boolean;
  readonly seed?: number;
  readonly project: string;
  readonly name?: string;
}

const definition: VerbDefinition = {
  name: "import",
  description:
    "Makes a run folder from a network that was trained elsewhere: an int8 .tflite, whose outputs stay the same to the byte; an .onnx in QDQ format, with its int8 weights and scales; a float .onnx or .tflite, which can then be quantised; or weights for a network.json, as .pth (torch.save) or .safetensors. No code in the file is executed.",
  arguments: [{ name: "<file>", help: ".onnx or .tflite file, or weights", completes: "path" }],
  examples: [
    ["phinets import person.tflite --classes none,person", "int8; then inspect, predict, val, emulate or export"],
    ["phinets import net.onnx --mean .5 --std .5", "float; then quantize --data pictures"],
    ["phinets import weights.pth --network network.json", "a run folder, as after training"],
  ],
  options: [
    {
      flags: "--network <file>",
      help: "weights: network.json that they belong to",
      group: groups.network,
      completes: "path",
    },
    {
      flags: "--classes <names>",
      help: ".onnx, .tflite: class names of a classifier, in the order of its outputs",
      group: groups.network,
      parse: names,
      usual: "class0, class1, ...",
    },
    {
      flags: "--head <file>",
      help: ".onnx, .tflite: JSON file that describes a YOLO head, {classes, anchors, decoder}, with decoder yolov2, yolov5 or yolov8",
      group: groups.network,
      completes: "path",
    },
    {
      flags: "--no-fold",
      help: "int8: keep channels whose value is constant; by default they are removed",
      group: groups.network,
    },
    {
      flags: "--shape <sizes>",
      help: ".onnx, .tflite: input size, if the file leaves it open, in the file's order of dimensions",
      group: groups.network,
      parse: namedSizes,
    },
    {
      flags: "--outputs <names>",
      help: ".onnx, .tflite: tensors to use as outputs; later layers are ignored",
      group: groups.network,
      parse: names,
      usual: "the file's outputs",
    },
    {
      flags: "--scale <factor>",
      help: "float networks: factor for pixel values 0 to 255, as in training",
      group: groups.network,
      parse: number(1e-9, 1e9),
      usual: "1/255 with --mean or --std; without all three: pixel / 128 - 1",
    },
    {
      flags: "--mean <numbers>",
      help: "float networks: subtracted after --scale; one number, or one per channel",
      group: groups.network,
      parse: numbers(),
      usual: "0",
    },
    {
      flags: "--std <numbers>",
      help: "float networks: divisor after --mean; one number, or one per channel",
      group: groups.network,
      parse: numbers(1e-9),
      usual: "1",
    },
    {
      flags: "--partial",
      help: "weights: accept a file with at least half of the parameters; missing ones start as for a new training, unknown ones are ignored",
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
  const core = await import("@phinets/core/import");
  const bytes = readFile(file);
  const normalisation = normalisationOf(options);
  const onnx = core.isOnnx(bytes);
  const tflite = core.isTflite(bytes);
  const { project, name, classes: given, head: yolo, fold, shape: size, outputs } = options;
  if (onnx || tflite) requireNetwork(file, options);
  const request = {
    ...{ project, name, classes: given, head: yolo },
    ...(size && { shape: size }),
    ...(outputs && { outputs }),
  };
  const isFloat = onnx ? !core.isQuantizedOnnx(bytes, file) : tflite && core.isFloatTflite(bytes, file);
  if (isFloat) {
    const imported = (onnx ? core.importOnnx : core.importFloatTflite)(bytes, file, request);
    if (!fold) throw new PhinetsError("cli.usage", `${file}: is a float network; --no-fold is only for int8`);
    const { saveImportedFloat } = await import("@phinets/node/steps");
    context.result(...saveImportedFloat(imported, bytes, file, { ...request, normalisation }));
    return;
  }
  if (onnx || tflite) {
    if (normalisation !== undefined)
      throw new PhinetsError(
        "cli.usage",
        `${file}: is an int8 network; --scale, --mean and --std are only for float networks`,
      );
    const imported = (onnx ? core.importQuantizedOnnx : core.importTflite)(bytes, file, request);
    const { saveImported } = await import("@phinets/node/steps");
    context.result(...saveImported(imported, bytes, file, { ...request, fold }));
    return;
  }
  const { classes, head, shape, network } = options;
  if ([classes, head, shape, outputs, normalisation].some((each) => each !== undefined))
    throw new PhinetsError(
      "cli.usage",
      `${file}: is neither .onnx nor .tflite, and --classes, --head, --shape, --outputs, --scale, --mean and --std are only for these`,
    );
  if (network === undefined)
    throw new PhinetsError("cli.usage", "--network is missing; name the network.json that the weights belong to");
  await importFloatWeights(bytes, file, { ...options, network }, context);
}

/** Refuses --network and --partial for a file that is a whole network. */
function requireNetwork(file: string, { network, partial }: ImportOptions): void {
  if (network !== undefined || partial)
    throw new PhinetsError("cli.usage", `${file}: is a whole network; --network and --partial are only for weights`);
}

/** Pixel normalisation of the training, where options give it. */
function normalisationOf({ scale, mean, std }: ImportOptions): Normalisation | undefined {
  if (scale === undefined && mean === undefined && std === undefined) return undefined;
  return { ...(scale && { scale }), ...(mean && { mean }), ...(std && { std }) };
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
  // A file of another network may match one or two parameters by chance.
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
      ...(renamed > 0 ? [`${renamed} parameters had older names`] : []),
      ...(left.length > 0 ? [`not in the file, still to be trained: ${left.join(", ")}`] : []),
      ...(unexpected.length > 0 ? [`only in the file, ignored: ${unexpected.join(", ")}`] : []),
    ].join("\n");
  });
}

function readFile(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "no such file" : code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    throw new PhinetsError(
      "import.file",
      `${file}: ${problem}; name an .onnx, .tflite, .pth or .safetensors file`,
      file,
    );
  }
}
