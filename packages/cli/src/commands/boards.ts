/** `phinets boards`: the built-in boards, the sources of their numbers, and what each can run within a power budget. */

import { fpsAtPower } from "@phinets/core/cost";
import { type Candidate, defaultFpsAtPower, fit, type Task } from "@phinets/core/scaling";
import { type Board, banksOf, boardNames, loadBoard, type Region, unverifiedOf } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { loadTarget } from "@phinets/node/target";
import { formatBytes, formatCount, formatHertz, formatMacs, formatPairs, formatTable } from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type VerbDefinition, vary } from "../terminal/definition.js";
import { number } from "../terminal/options.js";
import { framesText, task } from "./fit.js";
import { powerMw } from "./network-options.js";
import { groups, json } from "./shared-options.js";

interface BoardsCommandOptions {
  readonly powerMw?: number;
  readonly fps?: number;
  readonly task?: Task;
}

const definition: VerbDefinition = {
  name: "boards",
  description: "Lists the built-in boards, or shows one board with its memory banks and the source of every number.",
  arguments: [{ name: "[board]", help: "name of a board, or path of a board.json", completes: "board" }],
  examples: [
    ["phinets boards", "all built-in boards"],
    ["phinets boards stm32h743", "one board, with the source of every number"],
    ["phinets boards --power-mw 10", "what each board can do with 10 mW"],
  ],
  options: [
    vary(powerMw, {
      help: "show the network that fit chooses for each board with this average power in milliwatts, asleep between frames",
    }),
    {
      flags: "--fps <n>",
      help: "with --power-mw: frames per second",
      group: groups.network,
      parse: number(1e-3, 1e4),
      usual: defaultFpsAtPower,
    },
    vary(task, { help: "with --power-mw: task of the network" }),
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action((name: string | undefined, { powerMw, ...options }: BoardsCommandOptions) => {
    if (powerMw === undefined && Object.keys(options).length > 0)
      throw new PhinetsError("cli.power", `--${Object.keys(options)[0]} needs --power-mw`, "power-mw");
    const { json, text } = powerMw === undefined ? boards(name) : boardsAtPower(powerMw, { name, ...options });
    context.result(json, () => text);
  });
}

interface AtPower {
  readonly board: string;
  readonly chosen?: Candidate;
  /** At the slow and the fast end of the latency range. */
  readonly framesPerSecond?: readonly [low: number, high: number];
  /** Why no network fits. */
  readonly problem?: string;
}

/** The network that `fit` chooses for a board, or for each built-in board, within a mean power. */
export function boardsAtPower(
  powerMw: number,
  {
    name,
    fps = defaultFpsAtPower,
    task = "detect",
  }: Omit<BoardsCommandOptions, "powerMw"> & { readonly name?: string },
): { json: unknown; text: string } {
  const list = name === undefined ? boardNames.filter((each) => each !== "custom").map(loadBoard) : [loadTarget(name)];
  const results = list.map((board): AtPower => {
    try {
      const { chosen } = fit({ board, task, fps, powerMw });
      return { board: board.name, chosen, framesPerSecond: fpsAtPower(chosen.latencyMs, board, powerMw) };
    } catch (error) {
      if (!(error instanceof PhinetsError) || error.code !== "scaling.impossible") throw error;
      return { board: board.name, problem: error.message };
    }
  });
  const rows = results.map((result, i) => atPowerRow(result, list[i]));
  const text = formatTable(
    ["board", "clock", "mW awake", "mW asleep", "input", "alpha", "parameters", "MACs", "RAM", "ms", "mJ", "frames/s"],
    rows,
  );
  return {
    json: { powerMw, fps, task, boards: results },
    text: `${text}\n\nEstimates for the network that \`phinets fit\` chooses to ${task} ${fps === 1 ? "once a second" : `${fps} times a second`} on ${powerMw} mW on average. frames/s: the frames per second that ${powerMw} mW allow.`,
  };
}

function atPowerRow({ chosen, framesPerSecond }: AtPower, board: Board): (string | number)[] {
  const awake = (board.clockHz * board.nanojoulesPerCycle * 1e-6).toPrecision(3);
  const start = [board.name, formatHertz(board.clockHz), awake, board.sleepMilliwatts];
  if (chosen === undefined) return [...start, "none fits", "", "", "", "", "", "", ""];
  const { height, width } = chosen.network.input;
  return [
    ...[...start, `${height}x${width}`, chosen.network.alpha, formatCount(chosen.parameters), formatMacs(chosen.macs)],
    formatBytes(chosen.ramBytes),
    chosen.latencyMs.map((ms) => ms.toFixed(0)).join("-"),
    chosen.energyMj.toFixed(2),
    framesText(framesPerSecond!),
  ];
}

/** @param name one board, by name or file; default: all built-in ones */
export function boards(name?: string): { json: unknown; text: string } {
  if (name !== undefined) return oneBoard(name);
  const list = boardNames.map(loadBoard);
  const rows = list.map((board) => [
    board.name,
    board.core,
    board.simd === "none" ? "" : board.simd,
    formatHertz(board.clockHz),
    formatBytes(board.flashBytes),
    formatBytes(sum(board.regions.filter(({ use }) => use !== "program"))),
    `${formatBytes(board.regions.find((region) => region.name === board.arenaRegion)!.bytes)} ${board.arenaRegion}`,
    unverifiedOf(board).length,
    board.title,
  ]);
  const text = formatTable(["board", "core", "SIMD", "clock", "flash", "RAM", "arena", "unverified", ""], rows);
  return {
    json: { boards: list },
    text: `${text}\n\n\`phinets boards NAME\` shows one board. To describe your own, copy its JSON (\`--json\`), change it, and name the file: --target ./board.json.\nUnverified: how many of the 11 numbers were not checked against a datasheet.`,
  };
}

function oneBoard(name: string): { json: unknown; text: string } {
  const board = loadTarget(name);
  const [low, high] = board.cyclesPerInstruction;
  const text = [
    formatPairs([
      [board.name, board.title],
      ["core", `${board.core}, ${formatHertz(board.clockHz)}, ${low} to ${high} cycles an instruction`],
      ["FPU, SIMD", `${board.fpu}, ${board.simd}`],
      ["energy", `${board.nanojoulesPerCycle} nJ a cycle, ${board.sleepMilliwatts} mW asleep`],
      [
        "banks",
        banksOf(board)
          .map((bank) => bank.name)
          .join(", then "),
      ],
    ]),
    formatTable(
      ["region", { title: "origin", align: "right" }, "size", "use"],
      board.regions.map((region) => [
        region.name,
        `0x${region.origin.toString(16).padStart(8, "0")}`,
        formatBytes(region.bytes),
        region.use,
      ]),
    ),
    formatPairs(Object.entries(board.sources)),
  ].join("\n\n");
  return { json: board, text };
}

function sum(regions: readonly Region[]): number {
  return regions.reduce((total, region) => total + region.bytes, 0);
}
