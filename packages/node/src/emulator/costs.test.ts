/** The sizes and instructions predicted before training agree with those of the linked image. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countInstructions } from "@phinets/core/cost";
import { emitC, firmwareProgram, modelOptions } from "@phinets/core/export";
import { deployGraph, type Graph } from "@phinets/core/graph";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import {
  type Board,
  flashBytesOf,
  homeOf,
  keptBytes,
  loadBoard,
  type ProgramRequest,
  parseBoard,
  programOf,
  ramBytesOf,
  variablesOf,
} from "@phinets/core/target";
import { sizeOf } from "@phinets/core/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomInput, randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "../firmware/build.js";
import { flashBytes, ramBytes, readElf, regionBytes } from "../firmware/elf.js";
import { arenaBytes } from "../firmware/image.js";
import { buildEmulated } from "./build.js";
import { runQemu } from "./qemu.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "phinets-costs-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const input = (side: number, channels = 3) => ({ height: side, width: side, channels });
const person = { kind: "yolov2", classes: ["person"] };
const networks: [name: string, json: object][] = [
  ["detector", { family: "phinet", input: input(64), alpha: 0.35, downsampling: [5], head: person }],
  ["classifier", { family: "phinet", input: input(48), alpha: 0.25, head: { kind: "classifier", classes: 10 } }],
  ["MobileNetV2", { family: "mobilenetv2", input: input(32), width: 0.25, head: { kind: "classifier", classes: 10 } }],
  ["one channel, no SE", { family: "phinet", input: input(48, 1), alpha: 0.2, squeezeExcite: false, head: person }],
  ["three classes", { family: "phinet", input: input(64), alpha: 0.15, head: { kind: "yolov2", classes: 3 } }],
  ["5 blocks", { family: "phinet", input: input(64), alpha: 0.3, blocks: 5, head: { kind: "classifier", classes: 4 } }],
  ["backbone", { family: "phinet", input: input(32), alpha: 0.3 }],
  ["small detector", { family: "phinet", input: input(48), alpha: 0.2, head: person }],
  [
    "small classifier",
    { family: "phinet", input: input(32), alpha: 0.2, beta: 0.5, head: { kind: "classifier", classes: 2 } },
  ],
  [
    "max pooling",
    {
      family: "phinet",
      input: input(40),
      alpha: 0.2,
      pool: true,
      conv2dInput: true,
      head: { kind: "classifier", classes: 7 },
    },
  ],
];

/** Boards with different cores: double precision, single precision, without the DSP extension, with Helium. */
const programs: [target: string, programRequest: ProgramRequest][] = [
  ["stm32h743", {}],
  ["nrf52840", {}],
  ["rp2040", {}],
  ["stm32n657", {}],
];
/** The smallest programs: with pushed rows, and with least flash; for the first networks. */
const smallest: [target: string, programRequest: ProgramRequest][] = [
  ["nrf52840", { optimize: "ram", input: "rows" }],
  ["stm32h743", { optimize: "flash" }],
  ["stm32l4r5", { optimize: "least-ram", input: "rows" }],
];

describe.skipIf(!installed("arm-none-eabi-gcc"))("inspect's figures are the linked image's", () => {
  test.each(networks)("%s", { timeout: 120_000 }, async (name, json) => {
    const network = parseNetwork(json);
    const graph = deployGraph(buildNetwork(network));
    const q = calibrated(graph);
    const options = modelOptions(network);
    const { head } = network;
    await Promise.all(
      [...programs, ...(name === "detector" || name === "classifier" ? smallest : [])].map(
        async ([target, programRequest]) => {
          const board = loadBoard(target);
          const program = programOf(graph, board, programRequest);
          expect(firmwareProgram(q, board, programRequest)).toEqual(program);
          const where = join(folder, `${name} ${target} ${programRequest.optimize ?? ""}`.replace(/\W/g, "-"));
          writeFirmware(where, emitC(q, { ...options, program }));
          const path = await buildFirmware(where, board);
          const elf = readElf(readFileSync(path), path);
          const planned = flashBytesOf(program, board, { head });
          expect(arenaBytes(elf, program, path)).toBe(program.arenaBytes);
          const linked = (part: RegExp): number =>
            elf.symbols.filter((symbol) => part.test(symbol.name)).reduce((sum, { bytes }) => sum + bytes, 0);
          const { total, weights, tables, biases, requantization } = planned.weights;
          expect([linked(/^layer\d+_weights$/), linked(/^layer\d+_table$/)]).toEqual([weights, tables]);
          expect(linked(/^layer\d+_(bias|multiplier|shift|channels)$/)).toBe(biases + requantization);
          expect(linked(/^layer\d+_(weights|bias|multiplier|shift|channels|table)$/)).toBe(total);
          expect(linked(/^(steps|layer\d+|program)$/)).toBe(planned.descriptions - paddingOf(elf.symbols));
          const error = planned.total / flashBytes(elf) - 1;
          // Outdated? node bench/cost/code-size.mjs measures the code again.
          expect(Math.abs(error), `${target}: ${planned.total} planned, ${flashBytes(elf)} linked`).toBeLessThan(0.01);
          // Sections start at multiples of 16.
          const ram = ramBytesOf(program, board, { head });
          expect(Math.abs(ramBytes(elf) - ram.total)).toBeLessThan(64);
          // Where they share a bank with activations, stack and variables have room.
          const home = homeOf(board);
          const others = regionBytes(elf, home) - (ram.banks[home.name] ?? 0);
          expect(others).toBeLessThanOrEqual(keptBytes(variablesOf(program.lowering, program.options.input)));
          expect(planned.measured).toBe(true);
          if (process.env.PHINETS_VERBOSE)
            console.log(
              `${name}, ${target}: ${flashBytes(elf)} bytes, ${(100 * error).toFixed(2)} %, ${ramBytes(elf)} of RAM, ${ram.total - ramBytes(elf)}`,
            );
        },
      ),
    );
  });
});

