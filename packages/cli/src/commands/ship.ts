/** `phinets ship`: labelled pictures and a board in, proven firmware and a report out. */

import { describeMetrics } from "@phinets/node/report";
import { defaultTarget, loadTarget, namingTarget } from "@phinets/node/run";
import { isProven, type ShipRequest, type ShipResult, ship } from "@phinets/node/steps";
import { formatBytes, formatCount, shellQuote } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { integer } from "../terminal/options.js";
import { addInt8Options, type Int8Options } from "./int8-options.js";
import { addProgramOptions, type ProgramOptions, wishOf } from "./program-options.js";
import {
  addDataOptions,
  addNetworkOptions,
  addRecipeOptions,
  addRunOptions,
  type DataOptions,
  limitsOf,
  loadingOf,
  type NetworkOptions,
  type RecipeOptions,
  type RunOptions,
  recipeOf,
  requireData,
  threadsOf,
} from "./training-options.js";

interface ShipOptions extends DataOptions, NetworkOptions, RecipeOptions, RunOptions, Int8Options, ProgramOptions {
  readonly target: string;
  readonly out?: string;
  readonly images: number;
  readonly clip?: string;
}

export function register(program: Command, context: Context): void {
  const command = program
    .command("ship")
    .description(
      "From labelled pictures and a board to proven firmware and a report. Run again, it redoes only what changed.",
    );
  addProgramOptions(addInt8Options(addRunOptions(addRecipeOptions(addNetworkOptions(addDataOptions(command))))))
    .option("--out <dir>", "the run's folder itself, in place of --project and --name")
    .option("--images <n>", "test pictures to run through the emulated firmware", integer(1), 300)
    .option("--clip <path>", "video or folder of frames to track")
    .action((options: ShipOptions) => shipCommand(options, context));
}

async function shipCommand(options: ShipOptions, context: Context): Promise<void> {
  const request: ShipRequest = {
    data: requireData(options.data),
    fraction: options.fraction,
    loading: loadingOf(options),
    target: loadTarget(options.target ?? defaultTarget),
    network: options.network,
    limits: limitsOf(options),
    recipe: recipeOf(options),
    threads: threadsOf(options),
    images: options.images,
    qat: options.qat,
    maxDrop: options.maxDrop,
    wish: wishOf(options),
    clip: options.clip,
    project: options.project,
    name: options.name,
    out: options.out,
    commandLine: shellQuote(["npx", "phinets", ...process.argv.slice(2)]),
  };
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
      `proof     ${matchesInterpreter ? `every output byte of ${images} pictures equals the interpreter's on the ${machine}` : `${differingBytes} OUTPUT BYTES DIFFER from the interpreter's on ${images} pictures`}`,
      `board     ${(instructions / 1e6).toFixed(1)} M instructions a frame (${network.latencyMs.map((ms) => ms.toFixed(0)).join("..")} ms planned), arena ${formatBytes(arenaBytes)}, flash ${formatBytes(flashBytes)}${target.linked ? ` linked for ${target.name}` : `; ${target.fits ? "" : "DOES NOT FIT: "}${target.problem}`}`,
    );
  }
  if (track !== undefined)
    lines.push(`tracks    ${track.tracks} in ${track.frames} frames${firmwareTracks(track.firmware)}`);
  return [...lines, `report    ${report}`].join("\n");
}

function firmwareTracks(firmware: NonNullable<ShipResult["track"]>["firmware"]): string {
  if (firmware === undefined || "leftOut" in firmware) return "";
  const { tracksMatch, frames, differingFrames, instructions } = firmware;
  return tracksMatch
    ? `; the firmware's of ${frames} frames are the same, in ${formatCount(instructions)} instructions a frame`
    : `; ${differingFrames} OF ${frames} FRAMES DIFFER in the firmware`;
}
