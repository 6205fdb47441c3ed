/**
 * Flash and RAM of the linked firmware, known before training: constants follow from the graph, and code from the
 * measured sizes of the kernels that it needs (bench/cost/code-size.mjs).
 */
import { type BoxHead, findsBoxes, type Head } from "../networks/index.js";
import { type Board, banksOf, homeOf, type Region } from "./board.js";
import codeSizes from "./code-sizes.json" with { type: "json" };
import { type Kernel, kernels as kernelRows, shapeOf } from "./kernels.js";
import type { Program } from "./program.js";
import { stackBytes, stateBytes, variablesOf } from "./room.js";
import type { KernelRow } from "./terms.js";
import { type WeightBytes, weightBytes } from "./weights.js";

export interface FlashBytes {
  readonly weights: WeightBytes;
  /** Structures that describe the layers, the program's table and schedule, and padding of odd-sized arrays. */
  readonly descriptions: number;
  /** Anchors and tables of exponentials of a detector's decoder. */
  readonly decoder: number;
  /** Kernels and the C library functions that they call. */
  readonly kernels: number;
  /** Detection and tracking. */
  readonly follower: number;
  /** Vectors, start-up, main loop, and the code that runs the schedule. */
  readonly program: number;
  readonly total: number;
  /** False where the board's core was not measured and another core's sizes stand in. */
  readonly measured: boolean;
}

export interface FlashOptions {
  /** Head of the network. For a head that finds boxes, the image includes decoding and tracking. Default: none. */
  readonly head?: Head;
}

/** Sizes of the C structures on a 32-bit target: phinets_step, phinets_program, phinets_state. */
export const structBytes = { step: 60, program: 36, state: stateBytes } as const;
const powersBytes = 511 * 8;
/** Sigmoid and softmax need e^t only for t <= 0. */
const fallingPowersBytes = 256 * 8;
const anchorBytes = 2 * 8;
/** Size of phinets_level on a 32-bit target. */
const levelBytes = 80;

interface ProgramSizes {
  readonly base: number;
  /** Boxes and tracks, as measured by the linker: `followerBytes` of room.ts. */
  readonly followerRam: number;
  readonly groups: readonly { readonly neededBy: readonly string[]; readonly bytes: number }[];
}
const programs: Readonly<Record<string, ProgramSizes>> = codeSizes.programs;

/** The parts of a program that determine its flash: its steps and the length of its schedule. */
export interface SizedProgram extends Pick<Program, "lowering"> {
  readonly options: Pick<Program["options"], "input">;
  readonly stream: { readonly schedule: { readonly length: number } };
}

/**
 * Flash that a board's firmware (firmware/boards/cortex-m) takes. Weights are exact; the total is within 1 % of the
 * linked image.
 */
export function flashBytesOf(program: SizedProgram, board: Board, options: FlashOptions = {}): FlashBytes {
  const { head = { kind: "none" } } = options;
  const { sizes, measured } = sizesOf(board);
  const { steps } = program.lowering;
  const needed = new Set<string>([program.options.input, ...steps.map(({ kernel }): Kernel => kernel)]);
  if (findsBoxes(head)) needed.add(head.kind);
  const entryBytes = steps.length > 255 ? 2 : 1;
  let descriptions = structBytes.program + ((program.stream.schedule.length * entryBytes + 3) & ~3);
  for (const step of steps) {
    const row: KernelRow = kernelRows[step.kernel];
    const shape = shapeOf(step, program.lowering);
    descriptions += structBytes.step + row.structBytes + (row.tableBytes?.(shape) ?? 0);
    // Arrays start at multiples of 4.
    descriptions += -(row.weightBytes?.(shape) ?? 0) & 3;
    if (row.channelBytes?.requantization === 5) descriptions += -shape.filters & 3;
  }
  let kernels = 0;
  let follower = 0;
  for (const { neededBy, bytes } of sizes.groups) {
    const users = neededBy.filter((name) => needed.has(name));
    if (users.length === 0) continue;
    if (users.every(isDecoder)) follower += bytes;
    else kernels += bytes;
  }
  const weights = weightBytes(program);
  const decoder = findsBoxes(head) ? decoderBytes(head, program.lowering.outputs.length) : 0;
  // Start-up's tables; the measured board has one bank, which is always enabled.
  const tables = 8 * (banksOf(board).length - 1 + board.regions.filter(({ enable }) => enable !== undefined).length);
  const start = sizes.base + tables;
  const total = weights.total + descriptions + decoder + kernels + follower + start;
  return { weights, descriptions, decoder, kernels, follower, program: start, total, measured };
}

