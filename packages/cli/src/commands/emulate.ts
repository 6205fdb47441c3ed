/**
 * `phinets emulate`: runs a run's firmware on an emulated core of its target's kind and compares it with the
 * interpreter byte for byte.
 */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Network } from "@phinets/core/networks";
import { PhinetsError, Random } from "@phinets/core/tensor";
import type { Emulation } from "@phinets/node/emulator";
import { writeFileAtomic } from "@phinets/node/host";
import { targetOf } from "@phinets/node/target";
import { formatBytes, formatCount, formatMs, formatPercent, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { firmwareConf } from "./firmware-options.js";
import { type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { groups, json, model, ownTarget, seed } from "./shared-options.js";
import { readTensors, requirePictureInput, tensor } from "./tensor-input.js";

interface EmulateOptions extends ProgramOptions {
  readonly model: string;
  readonly target?: string;
  readonly images?: string;
  readonly tensor?: string;
  readonly limit: number;
  readonly seed?: number;
  readonly tracks: boolean;
  readonly conf: number;
}

const definition: VerbDefinition = {
  name: "emulate",
  description:
    "Compiles a run's firmware, runs it on an emulated core like the target's, compares every output byte with the interpreter's, and links the image for the target. Writes RUN/firmware and RUN/device_report.json.",
  examples: [
    ["phinets emulate --model runs/detect/train", "with eight pictures of random pixels"],
    [
      "phinets emulate --model runs/detect/train --images clip --tracks",
      "frames of a clip, with tracking in the firmware",
    ],
  ],
  options: [
    model,
    ownTarget,
    {
      flags: "--images <path>",
      help: "picture, or folder of pictures",
      group: groups.data,
      usual: "8 pictures of random pixels",
      completes: "path",
    },
    tensor,
    {
      flags: "--limit <n>",
      help: "largest number of pictures or inputs to run",
      group: groups.data,
      parse: integer(1),
      default: 100,
    },
    {
      flags: "--tracks",
      help: "treat the pictures as consecutive frames of a clip, and also run detection and tracking in the firmware",
      group: groups.data,
      default: false,
    },
    firmwareConf,
    ...programOptions,
    seed,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: EmulateOptions) => {
    const { findRunFolder, withRunLock } = await import("@phinets/node/run");
    await withRunLock(findRunFolder(options.model), "emulating", () => emulateCommand(options, context));
  });
}

async function emulateCommand(options: EmulateOptions, context: Context): Promise<void> {
  const [{ loadRun, requireQuantized }, { emulate }, { modelOptions }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/node/emulator"),
    import("@phinets/core/export"),
  ]);
  const run = loadRun(options.model);
  const quantized = requireQuantized(run);
  const inputs = await inputsOf(options, run.network);
  const result = await emulate(quantized, inputs, {
    ...modelOptions(run.network, { scoreThreshold: options.conf }),
    target: targetOf(run.folder, options.target),
    folder: join(run.folder, "firmware"),
    signal: context.signal,
    tracks: options.tracks,
    ...programRequestOf(options),
  });
  const report = join(run.folder, "device_report.json");
  writeFileAtomic(report, `${JSON.stringify(result, undefined, 1)}\n`);
  if (!result.matchesInterpreter)
    throw new PhinetsError(
      "emulate.mismatch",
      `${result.differingBytes} output bytes of ${result.images} pictures differ from the interpreter's; this is a fault of the generated code, please report it with ${report}`,
      report,
    );
  if (result.tracking?.tracksMatch === false)
    throw new PhinetsError(
      "emulate.tracks",
      `the tracks of ${result.tracking.differingFrames} frames of ${result.tracking.frames} differ from the library's; this is a fault of the firmware, please report it with ${report}`,
      report,
    );
  context.result(result, () => describe(result));
}

async function inputsOf(options: EmulateOptions, network: Network): Promise<Int8Array[]> {
  const { images, tensor, limit, seed = 0 } = options;
  if (images !== undefined && tensor !== undefined)
    throw new PhinetsError("cli.usage", "--images and --tensor are two kinds of inputs; give one of them");
  if (tensor !== undefined) return readTensors(tensor, network).slice(0, limit);
  return images ? inputsFromPictures(images, network, limit) : randomInputs(network, Math.min(8, limit), seed);
}

async function inputsFromPictures(path: string, network: Network, limit: number): Promise<Int8Array[]> {
  requirePictureInput(network, path);
  if (!existsSync(path)) throw new PhinetsError("emulate.images", `${path}: no such picture or folder`, path);
  const [{ listPictures, readPicture }, { resize, withChannels, writeInputInt8 }] = await Promise.all([
    import("@phinets/node/picture"),
    import("@phinets/core/data"),
  ]);
  const files = statSync(path).isDirectory() ? listPictures(path) : [path];
  if (files.length === 0)
    throw new PhinetsError("emulate.images", `${path}: the folder has no pictures; name one that has`, path);
  const { height, width, channels } = network.input;
  const inputs: Int8Array[] = [];
  for (const file of files.slice(0, limit)) {
    const picture = resize(withChannels(await readPicture(file), channels), { height, width });
    const input = new Int8Array(picture.data.length);
    writeInputInt8(picture.data, input);
    inputs.push(input);
  }
  return inputs;
}

function randomInputs({ input: { height, width, channels } }: Network, count: number, seed: number): Int8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new Random(seed, i);
    return new Int8Array(height * width * channels).map(() => random.integer(256) - 128);
  });
}

function describe(result: Emulation): string {
  const { target, tracking } = result;
  const { planned } = target;
  const linked = (bytes: number | undefined, before: number): string =>
    bytes === undefined
      ? `${formatBytes(before)} planned`
      : `${formatBytes(bytes)} linked, ${bytes === before ? "as planned" : `${formatBytes(before)} planned`}`;
  const regions = target.regions
    .filter(({ usedBytes }) => usedBytes > 0)
    .map(({ region, usedBytes, totalBytes }) => [
      `  ${region}`,
      `${formatBytes(usedBytes)} of ${formatBytes(totalBytes)} (${formatPercent(usedBytes / totalBytes)})`,
    ]);
  return formatTable(
    ["", ""],
    [
      ["ran on", `${result.machine}${result.ownCore ? "" : `; QEMU has no ${target.core}`}`],
      ["pictures", formatCount(result.images)],
      ["output bytes", "all equal to the interpreter's"],
      ["instructions a picture", `${formatCount(result.instructions)} (${result.instructionsPerMac.toFixed(2)} a MAC)`],
      ...(result.latencyMs
        ? [["time a picture", `${result.latencyMs.map(formatMs).join(" to ")}, estimated from the instructions`]]
        : []),
      ...(tracking
        ? [
            [
              "tracks",
              `${formatCount(tracking.tracks)} of ${formatCount(tracking.boxes)} boxes, all equal to the library's`,
            ],
            ["instructions to detect and track", `${formatCount(tracking.instructions)} a frame`],
          ]
        : []),
      ["stack", formatBytes(result.stackBytes)],
      [target.name, target.problem ?? "fits"],
      ["flash", linked(target.flashBytes, planned.flashBytes)],
      ["weights", linked(target.weightsBytes, planned.weightsBytes)],
      ["arena", linked(target.arenaBytes, planned.arenaBytes)],
      ...(target.banks.length > 1 ? target.banks : []).map(({ region, bytes, plannedBytes }) => [
        `  of it in ${region}`,
        linked(bytes, plannedBytes),
      ]),
      ...regions,
      ["outputs' SHA-256", result.outputSha256],
    ],
  );
}
