/** One network, three forms: interpreter, C on the host, C on the emulated Cortex-M7. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC } from "@phinets/core/export";
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { loadBoard, makeProgram } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "../firmware/build.js";
import { readElf } from "../firmware/elf.js";
import { runTool } from "../host/tool.js";
import { buildEmulated } from "./build.js";
import { emulate } from "./emulate.js";
import { runQemu } from "./qemu.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-emulate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const m7 = loadBoard("stm32h743");
const arm = installed("arm-none-eabi-gcc", "qemu-system-arm");

describe.skipIf(!installed("gcc"))("on the host", () => {
  test.each([
    [0, "whole"],
    [4, "rows"],
  ] as const)("random network %i, input %s, is the interpreter's, byte for byte", async (seed, input) => {
    const q = randomNetwork(seed);
    const inputs = [1, 2, 3, 4].map((i) => randomInput(q, i));
    const where = join(folder, `host${seed}`);
    writeFirmware(where, emitC(q, { program: makeProgram(q.graph, { dsp: false, input }) }));
    const program = await buildFirmware(where, "host", { sanitize: true });
    const [from, to] = [join(where, "inputs.bin"), join(where, "outputs.bin")];
    writeFileSync(from, Buffer.concat(inputs.map((input) => new Uint8Array(input.buffer))));
    expect(await runTool(program, [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const interpreter = new IntegerInterpreter(q);
    const expected = inputs.flatMap((input) => interpreter.run(input).map((output) => new Uint8Array(output.buffer)));
    expect(readFileSync(to)).toEqual(Buffer.concat(expected));
  });

  test("a compiler error becomes one line", async () => {
    const where = join(folder, "broken");
    writeFirmware(where, { ...emitC(randomNetwork(0)), "phinets_model.c": "int phinets_run(void) { return x; }\n" });
    await expect(buildFirmware(where, "host")).rejects.toThrow(
      /^host: gcc failed: model\/phinets_model\.c:1:\d+: error: /,
    );
  });
});

describe.skipIf(!arm)("on the emulated Cortex-M7", () => {
  test.each([
    [1, {}],
    [5, { optimize: "ram", input: "rows" }],
  ] as const)("random network %i is the interpreter's, sizes are the plan's (%o)", async (seed, programRequest) => {
    const q = randomNetwork(seed);
    const inputs = [1, 2, 3].map((i) => randomInput(q, i));
    const result = await emulate(q, inputs, programRequest);
    expect(result).toMatchObject({ images: 3, matchesInterpreter: true, differingBytes: 0 });
    expect(result.arenaBytes).toBe(result.plannedArenaBytes);
    expect(result.instructionsPerMac).toBeGreaterThan(1.5);
    expect(result.instructionsPerMac).toBeLessThan(12);
    const weights = Object.values(q.weights).reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(result.target.weightsBytes).toBeGreaterThan(weights);
    expect(result.flashBytes).toBeGreaterThan(result.target.weightsBytes!);
    expect(result.flashBytes).toBeLessThan(result.target.weightsBytes! + 30_000);
    expect(result.target).toMatchObject({ name: "stm32h743", linked: true, fits: true });
    expect(result.stackBytes).toBeGreaterThan(100);
    expect(result.stackBytes).toBeLessThan(4096);
  });

  test("a wrong byte is found", async () => {
    const q = randomNetwork(2);
    const input = randomInput(q, 1);
    const where = join(folder, "wrong");
    const text = emitC(q)["phinets_model.c"];
    const last = text.lastIndexOf("_bias[");
    const source = text.slice(0, last) + text.slice(last).replace(/\{\s*-?\d+/, "{ -1000000");
    writeFirmware(where, { ...emitC(q), "phinets_model.c": source });
    const expected = new IntegerInterpreter(q).run(input);
    const bytes = expected.reduce((sum, output) => sum + output.length, 0);
    const run = await runQemu(await buildEmulated(where, m7), [input], bytes);
    expect([...run.outputs[0]]).not.toEqual(expected.flatMap((output) => [...output]));
  });

  test("instruction counts are the same in every run and grow with the work", async () => {
    const [q, where] = [randomNetwork(0), join(folder, "counts")];
    writeFirmware(where, emitC(q));
    const program = await buildEmulated(where, m7);
    const bytes = new IntegerInterpreter(q).run(randomInput(q, 1)).reduce((sum, output) => sum + output.length, 0);
    const inputs = [randomInput(q, 1), randomInput(q, 2)];
    const first = await runQemu(program, inputs, bytes);
    expect(await runQemu(program, inputs, bytes)).toEqual(first);
    // Every MAC takes at least a load and a multiplication.
    for (const count of first.instructions) expect(count).toBeGreaterThan(170_000);
  });

  test("many inputs, of several processes side by side, come back in their order", async () => {
    const [q, where] = [randomNetwork(0), join(folder, "many")];
    writeFirmware(where, emitC(q));
    const inputs = Array.from({ length: 60 }, (_, i) => randomInput(q, i));
    const interpreter = new IntegerInterpreter(q);
    const expected = inputs.map((input) => interpreter.run(input).flatMap((output) => [...output]));
    const { outputs, instructions } = await runQemu(await buildEmulated(where, m7), inputs, expected[0].length);
    expect(outputs.map((output) => [...output])).toEqual(expected);
    expect(instructions).toHaveLength(60);
  });

  test("a network too large for the STM32H743's arena is a result that says by how much", async () => {
    const builder = new GraphBuilder("large");
    // The picture alone is too large; passed row by row it would fit.
    const x = builder.input("x", [1, 448, 448, 3]);
    const q = randomlyQuantized(
      builder.build([builder.depthwise("y", builder.conv2d("wide", x, { filters: 2 }), { kernel: 3, stride: 16 })]),
      1,
    );
    const { target, matchesInterpreter, plannedArenaBytes } = await emulate(q, [randomInput(q, 1)]);
    expect(matchesInterpreter).toBe(true);
    expect(target).toMatchObject({ linked: false, fits: false });
    expect(target.problem).toContain(`AXI_SRAM by ${plannedArenaBytes - 512 * 1024} bytes`);
    const pushed = await emulate(q, [randomInput(q, 1)], { input: "rows" });
    expect(pushed).toMatchObject({ matchesInterpreter: true, target: { linked: true, fits: true } });
    expect(pushed.arenaBytes).toBeLessThan(30_000);
  });

  test("a fault, an endless loop and a missing output are errors of one line", async () => {
    const q = randomNetwork(0);
    const model = emitC(q);
    const run = async (name: string, body: string) => {
      const where = join(folder, name);
      const source = model["phinets_model.c"].replace(/(int phinets_context_run\(.*\{\n)/, `$1${body}\n`);
      writeFirmware(where, { ...model, "phinets_model.c": source });
      return runQemu(await buildEmulated(where, m7), [randomInput(q, 1)], 999, { timeoutMs: 2000 });
    };
    await expect(run("fault", "  *(volatile int *)0x50000000 = 1;")).rejects.toThrow(
      /^the emulated program ended with exit code 99 after 0 inferences: fault, CFSR \d+$/,
    );
    await expect(run("endless", "  while (*(volatile int *)output | 1) {}")).rejects.toThrow(
      "qemu-system-arm: still running after 2 s",
    );
    await expect(run("short", "")).rejects.toThrow(/wrote \d+ bytes for 1 inputs; 999 were expected/);
  });
});

describe("tools", () => {
  test("a program that is not installed is named with what installs it", async () => {
    await expect(runTool("phinets-no-such-compiler", [])).rejects.toThrow(
      "phinets-no-such-compiler is not installed; `npm run setup` installs it",
    );
  });

  test("files that are not ELF are refused", () => {
    expect(() => readElf(new Uint8Array(100), "x.elf")).toThrow("x.elf: not a 32-bit little-endian ELF file");
    const cut = new Uint8Array(64);
    cut.set([0x7f, 0x45, 0x4c, 0x46, 1, 1]);
    new DataView(cut.buffer).setUint16(48, 9, true);
    expect(() => readElf(cut, "x.elf")).toThrow("x.elf: the ELF file is cut off");
  });
});