const m3 = parseBoard({ ...loadBoard("stm32l4r5"), name: "m3", core: "cortex-m3", fpu: "none", simd: "none" });
const counted: [name: string, board: Board, optimize: ProgramRequest["optimize"]][] = [
  ["detector", loadBoard("rp2040"), "speed"],
  ["MobileNetV2", loadBoard("rp2040"), "speed"],
  ["classifier", m3, "speed"],
  ["one channel, no SE", m3, "speed"],
  ["detector", loadBoard("nrf52840"), "speed"],
  ["max pooling", loadBoard("nrf52840"), "ram"],
  ["MobileNetV2", loadBoard("stm32u575"), "speed"],
  ["small classifier", loadBoard("stm32u575"), "speed"],
  ["detector", loadBoard("stm32h743"), "ram"],
  ["classifier", loadBoard("stm32h743"), "flash"],
  ["5 blocks", loadBoard("stm32h743"), "speed"],
  ["one channel, no SE", loadBoard("stm32h743"), "least-ram"],
  ["MobileNetV2", loadBoard("stm32u575"), "least-ram"],
  ["classifier", loadBoard("stm32n657"), "speed"],
  ["detector", loadBoard("stm32n657"), "speed"],
  ["MobileNetV2", loadBoard("stm32n657"), "speed"],
];

describe.skipIf(!installed("arm-none-eabi-gcc", "qemu-system-arm"))(
  "planned instructions are those of the core",
  () => {
    const cases = counted.map(([name, board, optimize]) => ({ name, core: board.core, optimize, board }));
    test.each(cases)("$name, $core, $optimize", { timeout: 60_000 }, async ({ name, board, optimize }) => {
      const graph = deployGraph(buildNetwork(parseNetwork(networks.find(([one]) => one === name)![1])));
      const q = calibrated(graph);
      const program = programOf(graph, board, { optimize });
      const where = join(folder, `counted ${name} ${board.name} ${optimize}`.replace(/\W/g, "-"));
      writeFirmware(where, emitC(q, { program }));
      const outputs = graph.outputs.reduce((sum, output) => sum + sizeOf(graph.shapes[output]), 0);
      const { instructions } = await runQemu(await buildEmulated(where, board), [randomInput(q, 1)], outputs);
      const planned = countInstructions(program, board);
      const error = planned / instructions[0] - 1;
      // Outdated? node bench/cost/instructions.mjs counts the kernels again.
      expect(Math.abs(error), `${Math.round(planned)} planned, ${instructions[0]} counted`).toBeLessThan(0.05);
      if (process.env.PHINETS_VERBOSE)
        console.log(`${name}, ${board.core}: ${instructions[0]} instructions, ${(100 * error).toFixed(2)} %`);
    });
  },
);

/** Bytes of the schedule, and of the padding of arrays to multiples of 4. */
function paddingOf(symbols: readonly { readonly name: string; readonly bytes: number }[]): number {
  const up = (bytes: number): number => Math.ceil(bytes / 4) * 4;
  return symbols
    .filter(({ name }) => /^(schedule|layer\d+_\w+)$/.test(name))
    .reduce((sum, { name, bytes }) => sum + up(bytes) - (name === "schedule" ? 0 : bytes), 0);
}

/**
 * Ranges as from calibration: a fused ReLU6 maps 0..6 to all bytes, so that it needs no table; few results saturate.
 */
function calibrated(graph: Graph): QuantizedNetwork {
  const q = randomlyQuantized(graph, 1);
  const scale = Math.fround(6 / 255);
  const values = Object.fromEntries(
    graph.nodes.map(({ name, op, attributes }) => {
      if (op === "input" || op === "sigmoid") return [name, q.values[name]];
      // About half of a gated map's values; a factor of exactly a half would give ties between two results.
      if (op === "multiply") return [name, { scale: Math.fround(0.4 * scale), zeroPoint: 3 }];
      const relu6 = "activation" in attributes && attributes.activation === "relu6";
      return [name, { scale, zeroPoint: relu6 ? -128 : 3 }];
    }),
  );
  const weightScales = Object.fromEntries(
    Object.entries(q.weightScales).map(([name, scales]) => {
      const { shape } = graph.parameters[name];
      return [name, scales.map((one) => Math.fround(one / Math.sqrt(sizeOf(shape) / shape[0])))];
    }),
  );
  return { ...q, values, weightScales };
}
