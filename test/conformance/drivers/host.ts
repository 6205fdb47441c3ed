/** The exported C on this machine, with every memory access and arithmetic operation checked. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { runTool } from "../../../packages/node/src/host/index.js";
import { includes, kernelSources } from "../../emulated.js";
import { installed } from "../../tools.js";
import type { IntegerDriver, Results } from "../driver.js";
import { type Emitted, type EmittedModel, emitModels, readOutputs, refused } from "./c.js";

// Not optimised: optimising takes longer than it saves.
const flags = [
  ...["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Werror"],
  ...["-fsanitize=address,undefined", "-fno-sanitize-recover=all", ...includes],
];

// Separate allocations, so that accesses beyond an input or output are detected, except in the rest of a word.
const run = ({ name }: EmittedModel): string => {
  const upper = name.toUpperCase();
  return `static int run_${name}(FILE *in, FILE *out) {
  for (int picture = 0; picture < 2; picture++) {
    int8_t *input = malloc(${upper}_INPUT_BYTES + 3), *output = malloc(${upper}_OUTPUT_BYTES);
    if (fread(input, 1, ${upper}_INPUT_BYTES, in) != ${upper}_INPUT_BYTES) return 3;
#ifdef ${upper}_INPUT_BY_ROWS
    ${name}_begin(output);
    for (int32_t y = 0; !${name}_push_rows(input + y * ${upper}_INPUT_WIDTH * ${upper}_INPUT_CHANNELS, 1); y++)
      if (y == ${upper}_INPUT_HEIGHT) return 4;
#else
    if (${name}_run(input, output) != 0) return 4;
#endif
    fwrite(output, 1, ${upper}_OUTPUT_BYTES, out);
    free(input);
    free(output);
  }
  return 0;
}`;
};

const main = (models: readonly EmittedModel[]): string => `#include <stdio.h>
#include <stdlib.h>
${models.map(({ name }) => `#include "${name}_model.h"`).join("\n")}
${models.map(run).join("\n")}
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
  int failed = 0;
${models.map(({ name }) => `  if (!failed) failed = run_${name}(in, out);`).join("\n")}
  return failed | fclose(in) | fclose(out);
}
`;

async function succeed(program: string, args: readonly string[], cwd: string): Promise<void> {
  const { exitCode, stdout, stderr } = await runTool(program, args, { cwd });
  if (exitCode !== 0 || stderr !== "") throw new Error(`${program} (exit code ${exitCode}): ${stdout}${stderr}`);
}

/** All kernels; those that a program does not call do no harm. */
async function compileKernels(folder: string): Promise<string[]> {
  mkdirSync(folder);
  const sources = kernelSources({ dsp: true, assembly: false });
  await succeed("gcc", [...flags, "-c", ...sources], folder);
  return sources.map((source) => join(folder, `${basename(source, ".c")}.o`));
}

async function onHost(folder: string, kernels: readonly string[], emitted: Emitted): Promise<Results<Int8Array>> {
  mkdirSync(folder);
  writeFileSync(join(folder, "main.c"), main(emitted.models));
  const options = [...flags, `-I${emitted.folder}`];
  // One compiler process for each.
  const sources = [...emitted.sources, join(folder, "main.c")];
  const objects = sources.map((source) => `${basename(source, ".c")}.o`);
  await Promise.all(sources.map((source) => succeed("gcc", [...options, "-c", source], folder)));
  await succeed("gcc", [...flags, ...objects, ...kernels, "-o", "program"], folder);
  await succeed(join(folder, "program"), [join(emitted.folder, "inputs.bin"), "outputs.bin"], folder);
  return readOutputs(join(folder, "outputs.bin"), emitted);
}

/** @param folder for build files; the caller removes it */
export function host(folder: string): IntegerDriver[] {
  const missing = installed("gcc") ? {} : { missing: "gcc" };
  let kernels: Promise<string[]> | undefined;
  const on = (board: string, name: string): IntegerDriver => ({
    ...{ name: `C on the host, ${name}`, kind: "int8", skip: refused, ...missing },
    run: async (forms) => {
      kernels ??= compileKernels(join(folder, "kernels"));
      return onHost(join(folder, `${board}-host`), await kernels, emitModels(join(folder, board), board, forms));
    },
  });
  return [
    on("rp2040", "portable kernels"),
    on("stm32h743", "loops of the DSP kernels"),
    on("stm32n657", "loops of the Helium kernels"),
  ];
}
