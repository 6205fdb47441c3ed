/**
 * The C kernels: on the host with every memory access and arithmetic operation checked, and on emulated cores with
 * their assembly.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cores, includes, kernelSources, runOnCore } from "../../../../test/emulated.js";
import { installed } from "../../../../test/tools.js";
import { runTool } from "../host/tool.js";

const tests = fileURLToPath(new URL("../../../../test/firmware", import.meta.url));
const testSources = (dsp: boolean): string[] =>
  readdirSync(tests)
    .filter((name) => name.endsWith(".c") && (dsp || !/^(dsp|helium)_/.test(name)))
    .map((name) => join(tests, name));
const strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-kernels-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles and runs a program on the host; returns its output. */
async function compileAndRun(name: string, sources: string[], args: string[], flags: string[] = []): Promise<string> {
  const program = join(folder, name);
  const built = await runTool("gcc", [...strict, ...sanitizers, ...includes, ...flags, ...sources, "-o", program]);
  expect(built.stderr).toBe("");
  const run = await runTool(program, args);
  expect([run.stdout, run.stderr, run.exitCode]).toEqual([run.stdout, "", 0]);
  return run.stdout;
}

/** Number of values that a kernel test compared, without any difference. */
function compared(printed: string): number {
  const [, values, wrong] = /^values (\d+) wrong (\d+)/m.exec(printed) ?? [];
  expect(wrong, printed).toBe("0");
  return Number(values);
}

describe.skipIf(!installed("gcc"))("kernels on the host", () => {
  const flags = [`-I${tests}`, "-Wconversion", "-Wsign-conversion", "-DCASES=150"];
  /** All kernels, compiled once. */
  let objects: string[];
  beforeAll(async () => {
    const where = join(folder, "objects");
    mkdirSync(where);
    const sources = kernelSources({ dsp: true, assembly: false });
    const built = await runTool("gcc", [...strict, ...sanitizers, ...includes, "-c", ...sources], { cwd: where });
    expect(built.stderr).toBe("");
    objects = readdirSync(where).map((name) => join(where, name));
  });

  test("make random layers as their definitions do: portable ones, and the DSP and Helium kernels' loops in C", async () => {
    const printed = await compileAndRun(
      "kernels",
      [...testSources(true), ...objects],
      [],
      [...flags, "-DDSP", "-DHELIUM"],
    );
    expect(compared(printed)).toBeGreaterThan(500_000);
  });
  test("make random layers as their definitions do: Armv6-M's loops in C", async () => {
    const sources = [...testSources(false), ...kernelSources({ dsp: false, assembly: false })];
    const printed = await compileAndRun("armv6m", sources, [], [...flags, "-DPHINETS_ARMV6M_IN_C"]);
    expect(compared(printed)).toBeGreaterThan(400_000);
  });

  test("rescaling is gemmlowp's double rounding for any accumulator, multiplier and shift", async () => {
    const random = new Random(9);
    const edges = [0, 1, -1, 2 ** 30, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1];
    const cases: [x: number, multiplier: number, shift: number][] = [];
    for (let shift = -31; shift <= 30; shift++) {
      for (const x of edges) cases.push([x, 2 ** 31 - 1, shift], [x, 2 ** 30, shift], [x, 0, shift]);
      for (let i = 0; i < 100; i++)
        cases.push([random.uint32() >> random.integer(32), 2 ** 30 + random.integer(2 ** 30), shift]);
    }
    // Accumulators that are ties before the second rounding: only these show its direction.
    for (let exponent = 1; exponent < 20; exponent++)
      for (const odd of [1, -1, 3, -3, 77, -77]) cases.push([odd * 2 ** exponent, 2 ** 30, -exponent]);
    const table = join(folder, "cases.bin");
    writeFileSync(table, new Int32Array(cases.flat()));
    writeFileSync(
      join(folder, "rescale.c"),
      `#include <stdio.h>
#include "requantize.h"
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  int32_t c[3];
  while (fread(c, 4, 3, in) == 3) {
    int32_t y = phinets_rescale(c[0], c[1], c[2]);
    fwrite(&y, 4, 1, out);
  }
  return fclose(in) | fclose(out);
}
`,
    );
    await compileAndRun("rescale", [join(folder, "rescale.c")], [table, join(folder, "rescaled.bin")]);
    const file = readFileSync(join(folder, "rescaled.bin"));
    const actual = new Int32Array(file.buffer.slice(file.byteOffset, file.byteOffset + file.length));
    expect(actual.length).toBe(cases.length);
    expect([...actual]).toEqual(cases.map(([x, multiplier, shift]) => rescaleByDefinition(x, multiplier, shift)));
  });
});

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("kernels on emulated cores", () => {
  // The Cortex-M3 runs the same C as the host.
  test("make random layers as their definitions do, and stay within their rows and a small stack", async () => {
    const assembly = cores.filter(({ name }) => name !== "cortex-m3");
    await Promise.all(
      assembly.map(async (core) => {
        const flags = [
          `-I${tests}`,
          "-DCASES=150",
          "-DSEED=2",
          ...(core.dsp ? ["-DDSP"] : []),
          ...(core.helium ? ["-DHELIUM"] : []),
        ];
        const printed = await runOnCore(core, folder, testSources(core.dsp), flags);
        expect(compared(printed), core.name).toBeGreaterThan(1_000_000);
        const stack = Number(/stack (\d+)/.exec(printed)![1]);
        // Armv6-M's kernels buffer products on the stack: PHINETS_ARMV6M_BUFFER.
        expect(stack, core.name).toBeLessThan(core.dsp ? 2048 : 6144);
      }),
    );
  });
});

/** MultiplyByQuantizedMultiplier from its definition, in exact integers. */
function rescaleByDefinition(x: number, multiplier: number, shift: number): number {
  const shifted = BigInt.asIntN(32, BigInt(x) << BigInt(Math.max(0, shift)));
  const product = shifted * BigInt(multiplier);
  // Rounded to nearest, halves towards +infinity: gemmlowp's nudge for a negative product is 1 - 2^30, then truncation.
  const nudged = product + (product >= 0n ? 1n << 30n : 1n - (1n << 30n));
  const high = nudged / (1n << 31n);
  const exponent = BigInt(Math.max(0, -shift));
  if (exponent === 0n) return Number(high);
  // Halves away from zero.
  const magnitude = ((high < 0n ? -high : high) + (1n << (exponent - 1n))) >> exponent;
  return Number(high < 0n ? -magnitude : magnitude);
}
