/** Compiles firmware for the machine of QEMU that stands for a board's core. */
import { linkerScript } from "@phinets/core/export";
import type { Board } from "@phinets/core/target";
import { type BuildOptions, link } from "../firmware/build.js";
import { type Emulated, emulatedFor } from "./machines.js";

export interface EmulatedProgram extends Emulated {
  /** The ELF file. */
  readonly path: string;
}

/**
 * Compiles the same folder for the machine that stands for a board's core: `<folder>/build/emulated-<machine>.elf`.
 * Throws as `buildFirmware` does.
 */
export async function buildEmulated(
  folder: string,
  board: Pick<Board, "name" | "core" | "fpu">,
  options: BuildOptions = {},
): Promise<EmulatedProgram> {
  const emulated = emulatedFor(board);
  const { name, regions, inputs } = emulated.machine;
  const { core, fpu } = emulated.core;
  // All banks of the board lie in the machine's one RAM, an array each.
  const target = { name: `emulated-${name}`, core, fpu, regions, flashBytes: regions[0].bytes };
  const flags = [...(options.flags ?? []), `-DPHINETS_INPUTS=0x${inputs.address.toString(16)}u`];
  const script = linkerScript(target, { stackBytes: 64 * 1024 });
  const path = await link(folder, target, ["boards/start", "boards/semihosting", "boards/emulator"], script, {
    ...options,
    flags,
  });
  return { ...emulated, path };
}

/** Where `buildEmulated` puts a board's program, below the firmware's folder. */
export function emulatedPath(board: Pick<Board, "name" | "core" | "fpu">): string {
  return `build/emulated-${emulatedFor(board).machine.name}.elf`;
}
