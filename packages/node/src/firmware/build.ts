/** Writes a network's firmware into a folder and compiles it for a board. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { linkerScript } from "@phinets/core/export";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError } from "../host/atomic.js";
import { missingTool, runTool } from "../host/tool.js";

/** Where the C sources are: kernels/, detect/, track/, follow/ and boards/. */
export const firmwareSources = dirname(createRequire(import.meta.url).resolve("@phinets/firmware/package.json"));

/** Folders of it that belong to every program. */
export const sharedFolders = ["kernels", "kernels/dsp", "detect", "track", "follow"] as const;

const armCompiler = "arm-none-eabi-gcc";

/** The compiler of this machine's own programs: CC, or gcc. It takes gcc's options, as clang does; Microsoft's does not. */
function hostCompiler(): string {
  const { CC } = process.env;
  return CC === undefined || CC === "" ? "gcc" : CC;
}

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

/**
 * Lays out `folder`: model/ (what `emitC` returned), the shared folders and boards/. What these and build/ held is removed.
 *
 * @param model file name to text
 */
export function writeFirmware(folder: string, model: Readonly<Record<string, string>>): void {
  try {
    // A source that no longer exists must not be compiled again, nor an older program be taken for this one.
    for (const part of ["model", ...sharedFolders, "boards", "build"])
      rmSync(join(folder, part), { recursive: true, force: true });
    for (const part of [...sharedFolders, "boards"].filter((part) => !part.includes("/")))
      cpSync(join(firmwareSources, part), join(folder, part), { recursive: true });
    mkdirSync(join(folder, "model"), { recursive: true });
    for (const [name, text] of Object.entries(model)) writeFileSync(join(folder, "model", name), text);
  } catch (error) {
    throw describeWriteError(error, folder);
  }
}

/** Whether `buildFirmware` knows the board's core: a Cortex-M. */
export function isLinked({ core, fpu }: Pick<Board, "core" | "fpu">): boolean {
  return /^cortex-m/.test(core) && fpu !== "single";
}

/** Cores that GCC 12 has no name for, and one with the same instructions (but for PACBTI, which is optional). */
const compiledAs: Readonly<Record<string, string>> = { "cortex-m85": "cortex-m55" };

/** The compiler's options for a board's core. Throws PhinetsError for a core that is no Cortex-M. */
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

export interface BuildOptions {
  /** More options of the compiler, such as -DPHINETS_MAX_BOXES=64. Default none. */
  readonly flags?: readonly string[];
  /** Host only: compile with -fsanitize=address,undefined and stop at the first report. Default false. */
  readonly sanitize?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Compiles a folder that `writeFirmware` made and returns the program's path: `<folder>/build/<board>.elf`, an image whose
 * camera is yours to add, linked into the board's regions by the script `<folder>/build/<board>.ld`; or
 * `<folder>/build/host`, a program for this machine.
 * Throws PhinetsError when the compiler is not installed, when it refuses a file (with its first error line), when the
 * board's core is no Cortex-M, and when a memory region of the board is too small (by how many bytes).
 */
export async function buildFirmware(
  folder: string,
  board: "host" | Board,
  options: BuildOptions = {},
): Promise<string> {
  if (board !== "host") return link(folder, board, ["boards/start", "boards/cortex-m"], linkerScript(board), options);
  mkdirSync(join(folder, "build"), { recursive: true });
  const sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const machine = options.sanitize ? sanitizers : [];
  const output = join("build", options.sanitize ? "host-sanitized" : "host");
  return compile(folder, board, hostCompiler(), ["model", ...sharedFolders, "boards/host"], machine, output, options);
}

/** Where `buildFirmware` puts a board's image, below the firmware's folder. */
export function imagePath({ name }: Pick<Board, "name">): string {
  return `build/${fileName(name)}.elf`;
}

/** A board's name as a file's. */
export function fileName(board: string): string {
  return board.replace(/[^\w.-]/g, "_");
}

/**
 * Compiles a folder that `writeFirmware` made for a Cortex-M and links it by `script`, which is kept as `build/<board>.ld`.
 * Throws as `buildFirmware` does.
 *
 * @param parts folders to compile beside the model and the shared ones
 */
export async function link(
  folder: string,
  board: Pick<Board, "name" | "core" | "fpu">,
  parts: readonly string[],
  script: string,
  options: BuildOptions,
): Promise<string> {
  const machine = machineOf(board);
  const file = `build/${fileName(board.name)}.ld`;
  try {
    mkdirSync(join(folder, "build"), { recursive: true });
    writeFileSync(join(folder, file), script);
  } catch (error) {
    throw describeWriteError(error, folder);
  }
  const all = ["model", ...sharedFolders, ...parts];
  const output = imagePath(board);
  return compile(folder, board.name, armCompiler, all, [...machine, ...arm, "-T", file], output, options);
}

async function compile(
  folder: string,
  board: string,
  compiler: string,
  parts: readonly string[],
  machine: readonly string[],
  output: string,
  options: BuildOptions,
): Promise<string> {
  const isArm = compiler === armCompiler;
  // A third of the time: DSP kernels that a portable model does not call.
  const dsp = readdirSync(join(folder, "model")).some(
    (file) => file.endsWith(".c") && readFileSync(join(folder, "model", file), "utf8").includes("phinets_dsp_steps.h"),
  );
  const compiled = dsp ? parts : parts.filter((part) => part !== "kernels/dsp");
  const sources = compiled.flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((file) => file.endsWith(".c") || (isArm && file.endsWith(".S")))
      .sort()
      .map((file) => join(part, file)),
  );
  const args = [
    isArm ? "-std=gnu99" : "-std=c99",
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
