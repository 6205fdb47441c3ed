/** `phinets fit`: solves for the network that uses a board. */
import { writeFileSync } from "node:fs";
import type { Board } from "@phinets/core/cost";
import {
  type Candidate,
  defaultFps,
  type FitOptions,
  type FitResult,
  fit as solve,
  type Task,
} from "@phinets/core/scaling";
import { PhinetsError } from "@phinets/core/tensor";
import type { Command } from "commander";
import type { Context } from "../terminal/context.js";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { integer, number, oneOf, pictureSize } from "../terminal/options.js";
import { formatPairs, formatTable } from "../terminal/table.js";
import { loadTarget, namingTarget } from "./training-options.js";

interface FitCommandOptions {
  readonly target: string;
  readonly task: Task;
  readonly imgsz?: { readonly height: number; readonly width: number };
  readonly channels: number;
  readonly classes?: number;
  readonly fps?: number;
  readonly maxRam?: number;
  readonly maxFlash?: number;
  readonly maxMacs?: number;
  readonly out?: string;
}

export function register(program: Command, context: Context): void {
  program
    .command("fit")
    .description("Solves for the PhiNet that uses what a board has, and shows the faster ones beside it.")
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
    .option("--max-ram <bytes>", "most bytes of arena (default: the board's arena region)", integer(1))
    .option("--max-flash <bytes>", "most bytes of code and weights (default: the board's flash)", integer(1))
    .option("--max-macs <n>", "most multiply-accumulates an inference", integer(1))
    .option("--out <file>", "write the chosen network.json")
    .action(async (options: FitCommandOptions) => {
      const request: FitOptions = {
        board: loadTarget(options.target),
        task: options.task,
        imgsz: options.imgsz,
        channels: options.channels,
        classes: options.classes,
        fps: options.fps,
        maxRamBytes: options.maxRam,
        maxFlashBytes: options.maxFlash,
        maxMacs: options.maxMacs,
      };
      const { json, text } = await namingTarget(options.target, () => fit(request));
      if (options.out !== undefined) writeNetwork(options.out, json);
      context.result(json, () => text);
    });
}

/** The JSON document and the text of `phinets fit`. */
export function fit(options: FitOptions): { json: FitResult & { elapsedMs: number }; text: string } {
  const start = performance.now();
  const result = solve(options);
  const json = { ...result, elapsedMs: Math.round(performance.now() - start) };
  return { json, text: textOf(json, options.board) };
}

function textOf(result: FitResult & { elapsedMs: number }, board: Board): string {
  const { budget, chosen, pareto } = result;
  const { network } = chosen;
  const limits = [
    `RAM ${formatBytes(budget.ramBytes)}`,
    `flash ${formatBytes(budget.flashBytes)}`,
    ...(budget.latencyMs === undefined ? [] : [`${formatMs(budget.latencyMs)} a frame`]),
    ...(budget.macs === undefined ? [] : [formatMacs(budget.macs)]),
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
        `alpha ${network.alpha}, beta ${network.beta}, t0 ${network.t0}, N ${network.blocks}, downsampling [${network.downsampling.join(", ")}]`,
      ],
      ["parameters", formatCount(chosen.parameters)],
      ["MACs", formatCount(chosen.macs)],
      ["RAM", `${formatBytes(chosen.ramBytes)} (${formatPercent(chosen.ramBytes / budget.ramBytes)} of the budget)`],
      [
        "flash",
        `${formatBytes(chosen.flashBytes)} (${formatPercent(chosen.flashBytes / budget.flashBytes)} of the budget)`,
      ],
      ["latency", `${formatMs(low)} to ${formatMs(high)}, estimated`],
      ["energy", `${chosen.energyMj.toFixed(1)} mJ an inference, estimated`],
    ]),
    `${formatCount(result.evaluated)} networks in ${formatMs(result.elapsedMs)}`,
  ].join("\n\n");
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
