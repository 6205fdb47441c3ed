/** `phinets inspect`: what a network is made of and what it costs, before anything is trained. */

import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawMemory, inspectNetwork } from "@phinets/core/cost";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { findRunFolder, loadNetwork, loadTarget, savedTarget } from "@phinets/node/run";
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
  description: "Shows a network's blocks, parameters, multiply-accumulates and memory, and its share of a board.",
  arguments: [{ name: "<network>", help: "a network.json, or a run folder", completes: "path" }],
  examples: [
    ["phinets inspect network.json --target stm32h743 --layers", "what each layer costs on the board"],
    ["phinets inspect runs/detect/train --svg memory.svg", "memory over time, as a picture"],
  ],
  options: [
    vary(target, { help: "the board to compare with, name or board.json", usual: "the one a run was made for" }),
    {
      flags: "--layers",
      help: "one line a layer as well; with --target, its time and energy too",
      group: groups.network,
    },
    vary(powerMw, { help: "with --target: frames a second at this mean power, asleep in between" }),
    ...programOptions,
    { flags: "--svg <file>", help: "write a picture of the memory over time", group: groups.run, completes: "path" },
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((path: string, options: InspectOptions) => {
    const network = loadNetwork(networkFile(path));
    const board = options.target === undefined ? rememberedTarget(path) : loadTarget(options.target);
    if (options.powerMw !== undefined && board === undefined)
      throw new PhinetsError("cli.usage", "--power-mw needs --target: power is a board's");
    const inspection = inspectNetwork(network, { board, powerMw: options.powerMw, ...programRequestOf(options) });
    if (options.svg !== undefined)
      writePicture(options.svg, drawMemory(network, board, undefined, programRequestOf(options)));
    context.result(inspection, () => inspectionText(network, inspection, options.layers));
  });
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

function networkFile(path: string): string {
  return isFolder(path) ? join(findRunFolder(path), "network.json") : path;
}

function rememberedTarget(path: string): Board | undefined {
  return isFolder(path) ? savedTarget(findRunFolder(path)) : undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
