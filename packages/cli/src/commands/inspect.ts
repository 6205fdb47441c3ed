/** `phinets inspect`: what a network is made of and what it costs, before anything is trained. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ArenaPlan,
  arenaOf,
  type Board,
  bandMs,
  countMacs,
  countParameters,
  countTorchinfoMacs,
  energyBandMj,
  energyMj,
  exceededRegions,
  type FlashBytes,
  flashBytesOf,
  fpsAtPower,
  instructionsOf,
  latencyMs,
  macsOf,
  memoryMap,
  parametersOf,
  planArena,
  plannedUse,
  type RamBytes,
  ramBytesOf,
  type WeightBytes,
  weightBytes,
} from "@phinets/core/cost";
import { deployGraph, type Graph, type Node } from "@phinets/core/graph";
import { anchorCount, backboneBlocks, buildNetwork, type Network, networkSummary } from "@phinets/core/networks";
import { PhinetsError, sizeOf } from "@phinets/core/tensor";
import type { Command } from "commander";
import { findRunFolder } from "../run/folder.js";
import { loadNetwork } from "../run/load.js";
import { savedTarget } from "../run/target.js";
import type { Context } from "../terminal/context.js";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { number } from "../terminal/options.js";
import { formatPairs, formatTable } from "../terminal/table.js";
import { loadTarget } from "./training-options.js";

interface InspectOptions {
  readonly target?: string;
  readonly layers?: boolean;
  readonly powerMw?: number;
  readonly svg?: string;
}

export function register(program: Command, context: Context): void {
  program
    .command("inspect")
    .description("Shows a network's blocks, parameters, multiply-accumulates and memory, and its share of a board.")
    .argument("<network>", "a network.json, or a run folder")
    .option("--target <board>", "the board to compare with, name or board.json (default: the one a run was made for)")
    .option("--layers", "one line a layer as well; with --target, its time and energy too")
    .option("--power-mw <n>", "with --target: frames a second at this mean power, asleep in between", number(1e-6))
    .option("--svg <file>", "write a picture of the arena over time")
    .action((path: string, options: InspectOptions) => {
      const network = loadNetwork(networkFile(path));
      const board = options.target === undefined ? rememberedTarget(path) : loadTarget(options.target);
      if (options.powerMw !== undefined && board === undefined)
        throw new PhinetsError("cli.usage", "--power-mw needs --target: power is a board's");
      const { json, text, svg } = inspect({ network, board, layers: options.layers, powerMw: options.powerMw });
      if (options.svg !== undefined) writePicture(options.svg, svg());
      context.result(json, () => text);
    });
}

export interface InspectArguments {
  readonly network: Network;
  readonly board?: Board;
  /** Text: one line a layer too. Default false. */
  readonly layers?: boolean;
  /** With a board: adds the frames a second at this mean power. */
  readonly powerMw?: number;
}

export interface Inspection {
  /** Trainable; batch-norm statistics are not among them. */
  readonly parameters: number;
  /** Convolutions and dense layers, one picture. */
  readonly macs: number;
  /** The same network's total as torchinfo counts it: batch norms and biases too. */
  readonly torchinfoMacs: number;
  /** [height, width, channels], or [classes]. */
  readonly output: readonly number[];
  readonly blocks: readonly {
    readonly id: number;
    /** [height, width, channels] */
    readonly input: readonly number[];
    /** Channels. */
    readonly hidden: number;
    readonly output: readonly number[];
    readonly kernel: number;
    readonly stride: number;
    readonly skip: boolean;
  }[];
  readonly layers: readonly {
    readonly name: string;
    readonly op: Node["op"];
    readonly output: readonly number[];
    readonly parameters: number;
    readonly macs: number;
  }[];
  /** Planned activations of the int8 network. */
  readonly arenaBytes: number;
  /** Most bytes alive at once: no plan is smaller. */
  readonly arenaLowerBoundBytes: number;
  /** All activations side by side, without a plan. */
  readonly arenaUnplannedBytes: number;
  /** Constants of the int8 network: weights, biases, requantisation, tables. */
  readonly weightsBytes: number;
  /** The float network that is deployed (batch norm folded): 4 bytes a value. */
  readonly float: { readonly weightsBytes: number; readonly arenaBytes: number };
  /** `weightsBytes` by kind. */
  readonly int8: WeightBytes;
  /** With a board. */
  readonly target?: {
    readonly name: string;
    readonly ramBytes: number;
    readonly ramBudgetBytes: number;
    /** Of the linked image: constants and code. */
    readonly flashBytes: number;
    readonly flashBudgetBytes: number;
    readonly flash: FlashBytes;
    readonly ram: RamBytes;
    readonly latencyMs: readonly [low: number, high: number];
    readonly energyMj: number;
    readonly energyBandMj: readonly [low: number, high: number];
    /** With a power budget: slow and fast end of the latency band. */
    readonly atPower?: { readonly powerMw: number; readonly framesPerSecond: readonly [low: number, high: number] };
    /** What runs on the board, in order, and where each result lies. */
    readonly layers: readonly {
      readonly name: string;
      readonly op: Node["op"];
      readonly output: readonly number[];
      readonly macs: number;
      readonly instructions: number;
      readonly latencyMs: readonly [low: number, high: number];
      readonly energyMj: readonly [low: number, high: number];
      readonly address: number;
      readonly bytes: number;
      /** First and last layer, counted from 0, while the result is alive. */
      readonly alive: readonly [first: number, last: number];
    }[];
    readonly fits: boolean;
  };
}

