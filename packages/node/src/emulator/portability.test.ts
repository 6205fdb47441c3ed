/**
 * The exported C with other compilers, options and build systems: the same bytes, or an error that gives the reason.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC, firmwareProgram, stackUse } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { type Board, loadBoard, type Program, parseBoard } from "@phinets/core/target";
import { sizeOf } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { everyLayer } from "../../../../test/conformance/cases/blocks.js";
import { randomDetector } from "../../../../test/random-detector.js";
import { randomInput, randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources, machineOf, writeFirmware } from "../firmware/build.js";
import { writeBundle } from "../firmware/bundle.js";
import { hasTool, runTool } from "../host/tool.js";
import { buildEmulated } from "./build.js";
import { runQemu } from "./qemu.js";

// Many compilers run at once.
vi.setConfig({ testTimeout: 300_000 });

const strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Werror"];

/** A network of every kind of layer, with two outputs. */
const q = randomlyQuantized(everyLayer(), 3);
const inputs = [randomInput(q, 1), randomInput(q, 2)];
const expected = inputs.map((input) => {
  const outputs = new IntegerInterpreter(q).run(input);
  return Int8Array.from(outputs.flatMap((output) => [...output]));
});

/** The same network as two programs: with DSP kernels, and with portable ones and rows passed one by one. */
const first = { name: "first", target: loadBoard("stm32h743") };
const second = { name: "second", target: loadBoard("rp2040"), input: "rows" } as const;

/** Valid C and C++: reads inputs, writes the outputs of both. */
const main = `#include <stdio.h>
#include "first_model.h"
#include "second_model.h"
static int8_t input[FIRST_INPUT_BYTES], output[FIRST_OUTPUT_BYTES];
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  while (fread(input, 1, sizeof input, in) == sizeof input) {
    first_run(input, output);
    fwrite(output, 1, sizeof output, out);
    const int8_t *row = input;
    second_begin(output);
    while (!second_push_rows(row, 1)) row += SECOND_INPUT_WIDTH * SECOND_INPUT_CHANNELS;
    fwrite(output, 1, sizeof output, out);
  }
  return fclose(in) | fclose(out);
}
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-portability-"));
  writeFileSync(join(folder, "in.bin"), Buffer.concat(inputs.map((input) => new Uint8Array(input.buffer))));
  for (const { name, ...options } of [first, second]) {
    writeBundle(join(folder, name), q, { name, ...options });
    // Both in one folder, as a build without subprojects has them.
    writeBundle(join(folder, "flat"), q, { name, ...options });
  }
  writeFileSync(join(folder, "flat/main.c"), main);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function succeeds(command: string, args: readonly string[], cwd: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runTool(command, args, { cwd });
  expect(exitCode, `${command} ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
}

/** Runs a host program on the inputs; each input gives `runs` outputs. */
async function checkOutputs(program: string, runs: number): Promise<void> {
  const out = `${program}.out`;
  await succeeds(program, [join(folder, "in.bin"), out], folder);
  const bytes = expected.flatMap((output) => Array.from({ length: runs }, () => [...output]).flat());
  expect([...new Int8Array(readFileSync(out))]).toEqual(bytes);
}

/** Whether a compiler accepts these options, with a library. */
async function compiles(command: string, options: readonly string[]): Promise<boolean> {
  if (!(await hasTool(command))) return false;
  const where = mkdtempSync(join(folder, "hello-"));
  writeFileSync(join(where, "hello.c"), '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n');
  const { exitCode } = await runTool(command, [...options, "hello.c", "-o", "hello"], { cwd: where });
  return exitCode === 0;
}

test("the networks have DSP and portable kernels", () => {
  const source = ({ name }: { name: string }) => readFileSync(join(folder, `flat/${name}_model.c`), "utf8");
  expect(source(first)).toContain("phinets_step_dsp_");
  expect(source(second)).not.toContain("phinets_step_dsp_");
  expect(() => writeBundle(folder, q, { name: "phinets_dsp" })).toThrow("as the kernels' own names do");
  expect(() => writeBundle(folder, q, { name: "my-net" })).toThrow("is not a C identifier");
});

describe.skipIf(!installed("gcc"))("on the host, two networks in one flat build", () => {
  test.concurrent.each([
    ["gcc", "-O0", "-std=c99", ...strict],
    ["gcc", "-O2", "-std=c99", ...strict],
    ["gcc", "-O3", "-march=native", ...strict],
    ["gcc", "-Os", ...strict],
    ["gcc", "-m32", "-msse2", "-mfpmath=sse", ...strict],
    ["clang", "-O2", "-std=c99", ...strict],
    ["tcc", "-Wall", "-Werror"],
  ])("%s %s", async (compiler, ...options) => {
    const where = join(folder, "flat");
    if (!(await compiles(compiler, options))) {
      console.warn(`skipped: ${compiler} ${options[0]} is not installed`);
      return;
    }
    const units = readdirSync(where).filter((file) => file.endsWith(".c"));
    const program = join(folder, `flat-${compiler}${options[0]}`);
    await succeeds(compiler, [...options, ...units, "-o", program], where);
    await checkOutputs(program, 2);
  });
});

