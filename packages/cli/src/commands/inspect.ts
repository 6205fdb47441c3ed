/** `phinets inspect`: what a network is made of and what it costs, before anything is trained. */
import { statSync } from "node:fs";
import { join } from "node:path";
import {
  arenaOf,
  type Board,
  countMacs,
  countParameters,
  energyMj,
  latencyMs,
  macsOf,
  parametersOf,
  planArena,
  weightBytes,
} from "@phinets/core/cost";
import { deployGraph, type Graph, type Node } from "@phinets/core/graph";
import { backboneBlocks, buildNetwork, type Network, networkSummary } from "@phinets/core/networks";
import { codeAllowanceBytes } from "@phinets/core/scaling";
import type { Command } from "commander";
import { findRunFolder } from "../run/folder.js";
import { loadNetwork } from "../run/load.js";
import type { Context } from "../terminal/context.js";
import { formatBytes, formatCount, formatMacs, formatMs, formatPercent } from "../terminal/format.js";
import { formatPairs, formatTable } from "../terminal/table.js";
import { loadTarget } from "./training-options.js";

interface InspectOptions {
  readonly target?: string;
  readonly layers?: boolean;
}

export function register(program: Command, context: Context): void {
  program
    .command("inspect")
    .description("Shows a network's blocks, parameters, multiply-accumulates and memory, and its share of a board.")
    .argument("<network>", "a network.json, or a run folder")
    .option("--target <board>", "the board to compare with (name or board.json)")
    .option("--layers", "one line a layer as well")
    .action((path: string, options: InspectOptions) => {
      const network = loadNetwork(networkFile(path));
      const board = options.target === undefined ? undefined : loadTarget(options.target);
      const { json, text } = inspect({ network, board, layers: options.layers });
      context.result(json, () => text);
    });
}

export interface InspectArguments {
  readonly network: Network;
  readonly board?: Board;
  /** Text: one line a layer too. Default false. */
  readonly layers?: boolean;
}

export interface Inspection {
  /** Trainable; batch-norm statistics are not among them. */
  readonly parameters: number;
  /** Convolutions and dense layers, one picture. */
  readonly macs: number;
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
  /** Constants of the int8 network: weights, biases, requantisation, tables. */
  readonly weightsBytes: number;
  /** With a board. */
  readonly target?: {
    readonly name: string;
    readonly ramBytes: number;
    readonly ramBudgetBytes: number;
    /** Constants and the allowance for code. */
    readonly flashBytes: number;
    readonly flashBudgetBytes: number;
    readonly latencyMs: readonly [low: number, high: number];
    readonly energyMj: number;
    readonly fits: boolean;
  };
}

/** The JSON document and the text of `phinets inspect`. */
export function inspect({ network, board, layers = false }: InspectArguments): { json: Inspection; text: string } {
  const graph = buildNetwork(network);
  const deployed = deployGraph(graph);
  const json: Inspection = {
    parameters: countParameters(graph),
    macs: countMacs(graph),
    output: graph.shapes[graph.outputs[0]].slice(1),
    blocks: blocksOf(network, graph),
    layers: graph.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      output: graph.shapes[node.name].slice(1),
      parameters: parametersOf(graph, node),
      macs: macsOf(graph, node),
    })),
    arenaBytes: planArena(deployed).bytes,
    weightsBytes: weightBytes(deployed).total,
    ...(board && { target: shareOf(board, deployed) }),
  };
  return { json, text: textOf(network, json, layers) };
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

function shareOf(board: Board, deployed: Graph): NonNullable<Inspection["target"]> {
  const ramBytes = planArena(deployed).bytes;
  const flashBytes = weightBytes(deployed).total + codeAllowanceBytes;
  const latency = latencyMs(deployed, board);
  const ramBudgetBytes = arenaOf(board).bytes;
  return {
    name: board.name,
    ramBytes,
    ramBudgetBytes,
    flashBytes,
    flashBudgetBytes: board.flashBytes,
    latencyMs: latency,
    energyMj: energyMj(latency, board),
    fits: ramBytes <= ramBudgetBytes && flashBytes <= board.flashBytes,
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
      ["arena", `${formatBytes(json.arenaBytes)} of activations in RAM`],
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
    parts.push(
      formatPairs([
        [target.name, target.fits ? "fits" : "does not fit"],
        ["RAM", share(target.ramBytes, target.ramBudgetBytes)],
        [
          "flash",
          `${share(target.flashBytes, target.flashBudgetBytes)}, ${formatBytes(codeAllowanceBytes)} of it for code`,
        ],
        ["latency", `${formatMs(low)} to ${formatMs(high)}, estimated`],
        ["energy", `${target.energyMj.toFixed(1)} mJ an inference, estimated`],
      ]),
    );
  }
  return parts.join("\n\n");
}

function networkFile(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(findRunFolder(path), "network.json") : path;
}
