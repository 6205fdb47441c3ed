/** Writes a network's firmware into a folder and compiles it for a board. */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { arm, bootOf, fileName, linkerScript, machineOf, sharedFolders } from "@phinets/core/export";
import type { Board } from "@phinets/core/target";
import { PhinetsError } from "@phinets/core/tensor";
import { describeWriteError, writeFileAtomic } from "../host/atomic.js";
import { missingTool, runTool } from "../host/tool.js";
import { compileShared, removeObjects } from "./objects.js";
import { elfToUf2, uf2Path } from "./uf2.js";

/** Folder of the C sources: kernels/, detect/, track/, follow/, wire/, boards/ and examples/. */
export const firmwareSources = dirname(createRequire(import.meta.url).resolve("@phinets/firmware/package.json"));

export { arm, machineOf, sharedFolders };

const armCompiler = "arm-none-eabi-gcc";

/**
 * The compiler for programs of this machine: CC, or gcc. It must accept gcc's options, as clang does; Microsoft's
 * compiler does not.
 */
function hostCompiler(): string {
  const { CC } = process.env;
  return CC === undefined || CC === "" ? "gcc" : CC;
}

const warnings = ["-Wall", "-Wextra", "-Werror"];
/**
 * Writes the sources into `folder`: model/ (the result of `emitC`), the shared folders and boards/. Earlier contents of
 * these and of build/ are removed.
 *
 * @param model contents by file name
 */
export function writeFirmware(folder: string, model: Readonly<Record<string, string>>): void {
  try {
    // Sources that no longer exist must not be compiled again, and an earlier program must not be taken for this one.
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

export interface BuildOptions {
  /** Further compiler options, such as -DPHINETS_MAX_BOXES=64. Default none. */
  readonly flags?: readonly string[];
  /** Host only: compile with -fsanitize=address,undefined and stop at the first report. Default false. */
  readonly sanitize?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Compiles a folder that `writeFirmware` made and returns the program's path: `<folder>/build/<board>.elf`, an image to
 * which you add the camera, linked into the board's memory regions by the script `<folder>/build/<board>.ld` (for an
 * RP2040 or RP2350 with its .uf2 beside it); or `<folder>/build/host`, a program for this machine. Throws PhinetsError
 * when the compiler is not installed, when it rejects a file (with its first error line), when the board's core is not
 * a Cortex-M, and when a memory region of the board is too small (by how many bytes).
 */
export async function buildFirmware(
  folder: string,
  board: "host" | Board,
  options: BuildOptions = {},
): Promise<string> {
  if (board !== "host") {
    const boot = bootOf(board);
    const parts = ["boards/start", "boards/cortex-m", ...(boot === undefined ? [] : [`boards/${boot}`])];
    const path = await link(folder, board, parts, linkerScript(board), options);
    if (boot !== undefined) writeFileAtomic(uf2Path(path), elfToUf2(readFileSync(path), path).bytes);
    return path;
  }
  mkdirSync(join(folder, "build"), { recursive: true });
  const sanitizers = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const machine = options.sanitize ? sanitizers : [];
  const output = join("build", options.sanitize ? "host-sanitized" : "host");
  return compile(
    folder,
    board,
    hostCompiler(),
    ["model", ...sharedFolders, "boards/host"],
    machine,
    [],
    output,
    options,
  );
}

/** Path of `buildFirmware`'s image for a board, relative to the firmware's folder. */
export function imagePath({ name }: Pick<Board, "name">): string {
  return `build/${fileName(name)}.elf`;
}

/**
 * Compiles a folder that `writeFirmware` made for a Cortex-M and links it by `script`, which is kept as
 * `build/<board>.ld`. Throws as `buildFirmware` does.
 *
 * @param parts folders to compile in addition to the model and the shared ones
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
  return compile(folder, board.name, armCompiler, all, [...machine, ...arm], ["-T", file], output, options);
}

async function compile(
  folder: string,
  board: string,
  compiler: string,
  parts: readonly string[],
  machine: readonly string[],
  linking: readonly string[],
  output: string,
  options: BuildOptions,
): Promise<string> {
  const isArm = compiler === armCompiler;
  // Skip the DSP and Helium kernels that the model does not call: they are a third of the compile time.
  const models = readdirSync(join(folder, "model")).filter((file) => file.endsWith(".c"));
  const texts = models.map((file) => readFileSync(join(folder, "model", file), "utf8"));
  const compiled = parts.filter((part) => {
    const [, set] = /^kernels\/(\w+)$/.exec(part) ?? [];
    return set === undefined || texts.some((text) => text.includes(`phinets_${set}_steps.h`));
  });
  const sources = compiled.flatMap((part) =>
    readdirSync(join(folder, part))
      .filter((file) => file.endsWith(".c") || (isArm && file.endsWith(".S")))
      .sort()
      .map((file) => join(part, file)),
  );
  const { flags = [], signal } = options;
  const common = [isArm ? "-std=gnu99" : "-std=c99", options.sanitize ? "-O1" : "-O2", ...warnings];
  const sharedParts = sharedFolders.map((part) => join(part));
  const isShared = (source: string): boolean => sharedParts.includes(dirname(source));
  const program = basename(output);
  const shared = await compileShared({
    ...{ folder, compiler, signal, headers: sharedFolders, program },
    // Only the board's own sources depend on the emulator's input address, its UART and the wire messages.
    args: [
      ...[...common, ...sharedFolders.map((part) => `-I${part}`), ...machine],
      ...flags.filter((flag) => !/^-DPHINETS_(INPUTS|UART|WIRE)/.test(flag)),
    ],
    sources: sources.filter(isShared),
  });
  if (shared.exitCode !== 0) throw compileError(board, compiler, shared.output);
  const own = sources.filter((source) => !isShared(source));
  const args = [...common, ...parts.map((part) => `-I${part}`), ...machine, ...linking, ...flags];
  const all = [...args, ...own, ...shared.objects, "-o", output];
  const { exitCode, stdout, stderr } = await runTool(compiler, all, { cwd: folder, signal });
  removeObjects({ folder, program });
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
