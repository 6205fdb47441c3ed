/** Describes a network and its costs before it is trained: the document of `phinets inspect`. */
import { deployGraph, type Graph, type OpName, rescaleJoins } from "../graph/index.js";
import { backboneBlocks, buildNetwork, type Network } from "../networks/index.js";
import {
  aligned,
  type Board,
  exceededRegions,
  type FlashBytes,
  flashBytesOf,
  type Kernel,
  makeProgram,
  type Program,
  type ProgramRequest,
  plannedUse,
  programOf,
  type RamBytes,
  ramBytesOf,
  roomsFor,
  type Step,
  shapeOf,
  type WeightBytes,
  weightBytes,
} from "../target/index.js";
import { sizeOf } from "../tensor/index.js";
import { energyBandMj, energyMj, fpsAtPower } from "./energy.js";
import { bandMs, countInstructions, stepInstructions } from "./latency.js";
import { countMacs, countTorchinfoMacs, macsOf } from "./macs.js";
import { memoryMap } from "./memory-map.js";
import { countParameters, parametersOf } from "./parameters.js";
import { planArena } from "./plan.js";

export interface InspectOptions extends ProgramRequest {
  /** Deployed graph of an imported int8 network, which has no other graph. Default: `buildNetwork`. */
  readonly graph?: Graph;
  readonly board?: Board;
  /** Mean power in milliwatts; with a board, adds the frames per second at this power. */
  readonly powerMw?: number;
}

export interface Inspection {
  /** Trainable parameters, without batch-norm statistics. */
  readonly parameters: number;
  /** Multiply-accumulates of convolutions and dense layers for one picture. */
  readonly macs: number;
  /** The same network's total in torchinfo's count, which includes batch norms and biases. */
  readonly torchinfoMacs: number;
  /** Shape of the first output: [height, width, channels], or [classes]. */
  readonly output: readonly number[];
  /** Names and shapes of all outputs. */
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly blocks: readonly {
    readonly id: number;
    /** [height, width, channels] */
    readonly input: readonly number[];
    /** Expanded channels. */
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
  /**
   * Working memory of the int8 network's firmware: of the board's program, or of the portable kernels without a board.
   */
  readonly arenaBytes: number;
  /** Most of these bytes alive at once; no placement is smaller. */
  readonly arenaLowerBoundBytes: number;
  /** Sum of all activations, without a plan that shares memory. */
  readonly arenaUnplannedBytes: number;
  /** Constants of the int8 network: weights, biases, requantisation, tables. */
  readonly weightsBytes: number;
  /** The deployed float network (batch norm folded), at 4 bytes per value. */
  readonly float: { readonly weightsBytes: number; readonly arenaBytes: number };
  /** `weightsBytes` by kind. */
  readonly int8: WeightBytes;
  /** Present with a board. */
  readonly target?: {
    readonly name: string;
    /** Bytes of activations in all banks. */
    readonly ramBytes: number;
    /** Room for activations in all banks. */
    readonly ramBudgetBytes: number;
    /**
     * For each bank, fastest first: bytes of activations, and the room that stack, variables and the application leave.
     */
    readonly banks: readonly { readonly region: string; readonly bytes: number; readonly budgetBytes: number }[];
    /** Constants and code of the linked image. */
    readonly flashBytes: number;
    readonly flashBudgetBytes: number;
    readonly flash: FlashBytes;
    readonly ram: RamBytes;
    readonly latencyMs: readonly [low: number, high: number];
    readonly energyMj: number;
    readonly energyBandMj: readonly [low: number, high: number];
    /** With a power budget: frames per second at the slow and fast end of the latency band. */
    readonly atPower?: { readonly powerMw: number; readonly framesPerSecond: readonly [low: number, high: number] };
    /**
     * The steps on the board in order, and the location of each result. Address -1 stands for the application's buffer.
     */
    readonly layers: readonly {
      readonly name: string;
      /** Operator of the graph; "layout" where a step only reorders rows. */
      readonly op: OpName | "layout";
      /** The step's function in firmware/kernels. */
      readonly kernel: Kernel;
      readonly output: readonly number[];
      readonly macs: number;
      readonly instructions: number;
      readonly latencyMs: readonly [low: number, high: number];
      readonly energyMj: readonly [low: number, high: number];
      readonly address: number;
      readonly bytes: number;
      /** Rows of the result that are in memory at once. */
      readonly rows: number;
      /** First and last time of use of the result, counted from 0. */
      readonly alive: readonly [first: number, last: number];
    }[];
    readonly fits: boolean;
  };
}

export function inspectNetwork(
  network: Network,
  { graph: given, board, powerMw, ...programRequest }: InspectOptions = {},
): Inspection {
  const graph = given ?? buildNetwork(network);
  const deployed = deployedOf(graph, given !== undefined);
  const program = programFor(deployed, board, programRequest);
  const int8 = weightBytes(program);
  return {
    parameters: countParameters(graph),
    macs: countMacs(graph),
    torchinfoMacs: countTorchinfoMacs(graph),
    output: graph.shapes[graph.outputs[0]].slice(1),
    outputs: graph.outputs.map((name) => ({ name, shape: graph.shapes[name].slice(1) })),
    blocks: blocksOf(network, graph),
    layers: graph.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      output: graph.shapes[node.name].slice(1),
      parameters: parametersOf(graph, node),
      macs: macsOf(graph, node),
    })),
    arenaBytes: program.arenaBytes,
    arenaLowerBoundBytes: program.lowerBoundBytes,
    arenaUnplannedBytes: deployed.nodes.reduce((sum, { name }) => sum + aligned(sizeOf(deployed.shapes[name])), 0),
    weightsBytes: int8.total,
    float: {
      weightsBytes: 4 * Object.values(deployed.parameters).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      arenaBytes: 4 * planArena(deployed, { alignment: 4 }).bytes,
    },
    int8,
    ...(board && { target: shareOf(board, network, program, powerMw) }),
  };
}

