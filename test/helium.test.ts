/** Trained networks on the emulated Cortex-M55: output bytes, and the instructions that Helium's kernels take. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { countInstructions, countMacs } from "@phinets/core/cost";
import { firmwareProgram } from "@phinets/core/export";
import { importTflite } from "@phinets/core/import";
import { foldConstantChannels, type QuantizedNetwork } from "@phinets/core/quantization";
import { loadBoard } from "@phinets/core/target";
import { sizeOf } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { emulate } from "../packages/node/src/emulator/index.js";
import { loadRun } from "../packages/node/src/run/load.js";
import { randomInput } from "./random-network.js";
import { sharedData } from "./shared.js";
import { installed } from "./tools.js";

const target = loadBoard("stm32n657");
const mlperfTiny = sharedData && join(sharedData, "mlperf-tiny");

/** Proves the bytes; returns instructions per multiply-accumulate. */
async function prove(q: QuantizedNetwork, inputs: readonly Int8Array[]): Promise<number> {
  const program = firmwareProgram(q, target);
  expect(program.options).toMatchObject({ dsp: false, helium: true });
  const result = await emulate(q, inputs, { target });
  expect(result).toMatchObject({ machineName: "mps3-an547", ownCore: true, images: inputs.length });
  expect(result).toMatchObject({ matchesInterpreter: true, differingBytes: 0 });
  // Outdated? node bench/cost/instructions.mjs counts the kernels again.
  expect(Math.abs(countInstructions(program, target) / result.instructions - 1)).toBeLessThan(0.05);
  return result.instructions / countMacs(q.graph);
}

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the emulated Cortex-M55", () => {
  it("person-128 takes .8 instructions a multiply-accumulate at most", { timeout: 120_000 }, async () => {
    const { quantized } = loadRun(fileURLToPath(new URL("../models/person-128", import.meta.url)));
    const inputs = [1, 2].map((seed) => randomInput(quantized!, seed));
    expect(await prove(quantized!, inputs)).toBeLessThan(0.8);
  });

  it.skipIf(!mlperfTiny).each([
    ["vww", 0.6],
    ["resnet", 0.6],
    ["kws", 0.6],
    ["ad", 0.3],
  ])("MLPerf Tiny's %s takes %d at most", { timeout: 120_000 }, async (name, most) => {
    const read = (file: string) => Int8Array.from(readFileSync(join(mlperfTiny!, file)));
    const { network, input } = importTflite(readFileSync(join(mlperfTiny!, `${name}.tflite`)), `${name}.tflite`);
    const length = sizeOf(input.shape);
    const inputs = read(`${name}.inputs.bin`);
    const two = [0, 1].map((i) => inputs.slice(i * length, (i + 1) * length));
    expect(await prove(foldConstantChannels(network).network, two)).toBeLessThan(most);
  });
});
