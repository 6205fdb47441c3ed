/** A board's firmware on an emulated core of the board's own kind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countInstructions } from "@phinets/core/cost";
import { emitC, firmwareProgram } from "@phinets/core/export";
import { deployGraph } from "@phinets/core/graph";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import { loadBoard, parseBoard } from "@phinets/core/target";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clip, randomDetector } from "../../../../test/random-detector.js";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { writeFirmware } from "../firmware/build.js";
import { buildEmulated } from "./build.js";
import { emulate } from "./emulate.js";
import { emulatedFor, inputsBytes, machineOfCore } from "./machines.js";
import { runQemu } from "./qemu.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-machines-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))("on the target's own kind of core", () => {
  const m3 = parseBoard({ ...loadBoard("stm32l4r5"), name: "mine", core: "cortex-m3", fpu: "none", simd: "none" });
  test.each([
    ["rp2040", loadBoard("rp2040"), "microbit"],
    ["a user's Cortex-M3", m3, "mps2-an385"],
    ["nrf52840", loadBoard("nrf52840"), "mps2-an386"],
    ["stm32u575", loadBoard("stm32u575"), "mps2-an505"],
    ["stm32f746", loadBoard("stm32f746"), "mps2-an500"],
  ])("%s: every byte and every track, and the image is the plan's", async (_, target, machineName) => {
    const { q, detector } = randomDetector(5, 0.6);
    const inputs = clip(8, 5);
    const result = await emulate(q, inputs, { target, detector, tracks: true });
    expect(result).toMatchObject({ machineName, core: target.core, ownCore: true });
    expect(result).toMatchObject({ images: 8, matchesInterpreter: true, differingBytes: 0 });
    expect(result.tracking).toMatchObject({ frames: 8, tracksMatch: true });
    expect(result.tracking!.boxes).toBeGreaterThan(8);
    expect(result.tracking!.tracks).toBeGreaterThan(0);
    const [low] = target.cyclesPerInstruction;
    expect(result.latencyMs![0] / ((result.instructions * low * 1e3) / target.clockHz)).toBeCloseTo(1, 4);
    const image = result.target;
    expect(image).toMatchObject({ name: target.name, linked: true, fits: true });
    expect([image.arenaBytes, image.weightsBytes]).toEqual([image.planned.arenaBytes, image.planned.weightsBytes]);
    expect([result.arenaBytes, result.flashBytes]).toEqual([image.arenaBytes, image.flashBytes]);
    expect(Math.abs(image.planned.flashBytes / image.flashBytes! - 1)).toBeLessThan(0.01);
    expect(image.regions.map(({ region }) => region)).toEqual(target.regions.map(({ name }) => name));
    // The second-stage boot loader of an RP2040 is in a flash region of its own.
    const ram = image.regions.filter(({ region, use }) => use !== "program" && region !== "BOOT2");
    expect(ram.reduce((sum, { usedBytes }) => sum + usedBytes, 0)).toBe(image.ramBytes);
  });

  // PACBTI, which the Cortex-M85 has beyond the M55, is not used.
  test.each(["stm32n657", "ra8d1"])("%s runs on the emulated Cortex-M55", async (name) => {
    const target = loadBoard(name);
    const { q, detector } = randomDetector(5, 0.6);
    const result = await emulate(q, clip(4, 5), { target, detector, tracks: true });
    expect(result).toMatchObject({ machineName: "mps3-an547", core: target.core, ownCore: true });
    expect(result).toMatchObject({ images: 4, matchesInterpreter: true, differingBytes: 0 });
    expect(result.tracking).toMatchObject({ frames: 4, tracksMatch: true });
    expect(result.target).toMatchObject({ name, linked: true, fits: true });
    if (name === "ra8d1") return;
    const m33 = await emulate(q, clip(1, 5), { target: loadBoard("stm32u575"), detector });
    expect(result.instructions / m33.instructions).toBeLessThan(0.8);
  });

  // costs.test.ts covers the other cores.
  test("planned instructions of a Cortex-M33 are near the counted", async () => {
    const target = loadBoard("stm32u575");
    const network = { family: "phinet", input: { height: 64, width: 64, channels: 3 }, alpha: 0.25 };
    const head = { kind: "yolov2", classes: 1 };
    const q = randomlyQuantized(deployGraph(buildNetwork(parseNetwork({ ...network, head }))), 1);
    const where = join(folder, "m33");
    const program = firmwareProgram(q, target);
    writeFirmware(where, emitC(q, { program }));
    const outputs = q.graph.shapes[q.graph.outputs[0]].reduce((a, b) => a * b);
    const { instructions } = await runQemu(await buildEmulated(where, target), [randomInput(q, 1)], outputs);
    expect(Math.abs(countInstructions(program, target) / instructions[0] - 1)).toBeLessThan(0.1);
  });

  test("a core that QEMU has not is proven on a Cortex-M7, and not linked", async () => {
    const q = randomNetwork(1);
    const target = loadBoard("esp32-s3");
    const result = await emulate(q, [randomInput(q, 1)], { target });
    expect(result).toMatchObject({ machineName: "mps2-an500", ownCore: false, matchesInterpreter: true });
    expect(result.target).toMatchObject({ name: "esp32-s3", linked: false, fits: true });
    expect(result.target.problem).toMatch(/^board esp32-s3: core xtensa-lx7 .* is not linked/);
    expect([result.target.flashBytes, result.latencyMs]).toEqual([undefined, undefined]);
    expect(result.flashBytes).toBeGreaterThan(1000);
  });
});

test("a machine has a region for the program, one for RAM, and its inputs in neither", () => {
  for (const core of [
    "cortex-m0plus",
    "cortex-m3",
    "cortex-m4",
    "cortex-m7",
    "cortex-m33",
    "cortex-m55",
    "cortex-m85",
  ]) {
    const { regions, inputs } = machineOfCore(core)!;
    expect(regions.map(({ use }) => use)).toEqual(["program", "arena"]);
    expect(inputs.bytes).toBe(inputsBytes);
    for (const { origin, bytes } of regions)
      expect(inputs.address >= origin + bytes || inputs.address + inputs.bytes <= origin).toBe(true);
  }
  expect(machineOfCore("cortex-m23")).toBeUndefined();
  expect(emulatedFor({ name: "x", core: "cortex-m23", fpu: "none" })).toMatchObject({ ownCore: false });
});
