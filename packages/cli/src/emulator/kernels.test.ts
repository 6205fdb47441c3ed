/** The C kernels on the host, with every memory access and every arithmetic operation checked. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC } from "@phinets/core/export";
import { IntegerInterpreter } from "@phinets/core/inference";
import { Random } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomLayer } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { firmwareSources } from "./build.js";
import { runTool } from "./tool.js";

const kernels = join(firmwareSources, "kernels");
const strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-kernels-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles and runs; returns stdout as bytes' text. */
async function compileAndRun(name: string, sources: string[], args: string[]): Promise<void> {
  const program = join(folder, name);
  const built = await runTool("gcc", [...strict, ...sanitizers, `-I${kernels}`, ...sources, "-o", program]);
  expect(built.stderr).toBe("");
  const run = await runTool(program, args);
  expect(run.stderr).toBe("");
  expect(run.exitCode).toBe(0);
}

describe.skipIf(!installed("gcc"))("kernels", () => {
  test("rescaling is gemmlowp's double rounding for any accumulator, multiplier and shift", async () => {
    const random = new Random(9);
    const edges = [0, 1, -1, 2 ** 30, -(2 ** 30), 2 ** 31 - 1, -(2 ** 31), -(2 ** 31) + 1];
    const cases: [x: number, multiplier: number, shift: number][] = [];
    for (let shift = -31; shift <= 30; shift++) {
      for (const x of edges) cases.push([x, 2 ** 31 - 1, shift], [x, 2 ** 30, shift], [x, 0, shift]);
      for (let i = 0; i < 100; i++)
        cases.push([random.uint32() >> random.integer(32), 2 ** 30 + random.integer(2 ** 30), shift]);
    }
    // Accumulators that land on a half before the second rounding: where halves go shows there only.
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

  test("every layer kind is the interpreter's, byte for byte", async () => {
    const seeds = Array.from({ length: 72 }, (_, i) => i);
    const networks = seeds.map(randomLayer);
    const inputs = networks.map((q, i) => [randomInput(q, 2 * i), randomInput(q, 2 * i + 1)]);
    const models = join(folder, "layers");
    mkdirSync(models);
    networks.forEach((q, i) => {
      for (const [name, text] of Object.entries(emitC(q, { name: `n${i}` }))) writeFileSync(join(models, name), text);
    });
    writeFileSync(
      join(models, "inputs.bin"),
      Buffer.concat(inputs.flat().map((input) => new Uint8Array(input.buffer))),
    );
    const run = (i: number): string =>
      `  for (int k = 0; k < 2; k++) {
    if (fread(input, 1, N${i}_INPUT_BYTES, in) != N${i}_INPUT_BYTES) return 3;
    if (n${i}_run(input, output) != 0) return 4;
    fwrite(output, 1, N${i}_OUTPUT_BYTES, out);
  }`;
    writeFileSync(
      join(models, "main.c"),
      `#include <stdio.h>
${seeds.map((i) => `#include "n${i}_model.h"`).join("\n")}
static int8_t input[65536], output[65536];
int main(int argc, char **argv) {
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[argc - 1], "wb");
${seeds.map(run).join("\n")}
  return fclose(in) | fclose(out);
}
`,
    );
    const sources = [models, kernels].flatMap((from) =>
      readdirSync(from)
        .filter((name) => name.endsWith(".c"))
        .map((name) => join(from, name)),
    );
    await compileAndRun("layers-program", sources, [join(models, "inputs.bin"), join(models, "outputs.bin")]);
    const actual = new Int8Array(readFileSync(join(models, "outputs.bin")));
    let at = 0;
    networks.forEach((q, i) => {
      const interpreter = new IntegerInterpreter(q);
      for (const input of inputs[i]) {
        const expected = interpreter.run(input)[0];
        expect(actual.subarray(at, at + expected.length), `${q.graph.name} ${q.graph.nodes.at(-1)!.op}`).toEqual(
          expected,
        );
        at += expected.length;
      }
    });
    expect(at).toBe(actual.length);
    // The comparison means something: most layers give many different bytes.
    expect(new Set(actual).size).toBe(256);
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
