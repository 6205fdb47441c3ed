/** `phinets fit`: solves for the network that makes the best use of a board. */

import { writeFileSync } from "node:fs";
import { fpsAtPower } from "@phinets/core/cost";
import { type Candidate, type FitOptions, type FitResult, fit as solve, type Task } from "@phinets/core/scaling";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { loadTarget, namingTarget } from "@phinets/node/target";
import {
  formatBytes,
  formatCount,
  formatMacs,
  formatMs,
  formatPairs,
  formatPercent,
  formatTable,
} from "@phinets/node/text";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { addVerb, type OptionDefinition, type VerbDefinition, vary } from "../terminal/definition.js";
import { integer, oneOf } from "../terminal/options.js";
import { powerText } from "./inspection-text.js";
import { type LimitOptions, limitOptions, limitsOf } from "./network-options.js";
import { type ProgramOptions, programOptions, programRequestOf } from "./program-options.js";
import { cfg, groups, json, out, target } from "./shared-options.js";

interface FitCommandOptions extends ProgramOptions, LimitOptions {
  readonly target: string;
  readonly task?: Task;
  readonly classes?: number;
  readonly fill?: boolean;
  readonly out?: string;
}

export const task: OptionDefinition = {
  flags: "--task <task>",
  help: "task of the network",
  group: groups.network,
  parse: oneOf<Task>("detect", "classify"),
  usual: "detect",
};

const definition: VerbDefinition = {
  name: "fit",
  description:
    "Solves for the PhiNet that makes best use of a board, and shows smaller networks beside it. It chooses the network with the best " +
    "accuracy proxy among those that use at least 95 % of the tightest limit (and, if any do, 90 % of both RAM and flash).",
  examples: [
    ["phinets fit --target stm32h743", "the best detector for the board"],
    ["phinets fit --target rp2040 --task classify --classes 5 --fps 2", "a classifier at two frames per second"],
    ["phinets fit --target nrf52840 --power-mw 10 --out network.json", "on 10 mW; train with --network network.json"],
  ],
  options: [
    vary(target, { required: true }),
    task,
    {
      flags: "--classes <n>",
      help: "number of classes",
      group: groups.network,
      parse: integer(1, 10000),
      usual: "1 to detect, 10 to classify",
    },
    ...limitOptions,
    ...programOptions,
    { flags: "--fill", help: "show how much of each limit is used", group: groups.network },
    vary(out("file", ""), { help: "network.json to write; the file must not exist yet" }),
    cfg,
    json,
  ],
};

export function register(program: Command, context: Context): void {
  addVerb(program, definition).action(async (options: FitCommandOptions) => {
    const request: FitOptions = {
      board: loadTarget(options.target),
      task: options.task,
      classes: options.classes,
      ...limitsOf(options),
      ...programRequestOf(options),
    };
    const { json, text } = await namingTarget(options.target, () => fit(request, options.fill));
    if (options.out !== undefined) writeNetwork(options.out, json);
    context.result(json, () => text);
  });
}

type Frames = readonly [low: number, high: number];

type Solution = FitResult & {
  elapsedMs: number;
  /**
   * Frames per second within a mean power, asleep between frames, at the slow and the fast end of the latency range.
   */
  atPower?: {
    readonly powerMw: number;
    /** For the chosen network. */
    readonly framesPerSecond: Frames;
    /** For each network of `pareto`. */
    readonly pareto: readonly Frames[];
  };
};

/** The JSON document and the text of `phinets fit`. */
export function fit(options: FitOptions, showFill = false): { json: Solution; text: string } {
  const { board, powerMw } = options;
  const start = performance.now();
  const result = solve(options);
  const json: Solution = { ...result, elapsedMs: Math.round(performance.now() - start) };
  if (powerMw !== undefined) {
    const pareto = result.pareto.map(({ latencyMs }) => fpsAtPower(latencyMs, board, powerMw));
    json.atPower = { powerMw, framesPerSecond: pareto.at(-1)!, pareto };
  }
  return { json, text: textOf(json, board, showFill) };
}

