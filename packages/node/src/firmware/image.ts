/**
 * Links the image of a target board into its memory regions, measures it, and compares it with the plan made before
 * training.
 */
import { readFileSync } from "node:fs";
import { arenasOf } from "@phinets/core/export";
import type { Head } from "@phinets/core/networks";
import {
  type Board,
  exceededRegions,
  flashBytesOf,
  type Program,
  plannedUse,
  type RegionUse,
  ramBytesOf,
  weightBytes,
} from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { buildFirmware } from "./build.js";
import { type Elf, type ElfSymbol, flashBytes, ramBytes, readElf, regionBytes, symbolOf } from "./elf.js";

/** Sizes of an image in bytes. */
export interface ImageBytes {
  /** Code, constants, weights. */
  readonly flashBytes: number;
  /** Activations, in all banks. */
  readonly arenaBytes: number;
  /** Weights, biases, multipliers, shifts and tables: part of the flash. */
  readonly weightsBytes: number;
  /** Arena, output, boxes and tracks, reserved stack. */
  readonly ramBytes: number;
}

export interface RegionShare {
  readonly region: string;
  readonly use: RegionUse;
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** A memory bank's share of the activations. */
export interface BankShare {
  readonly region: string;
  readonly plannedBytes: number;
  /** Size of the array in the ELF; absent where no image was linked. */
  readonly bytes?: number;
}

/** A board's image. Its `ImageBytes` are measured in the ELF and absent where no image was linked. */
export interface TargetImage extends Partial<ImageBytes> {
  readonly name: string;
  readonly title: string;
  readonly core: string;
  readonly clockHz: number;
  /** False where no tool chain for the core is installed, or where the image exceeds a region: `problem` says which. */
  readonly linked: boolean;
  /** Whether the linked image, or the plan where none could be linked, fits every region. */
  readonly fits: boolean;
  readonly problem?: string;
  /** Measured in the ELF where an image was linked, else planned. In the board's order. */
  readonly regions: readonly RegionShare[];
  /** The banks that the program uses, fastest first. */
  readonly banks: readonly BankShare[];
  /**
   * The sizes that `inspect` and `fit` report before training: flash is within 1 % of the ELF's, arena and weights are
   * equal.
   */
  readonly planned: ImageBytes;
}

/**
 * Links the folder that `writeFirmware` made for `board`. A core that cannot be linked for here and a network that
 * exceeds the board are results; a compiler error is an error.
 * @param program the program that the folder's model was emitted from
 * @param head the network's head
 */
export async function linkTarget(
  folder: string,
  program: Program,
  board: Board,
  head: Head,
  signal?: AbortSignal,
): Promise<TargetImage> {
  const flash = flashBytesOf(program, board, { head });
  const ram = ramBytesOf(program, board, { head });
  const planned: ImageBytes = {
    flashBytes: flash.total,
    arenaBytes: program.arenaBytes,
    weightsBytes: weightBytes(program).total,
    ramBytes: ram.total,
  };
  const { name, title, core, clockHz } = board;
  const shares = (used: (region: Board["regions"][number]) => number): RegionShare[] =>
    board.regions.map((region) => ({
      region: region.name,
      use: region.use,
      usedBytes: used(region),
      totalBytes: region.use === "program" ? board.flashBytes : region.bytes,
    }));
  const banks = program.banks.map(({ region = board.arenaRegion, bytes }) => ({ region, plannedBytes: bytes }));
  const unlinked = (problem: string): TargetImage => {
    const use = plannedUse(board, flash, ram);
    const regions = shares((region) => use[region.name]);
    const fits = exceededRegions(board, flash, ram).length === 0;
    return { name, title, core, clockHz, linked: false, fits, problem, regions, banks, planned };
  };
  try {
    const path = await buildFirmware(folder, board, { signal });
    const elf = readElf(readFileSync(path), path);
    return {
      ...{ name, title, core, clockHz, linked: true, fits: true },
      flashBytes: flashBytes(elf),
      arenaBytes: arenaBytes(elf, program, path),
      weightsBytes: weightsOf(elf),
      ramBytes: ramBytes(elf),
      regions: shares((region) => (region.use === "program" ? flashBytes(elf) : regionBytes(elf, region))),
      banks: arenasIn(elf, program, path).map(({ address, bytes }, i) => {
        const region = board.regions.find(({ name }) => name === banks[i].region)!;
        if (address < region.origin || address + bytes > region.origin + region.bytes)
          throw new Error(`${path}: activations of ${region.name} lie at ${address}`);
        return { ...banks[i], bytes };
      }),
      planned,
    };
  } catch (error) {
    if (!(error instanceof PhinetsError)) throw error;
    if (error.code === "emulator.core") return unlinked(error.message);
    if (error.code === "emulator.overflow") return { ...unlinked(error.message), fits: false };
    throw error;
  }
}

/** The arrays of activations, one per bank, of a program that was emitted with the prefix "phinets". */
function arenasIn(elf: Elf, program: Program, path: string): ElfSymbol[] {
  return arenasOf("phinets", program).map(({ symbol }) => symbolOf(elf, symbol, path));
}

/** Bytes of all arrays of activations. */
export function arenaBytes(elf: Elf, program: Program, path: string): number {
  return arenasIn(elf, program, path).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Bytes of the network's constants, found by the names that the code generator gives them. */
function weightsOf(elf: Elf): number {
  return elf.symbols
    .filter(({ name }) => /^layer\d+_(weights|bias|multiplier|shift|channels|table)$/.test(name))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
