/** `phinets fit`: solves for the network that uses a board. */
import { writeFileSync } from "node:fs";
import { type Board, fpsAtPower } from "@phinets/core/cost";
import {
  type Candidate,
  defaultFps,
  type FitOptions,
  type FitResult,
  type Preference,
  preferences,
  fit as solve,
  type Task,
} from "@phinets/core/scaling";
import { PhinetsError } from "@phinets/core/tensor";
import { type Command, Option } from "commander";
import type { Context } from "../terminal/context.js";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { formatPairs, formatTable } from "../terminal/table.js";
import { powerText } from "./inspection-text.js";
import { loadTarget, namingTarget } from "./training-options.js";

interface FitCommandOptions {
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
  program
    .command("fit")
    .description(
      "Solves for the PhiNet that uses what a board has, and shows leaner ones beside it. Of the networks that use 95 % " +
        "of the limit that binds, and 90 % of both RAM and flash where any does, it takes the best by the proxy for accuracy.",
    )
    .requiredOption("--target <board>", "a board's name, or the path of a board.json")
    .option("--task <task>", "detect or classify", oneOf<Task>("detect", "classify"), "detect")
    .option("--imgsz <size>", "input in pixels, N or HEIGHTxWIDTH (default: solved for)", pictureSize)
    .option("--channels <n>", "1 grey, 3 colour", integer(1, 1024), 3)
    .option("--classes <n>", "classes (default 1 to detect, 10 to classify)", integer(1, 10000))
    .option(
      "--fps <n>",
      `frames a second that the board must reach (default ${defaultFps}, none with --max-macs)`,
      number(1e-3, 1e4),
    )
    .addOption(new Option("--no-time-limit", "however long an inference takes: RAM and flash decide").conflicts("fps"))
    .option("--max-ram <bytes>", "most bytes of arena (default: the board's arena region)", integer(1))
    .option("--max-flash <bytes>", "most bytes of code and weights (default: the board's flash)", integer(1))
    .option("--max-macs <n>", "most multiply-accumulates an inference", integer(1))
    .option("--max-energy <mJ>", "most millijoules an inference", number(1e-6))
    .option("--power-mw <n>", "say how many frames a second the chosen network makes at this mean power", number(1e-6))
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
        prefer: options.prefer,
        wide: options.wide,
      };
      const { json, text } = await namingTarget(options.target, () => fit(request, options.fill, options.powerMw));
      if (options.out !== undefined) writeNetwork(options.out, json);
      context.result(json, () => text);
    });
}

type Solution = FitResult & {
  elapsedMs: number;
  /** Slow and fast end of the chosen network's latency band, asleep in between. */
  atPower?: { readonly powerMw: number; readonly framesPerSecond: readonly [low: number, high: number] };
};

/** The JSON document and the text of `phinets fit`. */
export function fit(options: FitOptions, showFill = false, powerMw?: number): { json: Solution; text: string } {
  const start = performance.now();
  const result = solve(options);
  const json: Solution = { ...result, elapsedMs: Math.round(performance.now() - start) };
  if (powerMw !== undefined)
    json.atPower = { powerMw, framesPerSecond: fpsAtPower(result.chosen.latencyMs, options.board, powerMw) };
  return { json, text: textOf(json, options.board, showFill) };
}

function textOf(result: Solution, board: Board, showFill: boolean): string {
  const { budget, chosen, pareto, fill } = result;
  const { network } = chosen;
  const limits = [
    `RAM ${formatBytes(budget.ramBytes)}`,
    `flash ${formatBytes(budget.flashBytes)}`,
    ...(budget.latencyMs === undefined ? [] : [`${formatMs(budget.latencyMs)} a frame`]),
    ...(budget.macs === undefined ? [] : [formatMacs(budget.macs)]),
    ...(budget.energyMj === undefined ? [] : [`${budget.energyMj} mJ an inference`]),
  ];
  const [low, high] = chosen.latencyMs;
  return [
    `${board.title}: ${limits.join(", ")}`,
    formatTable(
      ["", "input", "alpha", "beta", "t0", "N", "SE", "parameters", "MACs", "RAM", "flash", "ms", "mJ"],
      pareto.map((candidate) => row(candidate, candidate === chosen)),
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
      ...(result.atPower === undefined ? [] : [["power", powerText(result.atPower)] as const]),
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
};

/** What holds the network back, and what to do about it where RAM and flash are left. */
function bindingText({ fill, budget }: FitResult): string {
  const text = `${limitNames[fill.binding]}, ${formatPercent(fill[fill.binding] ?? 0)} used`;
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