/**
 * Draws the working memory over time as SVG; with a board, also the other contents of its memory.
 * @param used bytes in each of the board's regions; by default the planned bytes
 */
export function drawMemory(
  network: Network,
  board?: Board,
  used?: Readonly<Record<string, number>>,
  { graph, ...programRequest }: ProgramRequest & Pick<InspectOptions, "graph"> = {},
): string {
  const deployed = deployedOf(graph ?? buildNetwork(network), graph !== undefined);
  const program = programFor(deployed, board, programRequest);
  if (board === undefined) return memoryMap(program);
  if (used !== undefined) return memoryMap(program, { board, used });
  const { flash, ram } = needsOf(board, network, program);
  return memoryMap(program, { board, used: plannedUse(board, flash, ram) });
}

/** @param isInt8 the network has its scales already, so its joins need no rescaling */
function deployedOf(graph: Graph, isInt8: boolean): Graph {
  return isInt8 ? deployGraph(graph) : rescaleJoins(deployGraph(graph));
}

function programFor(deployed: Graph, board: Board | undefined, programRequest: ProgramRequest): Program {
  return board === undefined
    ? makeProgram(deployed, { input: programRequest.input, dsp: false })
    : programOf(deployed, board, programRequest);
}

function blocksOf(network: Network, graph: Graph): Inspection["blocks"] {
  return backboneBlocks(network).map(({ id, module, hidden, kernel, stride, skip }) => {
    // The first node of a block reads its input, and the last makes its output.
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

function needsOf(board: Board, { head }: Network, program: Program): { flash: FlashBytes; ram: RamBytes } {
  const contents = { head };
  return { flash: flashBytesOf(program, board, contents), ram: ramBytesOf(program, board, contents) };
}

function shareOf(
  board: Board,
  network: Network,
  program: Program,
  powerMw?: number,
): NonNullable<Inspection["target"]> {
  const { flash, ram } = needsOf(board, network, program);
  const instructions = stepInstructions(program, board);
  const latency = bandMs(countInstructions(program, board, instructions), board);
  const { values, steps } = program.lowering;
  const rooms = roomsFor(board, program.lowering, program.options.input);
  const origins = program.banks.map(
    ({ region = board.arenaRegion }) => board.regions.find(({ name }) => name === region)!.origin,
  );
  return {
    name: board.name,
    ramBytes: program.arenaBytes,
    ramBudgetBytes: rooms.reduce((sum, { bytes }) => sum + bytes, 0),
    banks: rooms.map(({ region, bytes }) => ({ region, bytes: ram.banks[region] ?? 0, budgetBytes: bytes })),
    flashBytes: flash.total,
    flashBudgetBytes: board.flashBytes,
    flash,
    ram,
    latencyMs: latency,
    energyMj: energyMj(latency, board),
    energyBandMj: energyBandMj(latency, board),
    ...(powerMw !== undefined && { atPower: { powerMw, framesPerSecond: fpsAtPower(latency, board, powerMw) } }),
    layers: steps.map((step, i) => {
      const band = bandMs(instructions[i], board);
      const { height, width, channels } = values.get(step.output)!;
      const place = program.places.get(step.output);
      return {
        name: step.output,
        op: step.node?.op ?? "layout",
        kernel: step.kernel,
        output: [height, width, channels],
        macs: macsOfStep(step, program),
        instructions: Math.round(instructions[i]),
        latencyMs: band,
        energyMj: energyBandMj(band, board),
        address: place === undefined ? -1 : origins[place.bank] + place.offset,
        bytes: place?.bytes ?? 0,
        rows: place?.rows ?? height,
        alive: [place?.first ?? 0, place?.last ?? program.times - 1] as const,
      };
    }),
    fits: exceededRegions(board, flash, ram).length === 0,
  };
}

function macsOfStep(step: Step, program: Program): number {
  const { rows, width, filters, products } = shapeOf(step, program.lowering);
  return rows * width * filters * products;
}
