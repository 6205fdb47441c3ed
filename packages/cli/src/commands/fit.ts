/** `phinets fit`: solves for the network that uses a board. */

import { writeFileSync } from "node:fs";
import { fpsAtPower } from "@phinets/core/cost";
import {
  type Candidate,
  defaultFps,
  defaultFpsAtPower,
  type FitOptions,
  type FitResult,
  type Preference,
  preferences,
  fit as solve,
  type Task,
} from "@phinets/core/scaling";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { loadTarget, namingTarget } from "@phinets/node/run";
import {
  formatBytes,
  formatCount,
  formatMacs,
  formatMs,
  formatPairs,
  formatPercent,
  formatTable,
} from "@phinets/node/text";
import { type Command, Option } from "commander";
import type { Context } from "../terminal/context.js";
import { integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { powerText } from "./inspection-text.js";
import { addProgramOptions, type ProgramOptions, wishOf } from "./program-options.js";

interface FitCommandOptions extends ProgramOptions {
  readonly target: string;
  readonly task: Task;
  readonly imgsz?: { readonly height: number; readonly width: number };
  readonly channels: number;
  readonly classes?: number;
  readonly fps?: number;
  /** False: `--no-time-limit`. */
  readonly timeLimit: boolean;
  readonly maxRam?: number;
  readonly maxFlash?: number;
  readonly maxMacs?: number;
  readonly maxEnergy?: number;
  readonly powerMw?: number;
  readonly prefer: Preference;
  readonly wide: boolean;
  readonly fill: boolean;
  readonly out?: string;
}

export function register(program: Command, context: Context): void {
  const command = program
    .command("fit")
    .description(
      "Solves for the PhiNet that uses what a board has, and shows leaner ones beside it. Of the networks that use 95 % " +
        "of the limit that binds, and 90 % of both RAM and flash where any does, it takes the best by the proxy for accuracy.",
    );
  addProgramOptions(command)
    .requiredOption("--target <board>", "a board's name, or the path of a board.json")
    .option("--task <task>", "detect or classify", oneOf<Task>("detect", "classify"), "detect")
    .option("--imgsz <size>", "input in pixels, N or HEIGHTxWIDTH (default: solved for)", pictureSize)
    .option("--channels <n>", "1 grey, 3 colour", integer(1, 1024), 3)
    .option("--classes <n>", "classes (default 1 to detect, 10 to classify)", integer(1, 10000))
    .option(
      "--fps <n>",
      `frames a second that the board must reach (default ${defaultFps}, none with --max-macs, ${defaultFpsAtPower} with --power-mw)`,
      number(1e-3, 1e4),
    )
    .addOption(new Option("--no-time-limit", "however long an inference takes: RAM and flash decide").conflicts("fps"))
    .option("--max-ram <bytes>", "most bytes of arena (default: the board's arena region)", integer(1))
    .option("--max-flash <bytes>", "most bytes of code and weights (default: the board's flash)", integer(1))
    .option("--max-macs <n>", "most multiply-accumulates an inference", integer(1))
    .option("--max-energy <mJ>", "most millijoules an inference", number(1e-6))
    .option(
      "--power-mw <n>",
      "most milliwatts on average at --fps frames a second, asleep in between; says how many frames a second every network makes on it (with --no-time-limit it only says so)",
      number(1e-6),
    )
    .option(
      "--prefer <what>",
      "balanced; macs or parameters: the most that fits; speed: the fastest with half the proxy; resolution: the largest input",
      oneOf<Preference>(...preferences),
      "balanced",
    )
    .option("--wide", "weigh stems without stride and 5x5 kernels too: five times as many networks", false)
    .option("--fill", "show how full every limit is", false)
    .option("--out <file>", "write the chosen network.json")
    .action(async (options: FitCommandOptions) => {
      const request: FitOptions = {
        board: loadTarget(options.target),
        task: options.task,
        imgsz: options.imgsz,
        channels: options.channels,
        classes: options.classes,
        fps: options.fps,
        noTimeLimit: !options.timeLimit,
        maxRamBytes: options.maxRam,
        maxFlashBytes: options.maxFlash,
        maxMacs: options.maxMacs,
        maxEnergyMj: options.maxEnergy,
        powerMw: options.powerMw,
        prefer: options.prefer,
        wide: options.wide,
        ...wishOf(options),
      };
      const { json, text } = await namingTarget(options.target, () => fit(request, options.fill));
      if (options.out !== undefined) writeNetwork(options.out, json);
      context.result(json, () => text);
    });
}

type Frames = readonly [low: number, high: number];

type Solution = FitResult & {
  elapsedMs: number;
  /** Frames a second on a mean power, asleep in between: slow and fast end of the latency band. */
  atPower?: {
    readonly powerMw: number;
    /** Of the chosen network. */
    readonly framesPerSecond: Frames;
    /** Of each network of `pareto`. */
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

/** Slow and fast end. */
export function framesText([low, high]: Frames): string {
  return `${low.toPrecision(2)}-${high.toPrecision(2)}`;
}

/** What holds the network back, and what to do about it where RAM and flash are left. */
function bindingText({ fill, budget }: FitResult): string {
  const text = `${limitNames[fill.binding]}, ${formatPercent(fill[fill.binding] ?? 0)} used`;
  if (fill.binding === "power") return `${text} (a lower --fps, or a larger --power-mw, uses more RAM and flash)`;
  if (fill.binding !== "latency") return text;
  return `${text} (${formatMs(budget.latencyMs ?? 0)} a frame; a lower --fps, or --no-time-limit, uses more RAM and flash)`;
}

/** A bar for every limit. */
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
