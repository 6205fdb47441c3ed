/** Compiles firmware for the QEMU machine that emulates a board's core. */
import { linkerScript } from "@phinets/core/export";
import type { Board } from "@phinets/core/target";
import { type BuildOptions, link } from "../firmware/build.js";
import { type Emulated, emulatedFor } from "./machines.js";

export interface EmulatedProgram extends Emulated {
  /** Path of the ELF file. */
  readonly path: string;
}

/**
 * Compiles a firmware folder for the machine that emulates a board's core, into
 * `<folder>/build/emulated-<machine>.elf`. Throws as `buildFirmware` does.
 */
export async function buildEmulated(
  folder: string,
  board: Pick<Board, "name" | "core" | "fpu">,
  options: BuildOptions = {},
): Promise<EmulatedProgram> {
  const emulated = emulatedFor(board);
  const { name, regions, inputs } = emulated.machine;
  const { core, fpu } = emulated.core;
  // All of the board's memory banks are placed in the machine's single RAM, one array each.
  const target = { name: `emulated-${name}`, core, fpu, regions, flashBytes: regions[0].bytes };
  const flags = [...(options.flags ?? []), `-DPHINETS_INPUTS=0x${inputs.address.toString(16)}u`];
  const script = linkerScript(target, { stackBytes: 64 * 1024 });
  const path = await link(folder, target, ["boards/start", "boards/semihosting", "boards/emulator"], script, {
    ...options,
    flags,
  });
  return { ...emulated, path };
}

/** Path of `buildEmulated`'s program for a board, relative to the firmware's folder. */
export function emulatedPath(board: Pick<Board, "name" | "core" | "fpu">): string {
  return `build/emulated-${emulatedFor(board).machine.name}.elf`;
}