/** The JSON document and the text of `phinets inspect`. */
export function inspect({ network, board, layers = false, powerMw }: InspectArguments): {
  json: Inspection;
  text: string;
  /** The arena over time as SVG. */
  svg: () => string;
} {
  const graph = buildNetwork(network);
  const deployed = deployGraph(graph);
  const plan = planArena(deployed);
  const int8 = weightBytes(deployed);
  const json: Inspection = {
    parameters: countParameters(graph),
    macs: countMacs(graph),
    torchinfoMacs: countTorchinfoMacs(graph),
    output: graph.shapes[graph.outputs[0]].slice(1),
    blocks: blocksOf(network, graph),
    layers: graph.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      output: graph.shapes[node.name].slice(1),
      parameters: parametersOf(graph, node),
      macs: macsOf(graph, node),
    })),
    arenaBytes: plan.bytes,
    arenaLowerBoundBytes: plan.lowerBoundBytes,
    arenaUnplannedBytes: Object.values(plan.tensors).reduce((sum, { bytes }) => sum + Math.ceil(bytes / 16) * 16, 0),
    weightsBytes: int8.total,
    float: {
      weightsBytes: 4 * Object.values(deployed.parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      arenaBytes: 4 * planArena(deployed, { alignment: 4 }).bytes,
    },
    int8,
    ...(board && { target: shareOf(board, network, deployed, plan, powerMw) }),
  };
  const svg = (): string =>
    memoryMap(
      deployed,
      plan,
      board === undefined ? {} : { board, used: plannedUse(board, json.target!.flash, json.target!.ram) },
    );
  return { json, text: textOf(network, json, layers), svg };
}

function blocksOf(network: Network, graph: Graph): Inspection["blocks"] {
  return backboneBlocks(network).map(({ id, module, hidden, kernel, stride, skip }) => {
    // A block's first node reads its input; its last makes its output.
    const nodes = graph.nodes.filter((node) => node.name.startsWith(`${module}.`));
    return {
      id,
      input: graph.shapes[nodes[0].inputs[0]].slice(1),
      hidden,
      output: graph.shapes[nodes.at(-1)!.name].slice(1),
      kernel,
      stride,
      skip,
    };
  });
}

function shareOf(
  board: Board,
  network: Network,
  deployed: Graph,
  plan: ArenaPlan,
  powerMw?: number,
): NonNullable<Inspection["target"]> {
  const { head } = network;
  const contents = { anchors: anchorCount(head) };
  const flash = flashBytesOf(deployed, board, contents);
  const [ramBytes, flashBytes] = [plan.bytes, flash.total];
  const ram = ramBytesOf(deployed, plan, board, contents);
  const latency = latencyMs(deployed, board);
  const { origin, bytes: ramBudgetBytes } = arenaOf(board);
  return {
    name: board.name,
    ramBytes,
    ramBudgetBytes,
    flashBytes,
    flashBudgetBytes: board.flashBytes,
    flash,
    ram,
    latencyMs: latency,
    energyMj: energyMj(latency, board),
    energyBandMj: energyBandMj(latency, board),
    ...(powerMw !== undefined && { atPower: { powerMw, framesPerSecond: fpsAtPower(latency, board, powerMw) } }),
    layers: deployed.nodes.map((node) => {
      const instructions = instructionsOf(deployed, node, board);
      const band = bandMs(instructions, board);
      const { offset, bytes, first, last } = plan.tensors[node.name];
      return {
        name: node.name,
        op: node.op,
        output: deployed.shapes[node.name].slice(1),
        macs: macsOf(deployed, node),
        instructions: Math.round(instructions),
        latencyMs: band,
        energyMj: energyBandMj(band, board),
        address: origin + offset,
        bytes,
        alive: [first, last] as const,
      };
    }),
    fits: exceededRegions(board, flash, ram).length === 0,
  };
}

