/** `phinets ship`: labelled pictures and a board in, proven firmware and a report out. */

import type { ShipRequest, ShipResult } from "@phinets/node/steps";
import { defaultTarget, loadTarget, namingTarget } from "@phinets/node/target";
import { describeMetrics, formatBytes, formatCount, shellQuote, verdict } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition } from "../terminal/definition.js";
import { integer } from "../terminal/options.js";
import { type DataOptions, dataOptions, loadingOf, requireData } from "./data-options.js";
import { type Int8Options, int8Options } from "./int8-options.js";
import { limitsOf, type NetworkOptions, networkOptions } from "./network-options.js";
import { type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { cfg, json, name, out, project, threadsOf } from "./shared-options.js";
import { type RecipeOptions, recipeOf, recipeOptions, weights } from "./training-options.js";

interface ShipOptions extends DataOptions, NetworkOptions, RecipeOptions, Int8Options, ProgramOptions {
  readonly project: string;
  readonly name?: string;
  readonly target?: string;
  readonly weights?: string;
  readonly out?: string;
  readonly images: number;
  readonly clip?: string;
  readonly fromSweep?: string;
}

/** The compiler checks this value against the code that uses it, which is loaded only when it is needed. */
const defaultProofPictures: typeof import("@phinets/node/steps").defaultProofPictures = 300;

const definition: VerbDefinition = {
  name: "ship",
  description:
    "Trains a network on labelled pictures, makes int8 firmware for a board, verifies it in an emulator and writes a report. When run again, it repeats only the steps whose inputs changed.",
  main: "data target network imgsz epochs seed clip cfg out name workers json".split(" "),
  examples: [
    ["phinets ship --data my-parts --target stm32h743", "every step, and a report"],
    ["phinets ship --data my-parts --target rp2040 --clip belt.mp4", "also track the objects of a clip"],
    ["phinets ship --cfg my-parts/phinets.yaml --epochs 60", "options from the file that phinets init wrote"],
  ],
  options: [
    ...dataOptions,
    ...networkOptions.map((option) =>
      option.flags.startsWith("--target") ? { ...option, usual: defaultTarget } : option,
    ),
    ...programOptions,
    weights,
    {
      flags: "--from-sweep <folder>",
      help: "use the options and the trained network of a sweep's best setting; if the sweep has several boards, the best for --target",
      group: "Run folder",
      completes: "path",
    },
    ...recipeOptions,
    ...int8Options,
    {
      flags: "--images <n>",
      help: "number of test pictures to run through the emulated firmware",
      group: "Firmware",
      parse: integer(1),
      default: defaultProofPictures,
    },
    {
      flags: "--clip <path>",
      help: "video, or folder of frames, in which to track objects",
      group: "Firmware",
      completes: "path",
    },
    project,
    name("DATA-BOARD"),
    out("folder", "folder for the result, instead of PROJECT/ship/NAME"),
    cfg,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((options: ShipOptions) => shipCommand(options, context));
}

async function shipCommand(options: ShipOptions, context: Context): Promise<void> {
  const { fromSweep } = options;
  const adopt = fromSweep && (await import("@phinets/node/sweep")).bestRun(fromSweep, options.target);
  const request: ShipRequest = {
    data: requireData(options.data),
    fraction: options.fraction,
    loading: loadingOf(options),
    target: loadTarget(options.target ?? defaultTarget),
    network: options.network,
    weights: options.weights,
    limits: limitsOf(options),
    recipe: recipeOf(options),
    adopt,
    threads: threadsOf(options),
    images: options.images,
    qat: options.qat,
    maxDrop: options.maxDrop,
    programRequest: programRequestOf(options),
    clip: options.clip,
    project: options.project,
    name: options.name,
    out: options.out,
    commandLine: shellQuote(["npx", "phinets", ...process.argv.slice(2)]),
  };
  const { isProven, ship } = await import("@phinets/node/steps");
  context.resumeWith();
  const result = await namingTarget(options.target, () => ship(request, context));
  if (!isProven(result)) context.exitCode = 1;
  context.result(result, () => describeShip(result));
}

/** The outcome in a few lines. */
export function describeShip({ evaluation, emulate, track, report, network }: ShipResult): string {
  const lines = [
    `float     ${describeMetrics(evaluation.float)}`,
    `int8      ${describeMetrics(evaluation.int8)}`,
    ...(evaluation.firmware === undefined ? [] : [`firmware  ${describeMetrics(evaluation.firmware)}`]),
  ];
  if ("leftOut" in emulate) lines.push(`firmware  left out: ${emulate.leftOut}`);
  else {
    const { images, matchesInterpreter, differingBytes, instructions, arenaBytes, flashBytes, target, machine } =
      emulate;
    lines.push(
      `proof     ${matchesInterpreter ? `every output byte of ${images} pictures equals the interpreter's (run on ${machine})` : `${differingBytes} OUTPUT BYTES DIFFER from the interpreter's on ${images} pictures`}`,
      `board     ${(instructions / 1e6).toFixed(1)} M instructions a frame (${network.latencyMs.map((ms) => ms.toFixed(0)).join("..")} ms planned), arena ${formatBytes(arenaBytes)}, flash ${formatBytes(flashBytes)}${target.linked ? ` linked for ${target.name}` : `; ${target.fits ? "" : "DOES NOT FIT: "}${target.problem}`}`,
    );
  }
  if (track !== undefined)
    lines.push(`tracks    ${track.tracks} in ${track.frames} frames${firmwareTracks(track.firmware)}`);
  const useless = verdict(evaluation.int8);
  return [...lines, ...(useless === undefined ? [] : [`WARNING   ${useless}`]), `report    ${report}`].join("\n");
}

function firmwareTracks(firmware: NonNullable<ShipResult["track"]>["firmware"]): string {
  if (firmware === undefined || "leftOut" in firmware) return "";
  const { tracksMatch, frames, differingFrames, instructions } = firmware;
  return tracksMatch
    ? `; the firmware's tracks of ${frames} frames are the same, with ${formatCount(instructions)} instructions per frame`
    : `; ${differingFrames} OF ${frames} FRAMES DIFFER in the firmware`;
}
