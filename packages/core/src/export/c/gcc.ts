/** Options of GCC for Arm that follow from a board's core. */
import type { Board } from "../../target/index.js";
import { PhinetsError } from "../../tensor/index.js";

/** Options of every Arm program, for compiler and linker. */
export const arm = [
  "-ffunction-sections",
  "-fdata-sections",
  "--specs=nano.specs",
  "-nostartfiles",
  "-Wl,--gc-sections",
  "-Wl,--no-warn-rwx-segments",
];

/** Whether PhiNets links images for the board's core, which must be a Cortex-M. */
export function isLinked({ core, fpu }: Pick<Board, "core" | "fpu">): boolean {
  return /^cortex-m/.test(core) && fpu !== "single";
}

/** Cores that GCC 12 does not know, and a core with the same instructions (except PACBTI, which is optional). */
const compiledAs: Readonly<Record<string, string>> = { "cortex-m85": "cortex-m55" };

/** Compiler options for a board's core. Throws PhinetsError for a core that is not a Cortex-M. */
export function machineOf(board: Pick<Board, "name" | "core" | "fpu">): string[] {
  const { name, core, fpu } = board;
  if (!isLinked(board))
    throw new PhinetsError(
      "emulator.core",
      `board ${name}: core ${core} (fpu ${fpu}) is not linked: arm-none-eabi-gcc builds Cortex-M; its C is written (phinets export) and its bits are proven on an emulated Cortex-M, compile it with the vendor's tools`,
    );
  return [
    `-mcpu=${compiledAs[core] ?? core}`,
    "-mthumb",
    ...(fpu === "none" ? ["-mfloat-abi=soft"] : [`-mfpu=${fpu}`, "-mfloat-abi=hard"]),
  ];
}

/** A board's name, made safe for file names. */
export function fileName(board: string): string {
  return board.replace(/[^\w.-]/g, "_");
}
