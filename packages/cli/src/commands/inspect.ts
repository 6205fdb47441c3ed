/** `phinets inspect`: shows a network's layers and costs before any training. */

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawMemory, inspectNetwork } from "@phinets/core/cost";
import type { Graph } from "@phinets/core/graph";
import type { Network } from "@phinets/core/networks";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { loadTarget, savedTarget } from "@phinets/node/target";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { inspectionText } from "./inspection-text.js";
import { powerMw } from "./network-options.js";
import { type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { groups, json, target } from "./shared-options.js";

interface InspectOptions extends ProgramOptions {
  readonly target?: string;
  readonly layers?: boolean;
  readonly powerMw?: number;
  readonly svg?: string;
}

const definition: VerbDefinition = {
  name: "inspect",
  description:
    "Shows a network's blocks, parameters, multiply-accumulates and memory, and how much of a board it uses.",
  arguments: [{ name: "<network>", help: "a network.json, or a run folder", completes: "path" }],
  examples: [
    ["phinets inspect network.json --target stm32h743 --layers", "cost of each layer on the board"],
    ["phinets inspect runs/detect/train --svg memory.svg", "chart of memory over time"],
  ],
  options: [
    vary(target, {
      help: "board to compare with: a name or a board.json",
      usual: "the board that the run was made for",
    }),
    {
      flags: "--layers",
      help: "also list every layer; with --target, with its time and energy",
      group: groups.network,
    },
    vary(powerMw, {
      help: "with --target: show the frames per second at this average power in milliwatts, asleep between frames",
    }),
    ...programOptions,
    { flags: "--svg <file>", help: "write a chart of memory over time", group: groups.run, completes: "path" },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (path: string, options: InspectOptions) => {
    const { findRunFolder, loadNetwork } = await import("@phinets/node/run");
    const run = isFolder(path) ? findRunFolder(path) : undefined;
    const network = loadNetwork(run === undefined ? path : join(run, "network.json"));
    const remembered = (): Board | undefined => (run === undefined ? undefined : savedTarget(run));
    const target = options.target === undefined ? remembered() : loadTarget(options.target);
    if (options.powerMw !== undefined && target === undefined)
      throw new PhinetsError("cli.usage", "--power-mw needs --target: power is a board's");
    const { board = target, ...imported } = await importedParts(network, run, target);
    const request = { ...programRequestOf(options), ...imported };
    const inspection = inspectNetwork(network, { board, powerMw: options.powerMw, ...request });
    if (options.svg !== undefined) writePicture(options.svg, drawMemory(network, board, undefined, request));
    context.result(inspection, () => inspectionText(network, inspection, options.layers));
  });
}

/** Graph and program of an imported int8 network, which only its run folder has. */
async function importedParts(
  network: Network,
  run: string | undefined,
  target: Board | undefined,
): Promise<{ readonly graph?: Graph; readonly board?: Board; readonly uniformLayers?: ReadonlySet<string> }> {
  const { isImportedInt8 } = await import("@phinets/core/networks");
  if (!isImportedInt8(network) || run === undefined) return {};
  const [{ loadRun, requireQuantized }, { arithmeticOn }] = await Promise.all([
    import("@phinets/node/run"),
    import("@phinets/core/export"),
  ]);
  const quantized = requireQuantized(loadRun(run));
  return { graph: quantized.graph, ...(target && arithmeticOn(quantized, target)) };
}

function writePicture(file: string, svg: string): void {
  try {
    writeFileSync(file, svg, { flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "EEXIST" ? "exists; name another file or remove it" : `cannot be written (${code})`;
    throw new PhinetsError("cli.out", `${file}: ${what}`, file);
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
