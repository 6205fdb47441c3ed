/**
 * Flash of the linked firmware, before anything is trained: constants from the graph, code from what the kernels that it
 * needs were measured to take (bench/cost/code-size.mjs).
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
  /** Structures that describe the layers, the program's table and schedule, padding of odd arrays. */
  readonly descriptions: number;
  /** Anchors and exponentials of a detector's decoder. */
  readonly decoder: number;
  /** Kernels, and what they call of the C library. */
  readonly kernels: number;
  /** Detection and tracking. */
  readonly follower: number;
  /** Vectors, start-up, main loop, and what follows the schedule. */
  readonly program: number;
  readonly total: number;
  /** False where the board's core was not measured and another's sizes stand in. */
  readonly measured: boolean;
}

export interface FlashOptions {
  /** Of a network that finds boxes the image decodes and tracks. Default: none. */
  readonly head?: Head;
}

/** Sizes of the C structures on a 32-bit target: phinets_step, phinets_program, phinets_state. */
export const structBytes = { step: 60, program: 36, state: stateBytes } as const;
const powersBytes = 511 * 8;
/** Sigmoids and softmaxes need e^t of t <= 0 alone. */
const fallingPowersBytes = 256 * 8;
const anchorBytes = 2 * 8;
/** phinets_level on a 32-bit target. */
const levelBytes = 80;

interface ProgramSizes {
  readonly base: number;
  /** Boxes and tracks: `followerBytes` of room.ts, by the linker. */
  readonly followerRam: number;
  readonly groups: readonly { readonly neededBy: readonly string[]; readonly bytes: number }[];
}
const programs: Readonly<Record<string, ProgramSizes>> = codeSizes.programs;

/** What decides a program's flash: its steps, and how many entries its schedule has. */
export interface SizedProgram extends Pick<Program, "lowering"> {
  readonly options: Pick<Program["options"], "input">;
  readonly stream: { readonly schedule: { readonly length: number } };
}

/**
 * What the firmware of a board (firmware/boards/cortex-m) takes of its flash. Weights are exact; the whole is within 1 % of
 * the linked image.
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
  // Start-up's tables; the board that was measured has one bank, which is always on.
  const tables = 8 * (banksOf(board).length - 1 + board.regions.filter(({ enable }) => enable !== undefined).length);
  const start = sizes.base + tables;
  const total = weights.total + descriptions + decoder + kernels + follower + start;
  return { weights, descriptions, decoder, kernels, follower, program: start, total, measured };
}

export interface RamBytes {
  /** Activations, the input among them: the sum over the banks. */
  readonly arena: number;
  /** Activations in each of the board's regions that has some, by name. */
  readonly banks: Readonly<Record<string, number>>;
  /** Part of the arena. */
  readonly input: number;
  /** The copy that the application reads. */
  readonly output: number;
  /** Boxes and tracks of a detector. */
  readonly follower: number;
  /** Reserved. */
  readonly stack: number;
  /** Where an inference stands: the next row of each step; and the line that is pushed. */
  readonly context: number;
  /** All but the input, which is counted with the arena. */
  readonly total: number;
}

/** What the firmware of a board takes of its RAM: the linked image's sections, but for alignment. */
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

/** Planned bytes in each of a board's regions, by name: variables and stack follow the arena where they have no region. */
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

/** Regions that the planned image does not fit; empty where it fits. */
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

/** RAM that every image takes beside arena and output: the stack, and a detector's boxes and tracks. */
export function variableBytes(board: Board, { detects }: { readonly detects: boolean }): number {
  return stackBytes + (detects ? sizesOf(board).sizes.followerRam : 0);
}

const isDecoder = (name: string): boolean => name.startsWith("yolov");

/** Constants of a decoder, a table of exponentials for each of its maps: maps of one scale share it. */
function decoderBytes(head: BoxHead, maps: number): number {
  if (head.kind === "yolov2") return powersBytes + levelBytes + head.anchors.length * anchorBytes;
  const tables = maps * fallingPowersBytes;
  if (head.kind === "yolov8") return tables + maps * levelBytes;
  return tables + maps * levelBytes + head.anchors.flat().length * anchorBytes;
}

function sizesOf(board: Board): { sizes: ProgramSizes; measured: boolean } {
  // Compiled for the one, GCC 12 has no name for the other.
  const core = board.core === "cortex-m85" ? "cortex-m55" : board.core;
  const own = `${core}+${board.fpu}`;
  if (Object.hasOwn(programs, own)) return { sizes: programs[own], measured: true };
  // Without double-precision hardware code is larger: rather too much than too little.
  const other = board.fpu === "fpv5-d16" ? "cortex-m7+fpv5-d16" : "cortex-m4+fpv4-sp-d16";
  return { sizes: programs[other], measured: false };
}
