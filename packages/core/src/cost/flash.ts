/**
 * Flash of the linked firmware, before anything is trained: constants from the graph, code from what the kernels that it
 * needs were measured to take (bench/cost/code-size.mjs).
 */
import { consumersOf, type Graph, isDepthwise, type Node } from "../graph/index.js";
import { sizeOf } from "../tensor/index.js";
import type { Board } from "./board.js";
import codeSizes from "./code-sizes.json" with { type: "json" };
import { type WeightBytes, weightBytes } from "./weights.js";

/** Kernels of firmware/kernels, by their C names without `phinets_`. */
export type KernelName =
  | "conv2d"
  | "pointwise"
  | "depthwise"
  | "add"
  | "multiply"
  | "mean"
  | "max_pool"
  | "lookup"
  | "pad";

export interface FlashBytes {
  readonly weights: WeightBytes;
  /** Structures that describe the layers, padding of odd arrays. */
  readonly descriptions: number;
  /** Anchors and exponentials of a detector's decoder. */
  readonly decoder: number;
  /** Kernels, and what they call of the C library. */
  readonly kernels: number;
  /** Detection and tracking. */
  readonly follower: number;
  /** Vectors, start-up, main loop, and the network's run function. */
  readonly program: number;
  readonly total: number;
  /** False where the board's core was not measured and another's sizes stand in. */
  readonly measured: boolean;
}

export interface FlashOptions {
  /** Anchors of a detector's head; its image decodes and tracks. Default 0: no detector. */
  readonly anchors?: number;
}

/** Sizes of the C structures on a 32-bit target. */
const structBytes = { convolution: 76, addition: 40, product: 20, average: 28 } as const;
const powersBytes = 511 * 8;
const anchorBytes = 2 * 8;

interface ProgramSizes {
  readonly base: number;
  readonly followerRam: number;
  readonly groups: readonly { readonly neededBy: readonly string[]; readonly bytes: number }[];
  readonly call: Readonly<Record<string, number>>;
}
const programs: Readonly<Record<string, ProgramSizes>> = codeSizes.programs;

/** The kernel that runs a node of a deployment graph; undefined where nothing runs, or in the kernel of the node before. */
export function kernelOf(deployed: Graph, node: Node): KernelName | undefined {
  switch (node.op) {
    case "dense":
      return "pointwise";
    case "conv2d": {
      if (isDepthwise(node, deployed.shapes[node.inputs[0]])) return "depthwise";
      const { kernel, stride, padding } = node.attributes;
      const plain = [...kernel, ...stride].every((k) => k === 1) && Object.values(padding).every((side) => side === 0);
      return plain ? "pointwise" : "conv2d";
    }
    case "hardswish":
    case "sigmoid":
    case "relu6":
      return "lookup";
    case "add":
    case "multiply":
    case "pad":
      return node.op;
    case "globalAveragePool":
      return "mean";
    case "maxPool":
      return "max_pool";
    default:
      return undefined;
  }
}

/**
 * What the firmware of a board (firmware/boards/cortex-m) takes of its flash. Weights are exact; the whole is within 1 % of
 * the linked image.
 * @param deployed a deployment graph (`deployGraph`)
 */
