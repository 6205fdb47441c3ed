/**
 * Whole networks on emulated cores of every instruction set: many random ones in one program, whole pictures and rows that
 * are pushed, fastest and smallest plans. Every output byte is the interpreter's.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC, firmwareProgram } from "@phinets/core/export";
import { deployGraph } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { loadBoard, type Program, type ProgramWish } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileForAll, cores, includes, runOnCore } from "../../../../test/emulated.js";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-networks-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const small = (network: object, seed: number): QuantizedNetwork =>
  randomlyQuantized(deployGraph(buildNetwork(parseNetwork(network))), seed);

/** Random blocks, and small ones of each family with odd sizes. */
function networks(): QuantizedNetwork[] {
  const heads = [
    { kind: "classifier", classes: 3 },
    { kind: "yolov2", classes: 2 },
  ];
  const made = Array.from({ length: 84 }, (_, seed) => randomNetwork(seed));
  for (let i = 0; i < 10; i++) {
    const input = { height: 32 + ((7 * i) % 17), width: 33 + ((5 * i) % 19), channels: i % 3 === 0 ? 1 : 3 };
    const options = { alpha: 0.08 + 0.02 * i, t0: 1 + (i % 6), squeezeExcite: i % 2 === 0, conv2dInput: i % 5 === 4 };
    const activation = i % 4 === 3 ? "relu6" : "hardswish";
    made.push(small({ family: "phinet", input, ...options, activation, pool: i === 6, head: heads[i % 2] }, i));
  }
  for (const [i, width] of [0.1, 0.07, 0.12, 0.05].entries()) {
    const input = { height: 34 + 3 * i, width: 47 - 2 * i, channels: 3 };
    made.push(small({ family: "mobilenetv2", input, width, head: heads[i % 2] }, i));
  }
  for (const i of [0, 1])
    made.push(
      small({ family: "efficientnet", input: { height: 33, width: 40, channels: 3 }, width: 0.1, head: heads[i] }, i),
    );
  return made;
}

const wishes: ProgramWish[] = [{}, { input: "rows" }, { optimize: "ram" }, { optimize: "ram", input: "rows" }];

/** Two runs a network: the whole picture from where it lies, and rows in calls of 1, 2, 3, ... */
const main = (count: number, arenaBytes: number, outputBytes: number): string => `#include <string.h>
#include "semihosting.h"
#include "startup.h"
${Array.from({ length: count }, (_, i) => `#include "n${i}_model.h"`).join("\n")}

static void on_fault(void) {
  semihosting_print("fault\\n");
  semihosting_exit(99);
}

typedef void (*handler)(void);
__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)stack_top, Reset_Handler, on_fault, on_fault, on_fault, on_fault, on_fault,
};

enum { AROUND = 64, PAINT = 0x5a };
static int8_t arena[${arenaBytes} + AROUND] __attribute__((aligned(16)));
static int8_t results[${outputBytes} + 2 * AROUND + 1];
static const int8_t *input = (const int8_t *)PHINETS_INPUTS;
static int file;

static void fail(const char *network, const char *what) {
  semihosting_print(network), semihosting_print(what), semihosting_print("\\n");
  semihosting_exit(1);
}

/* Nothing outside the arena's and the output's bytes was written. */
static void finish(const char *network, int32_t arena_bytes, const int8_t *output, int32_t bytes) {
  for (int32_t i = 0; i < AROUND; i++)
    if (arena[arena_bytes + i] != PAINT || output[bytes + i] != PAINT || output[-1 - i] != PAINT)
      fail(network, ": wrote beyond its memory");
  semihosting_write(file, output, (uint32_t)bytes);
}

