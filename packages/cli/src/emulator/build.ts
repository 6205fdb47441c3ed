/** Writes a network's firmware into a folder and compiles it for a board. */
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Board } from "@phinets/core/cost";
import { linkerScript } from "@phinets/core/export";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "../run/atomic.js";
import { missingTool, runTool } from "./tool.js";

export type FirmwareBoard = "host" | "mps2-an500" | "stm32h743";

/** Where the C sources are: kernels/, detect/, track/, follow/ and boards/. */
export const firmwareSources = fileURLToPath(new URL("../../../../firmware", import.meta.url));

/** Folders of it that belong to every program. */
export const sharedFolders = ["kernels", "detect", "track", "follow"] as const;

const warnings = ["-Wall", "-Wextra", "-Werror"];
/** Of every Arm program: compiler and linker. */
export const arm = [
  "-ffunction-sections",
  "-fdata-sections",
  "--specs=nano.specs",
  "-nostartfiles",
  "-Wl,--gc-sections",
  "-Wl,--no-warn-rwx-segments",
];

const cortexM7 = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-d16", "-mfloat-abi=hard"];

/** Folders of C files that go into a board's program, below the firmware folder. */
const folders: Readonly<Record<FirmwareBoard, readonly string[]>> = {
  host: ["model", ...sharedFolders, "boards/host"],
  "mps2-an500": ["model", ...sharedFolders, "boards/cortex-m7", "boards/mps2-an500"],
  stm32h743: ["model", ...sharedFolders, "boards/cortex-m7", "boards/stm32h743"],
};

/**
 * Lays out `folder`: model/ (what `emitC` returned), the shared folders and boards/. What these held is removed.
 *
 * @param model file name to text
 */
export function writeFirmware(folder: string, model: Readonly<Record<string, string>>): void {
  try {
    // A source that no longer exists must not be compiled again.
    for (const part of ["model", ...sharedFolders, "boards"])
      rmSync(join(folder, part), { recursive: true, force: true });
    for (const part of [...sharedFolders, "boards"])
      cpSync(join(firmwareSources, part), join(folder, part), { recursive: true });
    mkdirSync(join(folder, "model"), { recursive: true });
    for (const [name, text] of Object.entries(model)) writeFileSync(join(folder, "model", name), text);
  } catch (error) {
    throw describeWriteError(error, folder);
  }
}

/** The compiler's options for a board's core. Throws PhinetsError for a core that is no Cortex-M. */
export function machineOf({ name, core, fpu }: Pick<Board, "name" | "core" | "fpu">): string[] {
  if (!/^cortex-m/.test(core) || fpu === "single")
    throw new PhinetsError(
      "emulator.core",
      `board ${name}: core ${core} (fpu ${fpu}) is not linked: arm-none-eabi-gcc builds Cortex-M; compile the exported C with the vendor's tools`,
    );
  return [
    `-mcpu=${core}`,
    "-mthumb",
    ...(fpu === "none" ? ["-mfloat-abi=soft"] : [`-mfpu=${fpu}`, "-mfloat-abi=hard"]),
  ];
}

export interface BuildOptions {
  /** More options of the compiler, such as -DPHINETS_MAX_BOXES=64. Default none. */
  readonly flags?: readonly string[];
  /** Host only: compile with -fsanitize=address,undefined and stop at the first report. Default false. */
  readonly sanitize?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Compiles a folder that `writeFirmware` made and returns the program's path, `<folder>/build/<board>[.elf]`. A board's
 * description instead of a name: an image without a camera, linked into its regions by a script that is written to
 * `<folder>/boards/cortex-m/<board>.ld`.
 * Throws PhinetsError when the compiler is not installed, when it refuses a file (with its first error line), and when a
 * memory region of the board is too small (by how many bytes).
 */
export async function buildFirmware(
  folder: string,
  board: FirmwareBoard | Board,
  options: BuildOptions = {},
): Promise<string> {
  if (typeof board !== "string") return buildFor(folder, board, options);
  const compiler = board === "host" ? "gcc" : "arm-none-eabi-gcc";
  mkdirSync(join(folder, "build"), { recursive: true });
  const output = join("build", board === "host" ? (options.sanitize ? "host-sanitized" : "host") : `${board}.elf`);
  const machine =
    board === "host"
      ? options.sanitize
        ? ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        : []
      : [...cortexM7, ...arm, "-T", `boards/${board}/${board}.ld`];
  return compile(folder, board, compiler, folders[board], machine, output, options);
}

async function buildFor(folder: string, board: Board, options: BuildOptions): Promise<string> {
  const machine = machineOf(board);
  const name = board.name.replace(/[^\w.-]/g, "_");
  const script = `boards/cortex-m/${name}.ld`;
  const parts = ["model", ...sharedFolders, "boards/cortex-m7", "boards/cortex-m"];
  try {
    mkdirSync(join(folder, "build"), { recursive: true });
    writeFileSync(join(folder, script), linkerScript(board));
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  const output = join("build", `${name}.elf`);
  return compile(folder, board.name, "arm-none-eabi-gcc", parts, [...machine, ...arm, "-T", script], output, options);
}

async function compile(
  folder: string,
  board: string,
  compiler: "gcc" | "arm-none-eabi-gcc",
  parts: readonly string[],
  machine: readonly string[],
  output: string,
  options: BuildOptions,
): Promise<string> {
  const sources = parts.flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((file) => file.endsWith(".c"))
      .sort()
      .map((file) => join(part, file)),
  );
  const args = [
    compiler === "gcc" ? "-std=c99" : "-std=gnu99",
    options.sanitize ? "-O1" : "-O2",
    ...warnings,
    ...parts.map((part) => `-I${part}`),
    ...machine,
    ...(options.flags ?? []),
    ...sources,
    "-o",
    output,
  ];
  const { exitCode, stdout, stderr } = await runTool(compiler, args, { cwd: folder, signal: options.signal });
  if (exitCode !== 0) throw compileError(board, compiler, `${stdout}\n${stderr}`);
  return join(folder, output);
}

function compileError(board: string, compiler: string, output: string): PhinetsError {
  const overflows = [...output.matchAll(/region `(\w+)' overflowed by (\d+) bytes/g)];
  if (overflows.length > 0) {
    const regions = overflows.map(([, region, bytes]) => `${region} by ${Number(bytes)} bytes`).join(", ");
    return new PhinetsError(
      "emulator.overflow",
      `${board}: the program does not fit its memory: it exceeds ${regions}; use a smaller input resolution (RAM) or a smaller alpha (flash and RAM)`,
    );
  }
  if (/cannot find -lc_nano|nano\.specs|stdint\.h: No such file/.test(output))
    return missingTool("libnewlib-arm-none-eabi");
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const first = lines.find((line) => /\b(fatal )?error:|undefined reference/.test(line)) ?? lines[0] ?? "no message";
  return new PhinetsError("emulator.compile", `${board}: ${compiler} failed: ${first.trim()}`);
}
