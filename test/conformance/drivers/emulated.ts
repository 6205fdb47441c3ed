/** The exported C on an emulated core of each instruction set. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inputRow, type Program } from "@phinets/core/target";
import { type Core, compileForAll, cores, includes, runOnCore } from "../../emulated.js";
import { installed } from "../../tools.js";
import type { IntegerDriver, Results } from "../driver.js";
import { type Emitted, type EmittedModel, emitModels, outputBytes, readOutputs, refused } from "./c.js";

/** Runs each model twice: with the whole picture in place, and with rows passed in calls of 1, 2, 3, ... */
const main = (models: readonly EmittedModel[]): string => {
  const arenaBytes = Math.max(...models.map(({ program }) => program.arenaBytes));
  return `#include <string.h>
#include "semihosting.h"
#include "startup.h"
${models.map(({ name }) => `#include "${name}_model.h"`).join("\n")}

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
static int8_t results[${Math.max(...models.map(outputBytes))} + 2 * AROUND + 1];
static const int8_t *input = (const int8_t *)PHINETS_INPUTS;
static int file;

typedef struct {
  const char *name;
  int32_t arena_bytes, input_bytes, output_bytes, height, needed, row_bytes;
  void (*init)(void *context, int8_t *arena);
  int (*run)(void *context, const int8_t *input, int8_t *output);
  void (*begin)(void *context, int8_t *output);
  int (*push_rows)(void *context, const int8_t *rows, int32_t count);
} model;

#define FUNCTIONS(n)                                                                                                    \\
  static void n##_i(void *context, int8_t *memory) { n##_context_init(context, memory); }                               \\
  static int n##_r(void *context, const int8_t *in, int8_t *out) { return n##_context_run(context, in, out); }          \\
  static void n##_b(void *context, int8_t *out) { n##_context_begin(context, out); }                                    \\
  static int n##_p(void *context, const int8_t *rows, int32_t count) { return n##_context_push_rows(context, rows, count); }
${models.map(({ name }) => `FUNCTIONS(${name})`).join("\n")}

#define MODEL(n, N, NEEDED) \\
  {#n, N##_ARENA_BYTES, N##_INPUT_BYTES, N##_OUTPUT_BYTES, N##_INPUT_HEIGHT, NEEDED, N##_INPUT_WIDTH * N##_INPUT_CHANNELS, n##_i, n##_r, n##_b, n##_p}
static const model models[] = {
${models.map(({ name, program }) => `MODEL(${name}, ${name.toUpperCase()}, ${neededRows(program)}),`).join("\n")}
};
static union {
${models.map(({ name }) => `  ${name}_context ${name};`).join("\n")}
} context;

static void fail(const model *m, const char *what) {
  semihosting_print(m->name), semihosting_print(what), semihosting_print("\\n");
  semihosting_exit(1);
}

/* Nothing outside the arena's and the output's bytes was written. */
static void finish(const model *m, const int8_t *output) {
  for (int32_t i = 0; i < AROUND; i++)
    if (arena[m->arena_bytes + i] != PAINT || output[m->output_bytes + i] != PAINT || output[-1 - i] != PAINT)
      fail(m, ": wrote beyond its memory");
  semihosting_write(file, output, (uint32_t)m->output_bytes);
}

/* Outputs start anywhere, and so do inputs, one after the other in memory. */
static void run(const model *m) {
  for (int pushed = 0; pushed < 2; pushed++) {
    int8_t *output = results + AROUND + pushed;
    int done = 0;
    memset(arena, PAINT, (uint32_t)m->arena_bytes + AROUND);
    memset(results, PAINT, (uint32_t)m->output_bytes + 2 * AROUND + 1);
    m->init(&context, arena);
    if (!pushed) done = m->run(&context, input, output) == 0;
    else {
      m->begin(&context, output);
      for (int32_t y = 0, count = 1; y < m->height; y += count, count++) {
        /* A slice or a resize may not need the last rows. */
        if (done && y < m->needed) fail(m, ": done too early");
        done = m->push_rows(&context, input + y * m->row_bytes, count);
      }
    }
    if (!done) fail(m, ": is not done");
    finish(m, output);
    input += m->input_bytes;
  }
}

int main(void) {
  file = semihosting_create("outputs.bin");
  for (uint32_t i = 0; i < sizeof models / sizeof models[0]; i++) run(&models[i]);
  semihosting_close(file);
  semihosting_print("stack "), semihosting_print_number(stack_used_bytes()), semihosting_print("\\n");
  semihosting_exit(0);
}
`;
};

/** Number of input rows that the schedule requires. */
const neededRows = ({ stream }: Program): number => stream.schedule.filter((entry) => entry === inputRow).length;

interface Built {
  readonly emitted: Emitted;
  /** The program's sources: its main and the models' objects. */
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

/**
 * Models are constants and calls: compiled once for all cores that share them, and without optimisation, which takes
 * longer.
 * @param core core to compile for; default: the smallest
 */
async function build(emitted: Emitted, core?: Core): Promise<Built> {
  const { folder, models, sources } = emitted;
  writeFileSync(join(folder, "main.c"), main(models));
  const macros = models.map(({ name }) => `#define ${name.toUpperCase()}_CALLERS_ARENA`);
  writeFileSync(join(folder, "callers.h"), macros.join("\n"));
  const flags = ["-include", join(folder, "callers.h"), `-I${folder}`];
  const objects = await Promise.all(
    sources.map((each) => compileForAll(folder, [each], [...includes, ...flags, "-O0"], core)),
  );
  return { emitted, sources: [join(folder, "main.c"), ...objects.flat()], flags };
}

/** Limit for `stack_used_bytes`: Armv6-M's kernels need most, for products that they buffer on the stack. */
const stackBytes = 6144;

async function onCore(core: Core, { emitted, sources, flags }: Built): Promise<Results<Int8Array>> {
  const { folder } = emitted;
  const printed = await runOnCore(core, folder, sources, flags, join(folder, "inputs.bin"));
  const stack = Number(/^stack (\d+)/m.exec(printed)![1]);
  if (stack > stackBytes) throw new Error(`${core.name}: ${stack} bytes of stack, at most ${stackBytes} were expected`);
  return readOutputs(join(folder, core.name, "outputs.bin"), emitted);
}

/** @param folder for build files; the caller removes it */
export function emulated(folder: string): IntegerDriver[] {
  const missing = installed("arm-none-eabi-gcc", "qemu-system-arm") ? {} : { missing: "the Arm tool chain or QEMU" };
  const built = new Map<string, Promise<Built>>();
  return cores.map((core) => ({
    ...{ name: `C on an emulated ${core.name}`, kind: "int8", skip: refused, ...missing },
    run: async (forms) => {
      const board = core.helium ? "stm32n657" : core.dsp ? "stm32h743" : "rp2040";
      if (!built.has(board))
        built.set(board, build(emitModels(join(folder, board), board, forms), core.helium ? core : undefined));
      return onCore(core, await built.get(board)!);
    },
  }));
}