export function flashBytesOf(deployed: Graph, board: Board, options: FlashOptions = {}): FlashBytes {
  const { anchors = 0 } = options;
  const consumers = consumersOf(deployed);
  const nodes = new Map(deployed.nodes.map((node) => [node.name, node]));
  const { sizes, measured } = programOf(board);
  const needed = new Set<string>(anchors > 0 ? ["detector"] : []);
  let descriptions = 0;
  let run = 0;
  for (const node of deployed.nodes) {
    const kernel = kernelOf(deployed, node);
    if (kernel === undefined) continue;
    if (kernel === "lookup") {
      // The convolution before it looks its own results up, where nobody else reads them.
      const [input] = node.inputs;
      const { op } = nodes.get(input)!;
      const only = consumers.get(input)!.length === 1 && !deployed.outputs.includes(input);
      if ((op === "conv2d" || op === "dense") && only) continue;
    }
    needed.add(kernel);
    const linear = node.op === "conv2d" || node.op === "dense";
    run += sizes.call[linear ? "linear" : kernel];
    if (linear) {
      const { shape } = deployed.parameters[node.parameters.weight];
      // Arrays start at multiples of 4.
      descriptions += structBytes.convolution + (-sizeOf(shape) & 3) + (-shape[0] & 3);
    } else if (kernel === "add") descriptions += structBytes.addition;
    else if (kernel === "multiply") descriptions += structBytes.product;
    else if (kernel === "mean") descriptions += structBytes.average;
  }
  let kernels = 0;
  let follower = 0;
  for (const { neededBy, bytes } of sizes.groups) {
    const users = neededBy.filter((name) => needed.has(name));
    if (users.length === 0) continue;
    if (users.every((name) => name === "detector")) follower += bytes;
    else kernels += bytes;
  }
  const weights = weightBytes(deployed);
  const decoder = anchors > 0 ? powersBytes + anchors * anchorBytes : 0;
  const program = sizes.base + Math.round(run);
  const total = weights.total + descriptions + decoder + kernels + follower + program;
  return { weights, descriptions, decoder, kernels, follower, program, total, measured };
}

export interface RamBytes {
  /** Activations, the input among them. */
  readonly arena: number;
  /** Part of the arena. */
  readonly input: number;
  /** The copy that the application reads. */
  readonly output: number;
  /** Boxes and tracks of a detector. */
  readonly follower: number;
  /** Reserved. */
  readonly stack: number;
  /** All but the input, which is counted with the arena. */
  readonly total: number;
}

/** Bytes that the linker scripts reserve for the stack. */
export const stackBytes = 16 * 1024;

/** What the firmware of a board takes of its RAM: the linked image's sections, but for alignment. */
export function ramBytesOf(
  deployed: Graph,
  plan: { readonly bytes: number },
  board: Board,
  options: FlashOptions = {},
): RamBytes {
  const bytesOf = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + sizeOf(deployed.shapes[name]), 0);
  const input = bytesOf(deployed.nodes.filter(({ op }) => op === "input").map(({ name }) => name));
  const output = bytesOf(deployed.outputs);
  const follower = variableBytes(board, options.anchors ?? 0) - stackBytes;
  const arena = plan.bytes;
  return { arena, input, output, follower, stack: stackBytes, total: arena + output + follower + stackBytes };
}

/** Planned bytes in each of a board's regions, by name: variables and stack follow the arena where they have no region. */
export function plannedUse(
  board: Board,
  flash: Pick<FlashBytes, "total">,
  ram: Pick<RamBytes, "total" | "arena">,
): Record<string, number> {
  const rest = ram.total - ram.arena;
  const own = board.regions.some(({ use }) => use === "data");
  const used = { program: flash.total, arena: own ? ram.arena : ram.total, data: rest, free: 0 } as const;
  return Object.fromEntries(board.regions.map(({ name, use }) => [name, used[use]]));
}

export interface Excess {
  readonly region: string;
  readonly neededBytes: number;
  readonly bytes: number;
}

/** Regions that the planned image does not fit; empty where it fits. */
export function exceededRegions(
  board: Board,
  flash: Pick<FlashBytes, "total">,
  ram: Pick<RamBytes, "total" | "arena">,
): Excess[] {
  const used = plannedUse(board, flash, ram);
  return board.regions
    .map(({ name, use, bytes }) => ({
      region: name,
      neededBytes: used[name],
      bytes: use === "program" ? board.flashBytes : bytes,
    }))
    .filter(({ neededBytes, bytes }) => neededBytes > bytes);
}

/** RAM that every image takes beside arena and output: the stack, and a detector's boxes and tracks. */
export function variableBytes(board: Board, anchors: number): number {
  return stackBytes + (anchors > 0 ? programOf(board).sizes.followerRam : 0);
}

function programOf(board: Board): { sizes: ProgramSizes; measured: boolean } {
  const own = `${board.core}+${board.fpu}`;
  if (Object.hasOwn(programs, own)) return { sizes: programs[own], measured: true };
  // Without double-precision hardware code is larger: rather too much than too little.
  const other = board.fpu === "fpv5-d16" ? "cortex-m7+fpv5-d16" : "cortex-m4+fpv4-sp-d16";
  return { sizes: programs[other], measured: false };
}
