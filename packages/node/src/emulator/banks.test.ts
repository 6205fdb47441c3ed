/** Programs whose arena lies in several of a board's memory banks. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arenasOf, emitC, firmwareProgram } from "@phinets/core/export";
import { deployGraph } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import { type Board, loadBoard, parseBoard, phaseBytes, readSlackBytes } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "../firmware/build.js";
import { readElf, symbolOf } from "../firmware/elf.js";
import { runTool } from "../host/tool.js";
import { emulate } from "./emulate.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-banks-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const h743 = loadBoard("stm32h743");

/** The STM32H743 with banks of the given sizes. */
function tight(rooms: Readonly<Record<string, number>>): Board {
  const regions = h743.regions.map(({ reservedBytes, ...region }) => ({
    ...region,
    bytes: rooms[region.name] ?? region.bytes,
  }));
  return parseBoard({ ...h743, name: "tight", regions });
}

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("a program in several banks", () => {
  test("that fits none of the STM32H743 alone: every byte, and every array as planned", async () => {
    const shape = { input: { height: 416, width: 416, channels: 3 }, alpha: 0.15, t0: 2, blocks: 3 };
    const head = { kind: "classifier", classes: 3 };
    const network = parseNetwork({ family: "phinet", squeezeExcite: false, ...shape, head });
    const q = randomlyQuantized(deployGraph(buildNetwork(network)), 1);
    const program = firmwareProgram(q, h743);
    expect(program.options.optimize).toBe("ram");
    expect(program.arenaBytes).toBeGreaterThan(512 * 1024);
    // Two banks hold the tensors alive at once in a phase, and each bank's slack: ring buffers lie in the fast bank,
    // not where the picture's rows were.
    expect(program.arenaBytes).toBe(phaseBytes(q.graph, program.options) + 2 * readSlackBytes);
    const result = await emulate(q, [randomInput(q, 1)], { target: h743 });
    expect(result).toMatchObject({ matchesInterpreter: true, differingBytes: 0 });
    const { target } = result;
    expect(target).toMatchObject({ linked: true, fits: true, arenaBytes: program.arenaBytes });
    expect(target.banks.map(({ region }) => region)).toEqual(["DTCM", "AXI_SRAM"]);
    for (const { bytes, plannedBytes } of target.banks) expect(bytes).toBe(plannedBytes);
  });

  test("that needs all four: linked into their regions, which start-up switches on and clears", async () => {
    const q = randomNetwork(2);
    const whole = firmwareProgram(q, { ...h743, banks: ["AXI_SRAM"] });
    const board = tight({ DTCM: 54_530, AXI_SRAM: 2488, SRAM123: 872, SRAM4: 872 });
    const program = firmwareProgram(q, board);
    expect(program.banks.map(({ region }) => region)).toEqual(["DTCM", undefined, "SRAM123", "SRAM4"]);
    expect(program.arenaBytes).toBeLessThan(1.1 * whole.arenaBytes);
    const where = join(folder, "four");
    const result = await emulate(
      q,
      [1, 2].map((i) => randomInput(q, i)),
      { target: board, folder: where },
    );
    expect(result).toMatchObject({ matchesInterpreter: true, differingBytes: 0 });
    expect(result.target).toMatchObject({ linked: true, fits: true });
    for (const { bytes, plannedBytes } of result.target.banks) expect(bytes).toBe(plannedBytes);

    const path = join(where, "build/tight.elf");
    const file = readFileSync(path);
    const elf = readElf(file, path);
    const text = elf.sections.find(({ name }) => name === ".text")!;
    const pairs = (table: string): number[][] => {
      const [from, to] = ["start", "end"].map((end) => symbolOf(elf, `${table}_${end}`, path).address);
      return Array.from({ length: (to - from) / 8 }, (_, i) =>
        [0, 4].map((k) => file.readUInt32LE(text.offset + from - text.address + 8 * i + k)),
      );
    };
    expect(pairs("enable")).toEqual([[0x580244dc, 0xe0000000]]);
    const cleared = pairs("clear");
    for (const { symbol, region = "AXI_SRAM" } of arenasOf("phinets", program)) {
      const { address, bytes } = symbolOf(elf, symbol, path);
      expect(address).toBe(board.regions.find(({ name }) => name === region)!.origin);
      expect(cleared).toContainEqual([address, address + Math.ceil(bytes / 4) * 4]);
    }
    const stack = elf.sections.find(({ name }) => name === ".stack")!.address;
    for (const [from, to] of cleared) expect(from <= stack && stack < to).toBe(false);
  });
});

test.skipIf(!installed("gcc"))(
  "a context takes one block, or an array a bank; nothing is read beyond either",
  async () => {
    const q = randomNetwork(1);
    const program = firmwareProgram(q, h743);
    expect(program.banks).toHaveLength(2);
    const input = randomInput(q, 1);
    const expected = Buffer.concat(new IntegerInterpreter(q).run(input).map((output) => new Uint8Array(output.buffer)));
    const where = join(folder, "contexts");
    writeFirmware(where, emitC(q, { program }));
    const [from, to] = [join(where, "inputs.bin"), join(where, "outputs.bin")];
    writeFileSync(from, new Uint8Array(input.buffer));
    writeFileSync(
      join(where, "boards/host/main.c"),
      `#include <stdio.h>
#include "phinets_model.h"
static int8_t block[PHINETS_ARENA_BYTES] __attribute__((aligned(16)));
static int8_t fast[PHINETS_ARENA_DTCM_BYTES] __attribute__((aligned(8)));
static int8_t slow[PHINETS_ARENA_MAIN_BYTES] __attribute__((aligned(8)));
static int8_t input[PHINETS_INPUT_BYTES + 4], output[PHINETS_OUTPUT_BYTES];
static phinets_context one, two;
int main(int argc, char **argv) {
  FILE *from = fopen(argv[argc - 2], "rb"), *to = fopen(argv[argc - 1], "wb");
  if (fread(input, 1, PHINETS_INPUT_BYTES, from) != PHINETS_INPUT_BYTES) return 1;
  phinets_context_init(&one, block);
  phinets_context_init_banks(&two, fast, slow);
  phinets_context_run(&one, input, output);
  fwrite(output, 1, sizeof output, to);
  phinets_context_run(&two, input, output);
  fwrite(output, 1, sizeof output, to);
  phinets_run(input, output);
  fwrite(output, 1, sizeof output, to);
  return fclose(to);
}
`,
    );
    const host = await buildFirmware(where, "host", { sanitize: true });
    expect(await runTool(host, [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(readFileSync(to)).toEqual(Buffer.concat([expected, expected, expected]));
  },
  300_000,
);
