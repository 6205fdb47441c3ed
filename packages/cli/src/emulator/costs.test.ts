/** What is said before training is what the linked image has. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { flashBytesOf, loadBoard, planArena, ramBytesOf } from "@phinets/core/cost";
import { emitC } from "@phinets/core/export";
import { deployGraph, type Graph } from "@phinets/core/graph";
import { buildNetwork, parseNetwork } from "@phinets/core/networks";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomlyQuantized } from "../../../../test/random-network.js";
import { installed } from "../../../../test/tools.js";
import { buildFirmware, writeFirmware } from "./build.js";
import { flashBytes, ramBytes, readElf, symbolBytes } from "./elf.js";
import { modelOptions } from "./model-options.js";

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

describe.skipIf(!installed("arm-none-eabi-gcc"))("inspect's figures are the linked image's", () => {
  test.each(networks)("%s", { timeout: 30_000 }, async (name, json) => {
    const network = parseNetwork(json);
    const graph = deployGraph(buildNetwork(network));
    const options = modelOptions(network);
    const where = join(folder, name.replace(/\W/g, "-"));
    writeFirmware(where, emitC(calibrated(graph), options));
    await Promise.all(
      ["stm32h743", "nrf52840", "rp2040"].map(async (target) => {
        const board = loadBoard(target);
        const path = await buildFirmware(where, board);
        const elf = readElf(readFileSync(path), path);
        const planned = flashBytesOf(graph, board, { anchors: options.detector?.anchors.length });
        expect(symbolBytes(elf, "phinets_arena", path)).toBe(planArena(graph).bytes);
        const linked = (part: RegExp): number =>
          elf.symbols.filter((symbol) => part.test(symbol.name)).reduce((sum, { bytes }) => sum + bytes, 0);
        const { total, ...parts } = planned.weights;
        expect({
          weights: linked(/^layer\d+_weights$/),
          biases: linked(/^layer\d+_bias$/),
          requantization: linked(/^layer\d+_(multiplier|shift)$/),
          tables: linked(/^layer\d+_table$/),
        }).toEqual(parts);
        expect(linked(/^layer\d+_(weights|bias|multiplier|shift|table)$/)).toBe(total);
        const error = planned.total / flashBytes(elf) - 1;
        // Outdated? node bench/cost/code-size.mjs measures the code again.
        expect(Math.abs(error), `${target}: ${planned.total} planned, ${flashBytes(elf)} linked`).toBeLessThan(0.01);
        // Sections start at multiples of 16.
        const ram = ramBytesOf(graph, planArena(graph), board, { anchors: options.detector?.anchors.length });
        expect(Math.abs(ramBytes(elf) - ram.total)).toBeLessThan(64);
        expect(planned.measured).toBe(true);
        if (process.env.PHINETS_VERBOSE)
          console.log(`${name}, ${target}: ${flashBytes(elf)} bytes, ${(100 * error).toFixed(2)} %`);
      }),
    );
  });
});

/** Ranges as a calibration finds them: a fused ReLU6 maps its 0..6 onto all bytes, so it needs no table. */
function calibrated(graph: Graph): QuantizedNetwork {
  const q = randomlyQuantized(graph, 1);
  const scale = Math.fround(6 / 255);
  const values = Object.fromEntries(
    graph.nodes.map(({ name, op, attributes }) => {
      if (op === "input" || op === "sigmoid") return [name, q.values[name]];
      const relu6 = "activation" in attributes && attributes.activation === "relu6";
      return [name, { scale, zeroPoint: relu6 ? -128 : 3 }];
    }),
  );
  return { ...q, values };
}
