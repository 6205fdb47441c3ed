/**
 * Ring buffers in blocks of channels, and reuse of the memory of the picture's rows: the outputs equal the
 * interpreter's.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { emitC } from "@phinets/core/export";
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerInterpreter } from "@phinets/core/inference";
import { type Kernel, loadBoard, makeProgram, type Program } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "../firmware/build.js";
import { runTool } from "../host/tool.js";
import { emulate } from "./emulate.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-blocks-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Depthwise layers of every stride and padding between products, with numbers of channels and pixels that are not
 * multiples of four.
 */
function network(seed: number) {
  const b = new GraphBuilder("separable");
  const both = { top: 1, bottom: 1, left: 1, right: 1 };
  const after = { top: 0, bottom: 1, left: 0, right: 1 };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  let x = b.conv2d("stem", b.input("in", [1, 39, 37, 3]), { filters: 22, kernel: 3, stride: 2, padding: 1 });
  [
    [1, both, 33, "relu6"],
    [2, after, 50, "none"],
    [1, both, 47, "relu6"],
    [1, both, 64, "none"],
    [2, both, 61, "relu6"],
    [1, none, 40, "none"],
  ].forEach(([stride, padding, filters, activation], i) => {
    x = b.depthwise(`depthwise${i}`, x, { kernel: 3, stride, padding, activation } as never);
    x = b.conv2d(`pointwise${i}`, x, { filters: filters as number, activation: activation as never });
  });
  return randomlyQuantized(b.build([b.globalAveragePool("mean", x), x]), seed);
}

const count = ({ lowering }: Program, kernel: Kernel): number =>
  lowering.steps.filter((step) => step.kernel === kernel).length;

const inputsOf = ["whole", "rows"] as const;

describe("a network of separable convolutions", () => {
  test.each(inputsOf)("in least RAM, input %s: blocks where they save", (input) => {
    const { graph } = network(1);
    const [small, least] = [false, true].map((blocks) =>
      makeProgram(graph, { dsp: true, optimize: "ram", blocks, input }),
    );
    expect(count(small, "dsp_product_blocks")).toBe(0);
    expect(count(least, "dsp_product_blocks")).toBeGreaterThanOrEqual(input === "rows" ? 4 : 1);
    expect(count(least, "dsp_depthwise3_blocks")).toBe(count(least, "dsp_product_blocks"));
    expect(least.arenaBytes).toBeLessThan(small.arenaBytes);
  });

  test.skipIf(!installed("gcc"))("on the host under sanitizers", { timeout: 120_000 }, async () => {
    const q = network(2);
    const inputs = [1, 2, 3].map((i) => randomInput(q, i));
    const where = join(folder, "host");
    const program = makeProgram(q.graph, { dsp: true, optimize: "ram", blocks: true, input: "rows" });
    writeFirmware(where, emitC(q, { program }));
    const built = await buildFirmware(where, "host", { sanitize: true });
    const [from, to] = [join(where, "inputs.bin"), join(where, "outputs.bin")];
    writeFileSync(from, Buffer.concat(inputs.map((one) => new Uint8Array(one.buffer))));
    expect(await runTool(built, [from, to])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const interpreter = new IntegerInterpreter(q);
    const expected = inputs.flatMap((one) => interpreter.run(one).map((output) => new Uint8Array(output.buffer)));
    expect(readFileSync(to)).toEqual(Buffer.concat(expected));
  });

  test.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm")).each([
    ["nrf52840", "rows"],
    ["stm32h743", "rows"],
    ["stm32h743", "whole"],
    ["stm32u575", "rows"],
    // Without the DSP extension, and with Helium, there are no blocks, but the memory of the picture's rows is reused.
    ["rp2040", "whole"],
    ["stm32n657", "whole"],
  ] as const)("on the core of %s, input %s", { timeout: 120_000 }, async (board, input) => {
    const q = network(3);
    const target = loadBoard(board);
    const result = await emulate(
      q,
      [1, 2].map((i) => randomInput(q, i)),
      { target, optimize: "least-ram", input },
    );
    expect(result).toMatchObject({ matchesInterpreter: true, differingBytes: 0 });
    expect(result.arenaBytes).toBe(result.plannedArenaBytes);
  });
});