/* Outputs start anywhere, and so do inputs, one after the other in memory. */
#define RUN(n, N)                                                                                    \\
  static void run_##n(void) {                                                                        \\
    static n##_context context;                                                                      \\
    for (int pushed = 0; pushed < 2; pushed++) {                                                     \\
      int8_t *output = results + AROUND + pushed;                                                    \\
      int done = 0;                                                                                  \\
      memset(arena, PAINT, sizeof arena);                                                            \\
      memset(results, PAINT, sizeof results);                                                        \\
      n##_context_init(&context, arena);                                                             \\
      if (!pushed) done = n##_context_run(&context, input, output) == 0;                             \\
      else {                                                                                         \\
        n##_context_begin(&context, output);                                                         \\
        for (int32_t y = 0, count = 1; y < N##_INPUT_HEIGHT; y += count, count++) {                  \\
          if (done && y < N##_INPUT_HEIGHT / 2) fail(#n, ": done too early");                        \\
          done = n##_context_push_rows(&context, input + y * N##_INPUT_WIDTH * N##_INPUT_CHANNELS, count); \\
        }                                                                                            \\
      }                                                                                              \\
      if (!done) fail(#n, ": is not done");                                                          \\
      finish(#n, N##_ARENA_BYTES, output, N##_OUTPUT_BYTES);                                         \\
      input += N##_INPUT_BYTES;                                                                      \\
    }                                                                                                \\
  }
${Array.from({ length: count }, (_, i) => `RUN(n${i}, N${i})`).join("\n")}

int main(void) {
  file = semihosting_create("outputs.bin");
${Array.from({ length: count }, (_, i) => `  run_n${i}();`).join("\n")}
  semihosting_close(file);
  semihosting_print("stack "), semihosting_print_number(stack_used_bytes()), semihosting_print("\\n");
  semihosting_exit(0);
}
`;

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("a hundred networks", () => {
  const all = networks();
  const inputs = all.map((q, i) => [randomInput(q, 2 * i), randomInput(q, 2 * i + 1)]);
  let expected: Int8Array[];
  beforeAll(() => {
    expected = all.map((q, i) => {
      const interpreter = new IntegerInterpreter(q);
      return Int8Array.from(inputs[i].flatMap((input) => interpreter.run(input).flatMap((output) => [...output])));
    });
  });

  /** Sources of the networks' program, and the programs. */
  function write(where: string, board: string): { sources: string[]; programs: Program[] } {
    mkdirSync(where);
    const programs = all.map((q, i) => firmwareProgram(q, loadBoard(board), wishes[i % wishes.length]));
    const files: Record<string, string> = Object.assign(
      {},
      ...all.map((q, i) => emitC(q, { name: `n${i}`, program: programs[i] })),
    );
    const outputs = expected.map(({ length }) => length / 2);
    const arenas = programs.map(({ arenaBytes }) => arenaBytes);
    files["callers.h"] = all.map((_, i) => `#define N${i}_CALLERS_ARENA`).join("\n");
    files["main.c"] = main(all.length, Math.max(...arenas), Math.max(...outputs));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(where, name), text);
    writeFileSync(join(where, "inputs.bin"), Buffer.concat(inputs.flat().map((input) => new Uint8Array(input.buffer))));
    const sources = Object.keys(files).filter((name) => name.endsWith(".c"));
    return { sources: sources.map((name) => join(where, name)), programs };
  }

  test.each([
    ["portable", "rp2040", false],
    ["DSP", "stm32h743", true],
  ])("with %s kernels: every byte is the interpreter's, on every core", async (name, board, dsp) => {
    const where = join(folder, name);
    const { sources, programs } = write(where, board);
    // A few have random scales that the DSP kernels do not compute.
    const withDsp = programs.filter(({ options }) => options.dsp).length;
    expect(withDsp).toBeGreaterThanOrEqual(dsp ? 90 : 0);
    expect(dsp || withDsp === 0).toBe(true);
    const flags = ["-include", join(where, "callers.h"), `-I${where}`];
    // Two halves, for two processors. A network's constants, table and calls are no core's in particular.
    const models = sources.filter((path) => !path.endsWith("main.c"));
    const halves = [models.slice(0, models.length / 2), models.slice(models.length / 2)];
    const compiled = await Promise.all(halves.map((half) => compileForAll(where, half, [...includes, ...flags])));
    const parts = [join(where, "main.c"), ...compiled.flat()];
    await Promise.all(
      cores
        .filter((core) => core.dsp === dsp)
        .map(async (core) => {
          const printed = await runOnCore(core, where, parts, flags, join(where, "inputs.bin"));
          expect(Number(/^stack (\d+)/m.exec(printed)![1]), core.name).toBeLessThan(6144);
          const actual = new Int8Array(readFileSync(join(where, core.name, "outputs.bin")));
          let at = 0;
          expected.forEach((bytes, i) => {
            const got = actual.subarray(at, at + bytes.length);
            expect(got, `${all[i].graph.name} ${i} on ${core.name}`).toEqual(bytes);
            at += bytes.length;
          });
          expect(at).toBe(actual.length);
        }),
    );
  });
});
