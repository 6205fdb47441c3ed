/**
 * Runs a test's own programs on an emulated core: builds them with the kernels, starts them, and reads their console
 * and files.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { linkerScript } from "@phinets/core/export";
import type { Board } from "@phinets/core/target";
import { machineOfCore } from "../packages/node/src/emulator/machines.js";
import { vectorArguments } from "../packages/node/src/emulator/qemu.js";
import { arm, firmwareSources, machineOf } from "../packages/node/src/firmware/build.js";
import { runTool } from "../packages/node/src/host/tool.js";

export interface Core extends Pick<Board, "name" | "core" | "fpu"> {
  /** Whether it has the DSP extension. */
  readonly dsp: boolean;
  /** Whether it has Helium; the compiler uses it only together with floating point. */
  readonly helium?: boolean;
}

// Without floating point, which the kernels do not use: objects for the smallest core can then be linked for every
// other.
const named = (core: string, dsp: boolean): Core => ({ name: core, core, fpu: "none", dsp });

/** One core per instruction set. */
export const cores: readonly Core[] = [
  named("cortex-m0", false),
  named("cortex-m3", false),
  named("cortex-m4", true),
  named("cortex-m7", true),
  named("cortex-m33", true),
  { ...named("cortex-m55", true), fpu: "fpv5-d16" as const, helium: true },
];

/**
 * Compiles `sources` in `folder` to objects that `runOnCore` can link for `core`; by default for any core without
 * floating point.
 */
export async function compileForAll(
  folder: string,
  sources: readonly string[],
  flags: readonly string[],
  core = cores[0],
): Promise<string[]> {
  const options = ["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror", ...machineOf(core), "-ffunction-sections"];
  const built = await runTool("arm-none-eabi-gcc", [...options, "-fdata-sections", ...flags, "-c", ...sources], {
    cwd: folder,
  });
  if (built.exitCode !== 0) throw new Error(built.stderr);
  return sources.map((name) => join(folder, `${basename(name, ".c")}.o`));
}

const kernels = ["kernels", "kernels/dsp", "kernels/helium"];
const start = ["boards/start/startup.c", "boards/semihosting/semihosting.c"].map((file) => join(firmwareSources, file));
const folders = [...kernels, "boards/start", "boards/semihosting"].map((part) => join(firmwareSources, part));

/** The kernels' sources: with `dsp` including the DSP kernels, with `assembly` including assembly files. */
export function kernelSources({ dsp, assembly }: { readonly dsp: boolean; readonly assembly: boolean }): string[] {
  return (dsp ? kernels : kernels.slice(0, 1)).flatMap((part) =>
    readdirSync(join(firmwareSources, part))
      .filter((file) => file.endsWith(".c") || (assembly && file.endsWith(".S")))
      .map((file) => join(firmwareSources, part, file)),
  );
}

/** Compiler options that find the kernels' headers. */
export const includes = kernels.map((part) => `-I${join(firmwareSources, part)}`);

/**
 * Builds `sources` and objects, which contain main and the vector table, with the kernels in `folder`/<core> and runs
 * them there.
 * @param memory a file in that folder, which QEMU loads at PHINETS_INPUTS
 * @returns the printed text; throws the compiler's or the program's output where they fail
 */
export async function runOnCore(
  core: Core,
  folder: string,
  sources: readonly string[],
  flags: readonly string[],
  memory?: string,
): Promise<string> {
  const where = join(folder, core.name);
  mkdirSync(where, { recursive: true });
  const machine = machineOfCore(core.core)!;
  const { name, options, regions, inputs } = machine;
  const script = linkerScript({ name, regions, flashBytes: regions[0].bytes }, { stackBytes: 64 * 1024 });
  writeFileSync(join(where, "machine.ld"), script);
  const address = `0x${inputs.address.toString(16)}`;
  const warnings = ["-Wall", "-Wextra", "-Werror"];
  const built = await runTool(
    "arm-none-eabi-gcc",
    [
      ...["-std=gnu99", "-O2", ...warnings, ...machineOf(core), ...arm, "-T", "machine.ld"],
      ...[`-DPHINETS_INPUTS=${address}u`, ...flags, ...folders.map((part) => `-I${part}`)],
      ...[...sources, ...kernelSources({ dsp: core.dsp, assembly: true }), ...start, "-o", "program.elf"],
    ],
    { cwd: where },
  );
  if (built.exitCode !== 0) throw new Error(`${core.name}: ${built.stderr}`);
  const loaded = memory === undefined ? [] : ["-device", `loader,file=${memory},addr=${address},force-raw=on`];
  const semihosting = ["-semihosting-config", "enable=on,target=native"];
  const vectors = vectorArguments({ path: join(where, "program.elf"), machine }, where);
  const args = ["-M", name, ...(options ?? []), "-nographic", "-monitor", "none", "-serial", "none", ...semihosting];
  const run = await runTool("qemu-system-arm", [...args, ...loaded, ...vectors, "-kernel", "program.elf"], {
    cwd: where,
    timeoutMs: 60_000,
  });
  if (run.exitCode !== 0) throw new Error(`${core.name}: exit code ${run.exitCode}: ${run.stdout}${run.stderr}`);
  return `${run.stdout}${run.stderr}`;
}