describe.skipIf(!installed("gcc", "g++", "make", "cmake", "arm-none-eabi-gcc"))("in a project", () => {
  test("make: the host's program, and a library for a microcontroller", async () => {
    const where = join(folder, "second");
    await succeeds("make", ["-j2", "CFLAGS=-O0"], where);
    await checkOutputs(join(where, "second_host"), 1);
    await succeeds("make", ["clean"], where);
    const tools = ["CC=arm-none-eabi-gcc", "AR=arm-none-eabi-ar", "CFLAGS=-O0 -mcpu=cortex-m7 -mthumb"];
    await succeeds("make", ["-j2", "libfirst.a", ...tools], join(folder, "first"));
    const { stdout } = await runTool("arm-none-eabi-nm", ["-A", "libfirst.a"], { cwd: join(folder, "first") });
    expect(stdout).toMatch(/dsp_product\.o:\S+ T /);
    expect(stdout).toMatch(/ T first_run\n/);
    await succeeds("make", ["clean"], join(folder, "first"));
  });

  test("CMake: two folders are two libraries and share a third; C++ calls both", async () => {
    const where = join(folder, "project");
    mkdirSync(where);
    writeFileSync(join(where, "main.cpp"), main);
    writeFileSync(
      join(where, "CMakeLists.txt"),
      `cmake_minimum_required(VERSION 3.10)
project(app CXX)
add_subdirectory(../first first)
add_subdirectory(../second second)
add_executable(app main.cpp)
target_compile_options(app PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Werror)
target_link_libraries(app first_model second_model)
`,
    );
    await succeeds("cmake", ["-B", "build", "-DCMAKE_BUILD_TYPE=Debug"], where);
    await succeeds("cmake", ["--build", "build", "-j2"], where);
    await checkOutputs(join(where, "build/app"), 2);
    const made = readdirSync(join(where, "build"), { recursive: true }).map(String);
    expect(made.filter((file) => /\.(a|elf)$|_host$/.test(file)).sort()).toEqual([
      ...["first/libfirst_model.a", "first/libphinets_kernels.a", "second/libsecond_model.a"],
    ]);

    const text = readFileSync(join(folder, "second/CMakeLists.txt"), "utf8");
    writeFileSync(join(folder, "second/CMakeLists.txt"), text.replace(/STREQUAL "[0-9a-f]/, 'STREQUAL "x'));
    const { exitCode, stderr } = await runTool("cmake", ["-B", "build"], { cwd: where });
    writeFileSync(join(folder, "second/CMakeLists.txt"), text);
    expect([exitCode, stderr.replace(/\s+/g, " ")]).toEqual([
      1,
      expect.stringContaining("export all with one PhiNets"),
    ]);
  });

  test("instances of one network share nothing that changes", async () => {
    const where = join(folder, "instances");
    writeBundle(where, q, first);
    writeFileSync(
      join(where, "main.c"),
      `#include <stdio.h>
#include "first_model.h"
static int8_t arenas[2][FIRST_ARENA_BYTES] __attribute__((aligned(16)));
static int8_t inputs[2][FIRST_INPUT_BYTES], outputs[2][FIRST_OUTPUT_BYTES];
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  first_context contexts[2];
  for (int i = 0; i < 2; i++) {
    if (fread(inputs[i], 1, sizeof inputs[i], in) != sizeof inputs[i]) return 1;
    first_context_init(&contexts[i], arenas[i]);
    first_context_begin(&contexts[i], outputs[i]);
  }
  for (int32_t y = 0; y < FIRST_INPUT_HEIGHT; y++) /* in turns */
    for (int i = 0; i < 2; i++)
      first_context_push_rows(&contexts[i], inputs[i] + y * FIRST_INPUT_WIDTH * FIRST_INPUT_CHANNELS, 1);
  fwrite(outputs, 1, sizeof outputs, out);
  return fclose(in) | fclose(out);
}
`,
    );
    const units = readdirSync(where).filter((file) => file.endsWith(".c"));
    const options = ["-Wall", "-Wextra", "-Werror", "-DFIRST_CALLERS_ARENA"];
    await succeeds("gcc", [...options, ...units, "-o", "../contexts"], where);
    await checkOutputs(join(folder, "contexts"), 1);
  });
});

describe.skipIf(!installed("gcc"))("what would change boxes and tracks does not compile", () => {
  const parts = ["detect", "track", "follow"].map((part) => join(firmwareSources, part));
  const includes = parts.map((part) => `-I${part}`);
  test.each([
    ["-ffast-math", "without -ffast-math"],
    ["-Ofast", "without -ffast-math"],
    ["-mfpmath=387", "-msse2 -mfpmath=sse"],
  ])("%s", async (option, message) => {
    for (const file of ["detect/phinets_detect.c", "track/phinets_track.c", "track/assignment.c"]) {
      const args = ["-fsyntax-only", ...includes, join(firmwareSources, file)];
      expect(await runTool("gcc", args)).toMatchObject({ exitCode: 0 });
      const { exitCode, stderr } = await runTool("gcc", [option, ...args]);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
    }
  });
});

const m3 = parseBoard({ ...loadBoard("stm32l4r5"), name: "m3", core: "cortex-m3", fpu: "none", simd: "none" });

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on emulated cores", () => {
  const stackOf = ({ core }: Board, { dsp, helium }: Program["options"]): number => {
    if (core === "cortex-m0plus") return stackUse.armv6m;
    return dsp ? stackUse.dsp : helium ? stackUse.helium : stackUse.portable;
  };

  test.concurrent.each([
    [loadBoard("rp2040"), ["-Os", "-O3"]],
    [m3, ["-O2", "-Os", "-O3"]],
    [loadBoard("nrf52840"), ["-O3"]],
    [loadBoard("stm32f746"), ["-O2", "-Os"]],
    [loadBoard("stm32u575"), ["-Os"]],
    [loadBoard("stm32n657"), ["-O2", "-Os", "-O3"]],
  ] as const)("$core: equal bytes, as fast under -Os, no more stack than is said", async (board, levels) => {
    const program = firmwareProgram(q, board);
    const where = join(folder, board.core);
    writeFirmware(where, emitC(q, { program }));
    const outputBytes = q.graph.outputs.reduce((sum, output) => sum + sizeOf(q.graph.shapes[output]), 0);
    const instructions = new Map<string, number>();
    for (const level of levels) {
      const image = await buildEmulated(where, board, { flags: [level] });
      const run = await runQemu(image, inputs, outputBytes);
      expect([level, run.outputs]).toEqual([level, expected]);
      expect(run.stackBytes).toBeLessThanOrEqual(stackOf(board, program.options));
      instructions.set(level, run.instructions[0]);
    }
    if (instructions.has("-O2")) expect(instructions.get("-Os")! / instructions.get("-O2")!).toBeLessThanOrEqual(1.05);
  });

  test("no warning on Arm, in C and in C++", async () => {
    const headers = readdirSync(join(folder, "first")).filter((file) => file.endsWith(".h"));
    const units = readdirSync(join(folder, "flat")).filter((file) => file.endsWith(".c") && file !== "main.c");
    for (const board of [loadBoard("rp2040"), loadBoard("stm32f746")]) {
      const options = [...machineOf(board), ...strict, "-fsyntax-only"];
      await succeeds("arm-none-eabi-gcc", [...options, ...units], join(folder, "flat"));
    }
    // The code that an application includes.
    const shown = [
      "first_model.h",
      ...headers.filter((file) => /^phinets_(detect|track|follow|program)\.h$/.test(file)),
    ];
    writeFileSync(join(folder, "flat/headers.cpp"), shown.map((file) => `#include "${file}"\n`).join(""));
    await succeeds(
      "arm-none-eabi-g++",
      [...strict, "-mcpu=cortex-m7", "-mthumb", "-fsyntax-only", "headers.cpp"],
      join(folder, "flat"),
    );
  });

  test("detection and tracking take the bytes that the folder's README states", async () => {
    const { q, detector } = randomDetector(5, 0);
    const where = join(folder, "follow");
    writeFirmware(where, emitC(q, { detector, program: firmwareProgram(q, m3) }));
    const image = await buildEmulated(where, m3);
    const frames = Array.from({ length: 6 }, (_, i) => randomInput(q, i));
    const run = await runQemu(image, frames, sizeOf(q.graph.shapes[q.graph.outputs[0]]), { tracks: true });
    expect(run.followed!.frames.at(-1)!.tracks.length).toBeGreaterThan(8);
    expect(run.stackBytes).toBeLessThanOrEqual(stackUse.follow);
    expect(run.stackBytes).toBeGreaterThan(stackUse.follow / 2);
    const bundle = join(folder, "detector");
    writeBundle(bundle, q, { detector });
    writeFileSync(
      join(bundle, "size.c"),
      '#include "phinets_follow.h"\nchar same[sizeof(phinets_follower) == 36648 ? 1 : -1];\n',
    );
    await succeeds("arm-none-eabi-gcc", ["-mcpu=cortex-m3", "-mthumb", "-fsyntax-only", "size.c"], bundle);
    expect(readFileSync(join(bundle, "README.md"), "utf8")).toContain("36,648");
  });
});