function textOf(result: Solution, board: Board, showFill: boolean): string {
  const { budget, chosen, pareto, fill, atPower } = result;
  const { network } = chosen;
  const limits = [
    `RAM ${formatBytes(budget.ramBytes)}`,
    `flash ${formatBytes(budget.flashBytes)}`,
    ...(budget.latencyMs === undefined ? [] : [`${formatMs(budget.latencyMs)} a frame`]),
    ...(budget.macs === undefined ? [] : [formatMacs(budget.macs)]),
    ...(budget.energyMj === undefined ? [] : [`${budget.energyMj} mJ an inference`]),
    ...(budget.powerMw === undefined ? [] : [`${budget.powerMw} mW on average`]),
  ];
  const [low, high] = chosen.latencyMs;
  return [
    `${board.title}: ${limits.join(", ")}`,
    formatTable(
      [
        ...["", "input", "alpha", "beta", "t0", "N", "SE", "parameters", "MACs", "RAM", "flash", "ms", "mJ"],
        ...(atPower === undefined ? [] : [`frames/s at ${atPower.powerMw} mW`]),
      ],
      pareto.map((candidate, i) => [
        ...row(candidate, candidate === chosen),
        ...(atPower === undefined ? [] : [framesText(atPower.pareto[i])]),
      ]),
    ),
    formatPairs([
      [
        "chosen",
        `alpha ${network.alpha}, beta ${network.beta}, t0 ${network.t0}, N ${network.blocks}, downsampling [${network.downsampling.join(", ")}], divisor ${network.divisor}${network.stemStride === 2 ? "" : `, stemStride ${network.stemStride}`}${network.conv5 === 0 ? "" : `, conv5 ${network.conv5}`}`,
      ],
      ["parameters", formatCount(chosen.parameters)],
      ["MACs", formatCount(chosen.macs)],
      ["RAM", `${formatBytes(chosen.ramBytes)} (${formatPercent(fill.ram)} of the budget)`],
      ["flash", `${formatBytes(chosen.flashBytes)} (${formatPercent(fill.flash)} of the budget)`],
      ["latency", `${formatMs(low)} to ${formatMs(high)}, estimated`],
      ["energy", `${chosen.energyMj.toFixed(1)} mJ an inference, estimated`],
      ...(atPower === undefined ? [] : [["power", powerText(atPower)] as const]),
      ["binding", bindingText(result)],
    ]),
    ...(showFill ? [fillBars(fill)] : []),
    `${formatCount(result.evaluated)} networks in ${formatMs(result.elapsedMs)}`,
  ].join("\n\n");
}

const limitNames: Readonly<Record<FitResult["fill"]["binding"], string>> = {
  ram: "RAM",
  flash: "flash",
  latency: "time",
  macs: "MACs",
  energy: "energy",
  power: "power",
};

/** Formats the slow and the fast end. */
export function framesText([low, high]: Frames): string {
  return `${low.toPrecision(2)}-${high.toPrecision(2)}`;
}

/** The limit that constrains the network, and what to change where RAM and flash are left. */
function bindingText({ fill, budget }: FitResult): string {
  const text = `${limitNames[fill.binding]}, ${formatPercent(fill[fill.binding] ?? 0)} used`;
  if (fill.binding === "power") return `${text} (a lower --fps, or a larger --power-mw, uses more RAM and flash)`;
  if (fill.binding !== "latency") return text;
  return `${text} (${formatMs(budget.latencyMs ?? 0)} a frame; a lower --fps, or --no-time-limit, uses more RAM and flash)`;
}

/** One bar per limit. */
function fillBars(fill: FitResult["fill"]): string {
  const width = 40;
  const shares = (Object.keys(limitNames) as FitResult["fill"]["binding"][]).flatMap((name) => {
    const share = fill[name];
    if (share === undefined) return [];
    const full = Math.min(width, Math.round(share * width));
    return [[limitNames[name], `${"█".repeat(full)}${"░".repeat(width - full)} ${formatPercent(share)}`] as const];
  });
  return formatPairs(shares.map(([name, bar]) => [name, bar]));
}

function row({ network, ...cost }: Candidate, chosen: boolean): (string | number)[] {
  const { height, width } = network.input;
  return [
    chosen ? "→" : "",
    `${height}x${width}`,
    network.alpha,
    network.beta,
    network.t0,
    network.blocks,
    network.squeezeExcite ? "yes" : "",
    formatCount(cost.parameters),
    formatMacs(cost.macs),
    formatBytes(cost.ramBytes),
    formatBytes(cost.flashBytes),
    cost.latencyMs.map((ms) => ms.toFixed(0)).join("-"),
    cost.energyMj.toFixed(1),
  ];
}

function writeNetwork(file: string, { chosen }: FitResult): void {
  try {
    writeFileSync(file, `${JSON.stringify(chosen.network, undefined, 1)}\n`, { flag: "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const what = code === "EEXIST" ? "exists; name another file or remove it" : `cannot be written (${code})`;
    throw new PhinetsError("cli.out", `${file}: ${what}`, file);
  }
}