function textOf(network: Network, json: Inspection, layers: boolean): string {
  const { height, width, channels } = network.input;
  const size = (shape: readonly number[]): string => shape.join("x");
  const parts = [
    formatPairs([
      [network.family, networkSummary(network)],
      ["input", `${height}x${width}x${channels}`],
      ["output", `${size(json.output)} (${network.head.kind === "none" ? "features" : network.head.kind})`],
      ["parameters", formatCount(json.parameters)],
      ["MACs", `${formatCount(json.macs)} (${formatMacs(json.macs)})`],
      ["weights", `${formatBytes(json.weightsBytes)} of int8 network in flash`],
      [
        "arena",
        `${formatBytes(json.arenaBytes)} of activations in RAM; ${json.arenaBytes === json.arenaLowerBoundBytes ? "that many are alive at once" : `${formatBytes(json.arenaLowerBoundBytes)} are alive at once`}, ${formatBytes(json.arenaUnplannedBytes)} without a plan`,
      ],
    ]),
    formatTable(
      ["block", "input", "hidden", "output", "kernel", "stride", "skip"],
      json.blocks.map((block) => [
        block.id,
        size(block.input),
        block.hidden,
        size(block.output),
        `${block.kernel}x${block.kernel}`,
        block.stride,
        block.skip ? "yes" : "",
      ]),
    ),
  ];
  if (layers)
    parts.push(
      formatTable(
        ["layer", "op", "output", "parameters", "MACs"],
        json.layers.map((layer) => [
          layer.name,
          layer.op,
          size(layer.output),
          formatCount(layer.parameters),
          formatCount(layer.macs),
        ]),
      ),
    );
  const { target } = json;
  if (target !== undefined) {
    const share = (used: number, of: number): string =>
      `${formatBytes(used)} of ${formatBytes(of)} (${formatPercent(used / of)})${used > of ? `, ${formatBytes(used - of)} too much` : ""}`;
    const [low, high] = target.latencyMs;
    const [lowMj, highMj] = target.energyBandMj;
    const { flash, ram, atPower } = target;
    if (layers)
      parts.push(
        formatTable(
          ["runs", "op", "output", { title: "address", align: "right" }, "bytes", "instructions", "ms", "mJ"],
          target.layers.map((layer) => [
            layer.name,
            layer.op,
            size(layer.output),
            `0x${layer.address.toString(16).padStart(8, "0")}`,
            formatCount(layer.bytes),
            formatCount(layer.instructions),
            bandText(layer.latencyMs),
            bandText(layer.energyMj),
          ]),
        ),
      );
    parts.push(
      formatPairs([
        [target.name, target.fits ? "fits" : "does not fit"],
        ["RAM", share(target.ramBytes, target.ramBudgetBytes)],
        ["flash", share(target.flashBytes, target.flashBudgetBytes)],
        ["latency", `${formatMs(low)} to ${formatMs(high)}, estimated`],
        ["energy", `${lowMj.toFixed(1)} to ${highMj.toFixed(1)} mJ an inference, estimated`],
        ...(atPower === undefined ? [] : [["power", powerText(atPower)] as const]),
      ]),
      formatPairs([
        ["weights", formatCount(flash.weights.weights)],
        ["biases", formatCount(flash.weights.biases)],
        ["requantisation", formatCount(flash.weights.requantization)],
        ["look-up tables", formatCount(flash.weights.tables)],
        ["layers", formatCount(flash.descriptions)],
        ...(flash.follower > 0 ? [["detect, track", formatCount(flash.decoder + flash.follower)] as const] : []),
        ["kernels", formatCount(flash.kernels)],
        ["program", formatCount(flash.program)],
        [
          "flash, bytes",
          `${formatCount(flash.total)} of the linked image${flash.measured ? ", within 1 %" : "; the core was not measured: another's code sizes"}`,
        ],
      ]),
      formatPairs([
        ["arena", `${formatCount(ram.arena)}, the input's ${formatCount(ram.input)} among them`],
        ["output", formatCount(ram.output)],
        ...(ram.follower > 0 ? [["boxes, tracks", formatCount(ram.follower)] as const] : []),
        ["stack", formatCount(ram.stack)],
        ["RAM, bytes", formatCount(ram.total)],
      ]),
    );
  }
  return parts.join("\n\n");
}

/** Three digits of both ends. */
function bandText([low, high]: readonly [number, number]): string {
  return high === 0 ? "" : `${low.toPrecision(3)} to ${high.toPrecision(3)}`;
}

/** What a power budget allows, in words. */
export function powerText({
  powerMw,
  framesPerSecond: [low, high],
}: NonNullable<NonNullable<Inspection["target"]>["atPower"]>) {
  if (high === 0) return `${powerMw} mW do not even pay for sleeping`;
  return `${low.toPrecision(3)} to ${high.toPrecision(3)} frames a second at ${powerMw} mW, asleep in between, estimated`;
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