export interface RamBytes {
  /** Activations including the input: the sum over the banks. */
  readonly arena: number;
  /** Bytes of activations in each of the board's regions that holds some, by name. */
  readonly banks: Readonly<Record<string, number>>;
  /** The input, which is a part of the arena. */
  readonly input: number;
  /** The copy of the outputs that the application reads. */
  readonly output: number;
  /** Boxes and tracks of a detector. */
  readonly follower: number;
  /** Reserved stack. */
  readonly stack: number;
  /** State of an inference: the next row of each step, and the input row that is pushed. */
  readonly context: number;
  /** Sum of all, with the input counted once, as part of the arena. */
  readonly total: number;
}

/** RAM that a board's firmware takes: the sections of the linked image, apart from alignment. */
export function ramBytesOf(program: Program, board: Board, options: FlashOptions = {}): RamBytes {
  const { output, context } = variablesOf(program.lowering, program.options.input);
  const follower = variableBytes(board, { detects: findsBoxes(options.head ?? { kind: "none" }) }) - stackBytes;
  const arena = program.arenaBytes;
  return {
    ...{ arena, output, follower, stack: stackBytes },
    banks: Object.fromEntries(program.banks.map(({ region = board.arenaRegion, bytes }) => [region, bytes])),
    input: program.places.get(program.lowering.input)!.bytes,
    context,
    total: arena + output + follower + stackBytes + context,
  };
}

/**
 * Planned bytes in each of a board's regions, by name. On a board without a data region, variables and stack lie in the
 * arena's.
 */
export function plannedUse(
  board: Board,
  flash: Pick<FlashBytes, "total">,
  ram: Pick<RamBytes, "total" | "arena" | "banks">,
): Record<string, number> {
  const home = homeOf(board);
  const ramOf = (region: Region): number =>
    (ram.banks[region.name] ?? 0) + (region === home ? ram.total - ram.arena : 0);
  return Object.fromEntries(
    board.regions.map((region) => [region.name, region.use === "program" ? flash.total : ramOf(region)]),
  );
}

export interface Excess {
  readonly region: string;
  readonly neededBytes: number;
  readonly bytes: number;
}

/** Regions that are too small for the planned image; empty where it fits. */
export function exceededRegions(
  board: Board,
  flash: Pick<FlashBytes, "total">,
  ram: Pick<RamBytes, "total" | "arena" | "banks">,
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

/** RAM that every image takes in addition to arena and output: the stack, and a detector's boxes and tracks. */
export function variableBytes(board: Board, { detects }: { readonly detects: boolean }): number {
  return stackBytes + (detects ? sizesOf(board).sizes.followerRam : 0);
}

const isDecoder = (name: string): boolean => name.startsWith("yolov");

/** Bytes of a decoder's constants. Counts one table of exponentials per map; in fact maps of equal scale share one. */
function decoderBytes(head: BoxHead, maps: number): number {
  if (head.kind === "yolov2") return powersBytes + levelBytes + head.anchors.length * anchorBytes;
  const tables = maps * fallingPowersBytes;
  if (head.kind === "yolov8") return tables + maps * levelBytes;
  return tables + maps * levelBytes + head.anchors.flat().length * anchorBytes;
}

function sizesOf(board: Board): { sizes: ProgramSizes; measured: boolean } {
  // The measured code was compiled for the Cortex-M55, since GCC 12 does not know the Cortex-M85.
  const core = board.core === "cortex-m85" ? "cortex-m55" : board.core;
  const own = `${core}+${board.fpu}`;
  if (Object.hasOwn(programs, own)) return { sizes: programs[own], measured: true };
  // Code without double-precision hardware is larger; the estimate is rather too high than too low.
  const other = board.fpu === "fpv5-d16" ? "cortex-m7+fpv5-d16" : "cortex-m4+fpv4-sp-d16";
  return { sizes: programs[other], measured: false };
}
