/** The image of a target board: linked into its regions, measured, and held against what was planned before training. */
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

/** Bytes of an image. */
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

/** What activations take of a bank. */
export interface BankShare {
  readonly region: string;
  readonly plannedBytes: number;
  /** Of the ELF's array; absent where none was linked. */
  readonly bytes?: number;
}

/** A board's image. Its `ImageBytes` are those of the ELF and absent where none was linked. */
export interface TargetImage extends Partial<ImageBytes> {
  /** The board's. */
  readonly name: string;
  readonly title: string;
  readonly core: string;
  readonly clockHz: number;
  /** False where no tool chain for the core is at hand, or where the image exceeds a region: `problem` says which. */
  readonly linked: boolean;
  /** The linked image, or what was planned where none could be linked, is within every region. */
  readonly fits: boolean;
  readonly problem?: string;
  /** Of the ELF where one was linked, else planned. In the board's order. */
  readonly regions: readonly RegionShare[];
  /** The banks that the program uses, fastest first. */
  readonly banks: readonly BankShare[];
  /** What `inspect` and `fit` say before training: flash is within 1 % of the ELF's, arena and weights are equal. */
  readonly planned: ImageBytes;
}

/**
 * Links the folder that `writeFirmware` made for `board`. A core that is not linked here and a network that exceeds the
 * board are results; what the compiler refuses is an error.
 * @param program what the folder's model was emitted from
 * @param head of the network
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

/** The arrays of activations of a program that was emitted as "phinets", bank by bank. */
function arenasIn(elf: Elf, program: Program, path: string): ElfSymbol[] {
  return arenasOf("phinets", program).map(({ symbol }) => symbolOf(elf, symbol, path));
}

/** Bytes of all of them. */
export function arenaBytes(elf: Elf, program: Program, path: string): number {
  return arenasIn(elf, program, path).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The network's constants, by the names that the generator gives them. */
function weightsOf(elf: Elf): number {
  return elf.symbols
    .filter(({ name }) => /^layer\d+_(weights|bias|multiplier|shift|channels|table)$/.test(name))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
