/** What a network is made of and what it costs, before anything is trained: the document of `phinets inspect`. */
import { deployGraph, type Graph, type OpName } from "../graph/index.js";
import { anchorCount, backboneBlocks, buildNetwork, type Network } from "../networks/index.js";
import { sizeOf } from "../tensor/index.js";
import { arenaOf, type Board } from "./board.js";
import { energyBandMj, energyMj, fpsAtPower } from "./energy.js";
import { exceededRegions, type FlashBytes, flashBytesOf, plannedUse, type RamBytes, ramBytesOf } from "./flash.js";
import { bandMs, instructionsOf, latencyMs } from "./latency.js";
import { countMacs, countTorchinfoMacs, macsOf } from "./macs.js";
import { memoryMap } from "./memory-map.js";
import { countParameters, parametersOf } from "./parameters.js";
import { type ArenaPlan, planArena } from "./plan.js";
import { type WeightBytes, weightBytes } from "./weights.js";

export interface InspectOptions {
  readonly board?: Board;
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
    readonly op: OpName;
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
      readonly op: OpName;
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

export function inspectNetwork(network: Network, { board, powerMw }: InspectOptions = {}): Inspection {
  const graph = buildNetwork(network);
  const deployed = deployGraph(graph);
  const plan = planArena(deployed);
  const int8 = weightBytes(deployed);
  return {
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
}

/**
 * The arena over time as SVG; with a board, what else lies in its memory.
 * @param used bytes in each of the board's regions; by default as planned
 */
export function drawMemory(network: Network, board?: Board, used?: Readonly<Record<string, number>>): string {
  const deployed = deployGraph(buildNetwork(network));
  const plan = planArena(deployed);
  if (board === undefined) return memoryMap(deployed, plan);
  if (used !== undefined) return memoryMap(deployed, plan, { board, used });
  const { flash, ram } = needsOf(board, network, deployed, plan);
  return memoryMap(deployed, plan, { board, used: plannedUse(board, flash, ram) });
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

function needsOf(
  board: Board,
  { head }: Network,
  deployed: Graph,
  plan: ArenaPlan,
): { flash: FlashBytes; ram: RamBytes } {
  const contents = { anchors: anchorCount(head) };
  const flash = flashBytesOf(deployed, board, contents);
  return { flash, ram: ramBytesOf(deployed, plan, board, contents) };
}

function shareOf(
  board: Board,
  network: Network,
  deployed: Graph,
  plan: ArenaPlan,
  powerMw?: number,
): NonNullable<Inspection["target"]> {
  const { flash, ram } = needsOf(board, network, deployed, plan);
  const [ramBytes, flashBytes] = [plan.bytes, flash.total];
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
