import { describe, expect, it } from "vitest";
import { deployGraph, type Graph, GraphBuilder } from "../graph/index.js";
import { buildNetwork, defaultAnchors, parseNetwork, type Yolov2Head } from "../networks/index.js";
import {
  boardNames,
  countedCores,
  exceededRegions,
  flashBytesOf,
  followerBytes,
  type Kernel,
  type KernelRow,
  kernels,
  loadBoard,
  makeProgram,
  plannedUse,
  programOf,
  ramBytesOf,
  shapeOf,
  stackBytes,
  variableBytes,
  weightBytes,
} from "../target/index.js";
import counted from "../target/kernel-costs.json" with { type: "json" };
import {
  averagePowerMw,
  coreCosts,
  countInstructions,
  countMacs,
  energyBandMj,
  energyMj,
  fpsAtPower,
  instructionsOf,
  latencyMs,
} from "./index.js";

const board = loadBoard("stm32h743");
const portable = (graph: Graph) => makeProgram(graph, { dsp: false });

describe("weightBytes", () => {
  const b = new GraphBuilder("hand");
  let x = b.conv2d("conv", b.input("in", [1, 8, 10, 3]), { filters: 5, kernel: 3 });
  x = b.hardswish("hs", b.batchNorm("bn", x));
  x = b.depthwise("dw", x, { kernel: 3, padding: 1 });
  x = b.dense("fc", b.flatten("flat", b.globalAveragePool("gap", b.relu6("r", x))), 2);
  const graph = deployGraph(b.build([x]));
  it("counts a small network by hand, as the portable kernels read it", () => {
    expect(weightBytes(portable(graph))).toEqual({
      weights: 5 * 27 + 5 * 9 + 2 * 5,
      biases: 12 * 4,
      requantization: 12 * 5,
      tables: 256, // the ReLU6 is the depthwise layer's own
      total: 190 + 48 + 60 + 256,
    });
  });
  it("counts it as the DSP kernels do: words of two weights where they multiply pairs, rows of taps twice", () => {
    expect(weightBytes(makeProgram(graph, { dsp: true }))).toEqual({
      weights: 5 * 28 * 2 + 5 * 24 + 2 * 8,
      biases: 12 * 4,
      requantization: 12 * 8,
      tables: 256,
      total: 416 + 48 + 96 + 256,
    });
  });
});

describe("a power budget", () => {
  it("is a duty cycle: the frames that it allows draw that power", () => {
    for (const powerMw of [5, 10, 100]) {
      const [low, high] = fpsAtPower([20, 30], board, powerMw);
      expect(low).toBeLessThan(high);
      expect(averagePowerMw([30, 30], board, low)).toBeCloseTo(powerMw, 9);
      expect(averagePowerMw([20, 20], board, high)).toBeCloseTo(powerMw, 9);
    }
  });
  it("below the sleep power allows none, above full load no more than the board can do", () => {
    expect(fpsAtPower([20, 30], board, board.sleepMilliwatts / 2)).toEqual([0, 0]);
    expect(fpsAtPower([20, 25], board, 1e6)).toEqual([40, 50]);
  });
  it("meets the energy band at both ends", () => {
    const [low, high] = energyBandMj([20, 30], board);
    expect([low, high]).toEqual([20e-3 * 480e6 * 0.9e-6, 30e-3 * 480e6 * 0.9e-6]);
    expect(energyMj([20, 30], board)).toBeCloseTo((low + high) / 2, 12);
  });
});

describe("flashBytesOf and ramBytesOf", () => {
  const b = new GraphBuilder("flash");
  const x = b.conv2d("conv", b.input("in", [1, 8, 8, 3]), { filters: 4, kernel: 3 });
  const graph = deployGraph(b.build([b.sigmoid("s", x)]));
  const head: Yolov2Head = { kind: "yolov2", classes: 1, filters: 1, anchors: defaultAnchors, decoder: "yolov2" };
  it("add up", () => {
    for (const program of [portable(graph), programOf(graph, board)]) {
      const { weights, total, measured, ...parts } = flashBytesOf(program, board, { head });
      expect(weights).toEqual(weightBytes(program));
      expect(total).toBe(weights.total + Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
      expect([measured, parts.decoder]).toEqual([true, 511 * 8 + 80 + 5 * 16]);
      const plain = flashBytesOf(program, board);
      expect([plain.decoder, plain.follower]).toEqual([0, 0]);
      expect(plain.kernels).toBeLessThanOrEqual(parts.kernels);
    }
  });
  it("know boxes and tracks as the plan of the banks does", () => {
    for (const name of boardNames)
      expect(variableBytes(loadBoard(name), { detects: true })).toBe(stackBytes + followerBytes);
  });
  it("say what each bank has, and which would be too small", () => {
    const program = programOf(graph, board);
    expect(program.banks).toHaveLength(2);
    const [flash, ram] = [flashBytesOf(program, board), ramBytesOf(program, board)];
    expect(Object.keys(ram.banks)).toEqual(["DTCM", "AXI_SRAM"]);
    expect(ram.banks.DTCM + ram.banks.AXI_SRAM).toBe(program.arenaBytes);
    const use = plannedUse(board, flash, ram);
    expect(use).toMatchObject({ FLASH: flash.total, AXI_SRAM: ram.banks.AXI_SRAM, SRAM123: 0 });
    expect(use.DTCM).toBe(ram.banks.DTCM + ram.total - ram.arena);
    expect(exceededRegions(board, flash, ram)).toEqual([]);
    const full = { ...ram, banks: { ...ram.banks, SRAM4: 65_537 } };
    expect(exceededRegions(board, flash, full)).toEqual([{ region: "SRAM4", neededBytes: 65_537, bytes: 65_536 }]);
  });
  it("say where a core was not measured", () => {
    const others = ["esp32-s3"];
    for (const name of boardNames)
      expect(flashBytesOf(portable(graph), loadBoard(name)).measured).toBe(!others.includes(name));
  });
  it("count the input with the arena, and a line of it where its rows are pushed", () => {
    const whole = portable(graph);
    const ram = ramBytesOf(whole, board);
    const context = 48 + 2;
    expect(ram).toMatchObject({ arena: whole.arenaBytes, input: 192, output: 144, follower: 0, stack: 16384, context });
    expect(ram.total).toBe(whole.arenaBytes + 144 + 16384 + context);
    const rows = makeProgram(graph, { dsp: false, input: "rows" });
    expect(ramBytesOf(rows, board)).toMatchObject({ arena: rows.arenaBytes, input: 3 * 24, context: context + 24 });
  });
});

describe("latency and energy", () => {
  it("knows every kernel on the cores that run it, and nothing that is not a kernel's term", () => {
    for (const core of countedCores) {
      const helium = core === "cortex-m55";
      const dsp = ["cortex-m4", "cortex-m7", "cortex-m33"].includes(core);
      const { kernels: measured } = coreCosts({ countedAs: core });
      for (const kernel of Object.keys(kernels) as Kernel[]) {
        // No program has planes of int16 without a kernel that makes them.
        const runs =
          (dsp || !kernel.startsWith("dsp_")) && kernel !== "dsp_planes16" && (helium || !kernel.startsWith("helium_"));
        const row: KernelRow = kernels[kernel];
        const figures = measured[(row.countedAs ?? kernel) as Kernel];
        expect(figures !== undefined, `${kernel} on ${core}`).toBe(runs);
      }
    }
  });
  it("counts a step's terms, each at its figure, and what the schedule takes", () => {
    const b = new GraphBuilder("two");
    const graph = b.build([b.conv2d("c", b.input("in", [1, 6, 7, 8]), { filters: 12 })]);
    const program = portable(graph);
    const [step] = program.lowering.steps;
    const { pointwise } = counted.cores["cortex-m3"].kernels;
    const row: KernelRow = kernels.pointwise;
    const terms = row.terms(shapeOf(step, program.lowering));
    // 6 rows of 7 pixels: tiles of two pixels and two filters, and one remaining pixel.
    expect(terms).toMatchObject({ rows: 6, outputs: 6 * 7 * 12, macs: 6 * 6 * 12 * 8, inputs: 336 });
    const { step: overhead, entry } = counted.cores["cortex-m3"];
    const figures: Readonly<Record<string, number>> = pointwise;
    const expected = Object.entries(terms).reduce((sum, [name, amount]) => sum + amount * (figures[name] ?? 0), 0);
    const core = { countedAs: "cortex-m3" } as const;
    expect(instructionsOf(step, program, core)).toBeCloseTo(expected + 6 * overhead, 6);
    expect(program.stream.schedule).toHaveLength(12);
    expect(countInstructions(program, core)).toBeCloseTo(expected + 6 * overhead + 12 * entry, 6);
  });
  it("is 1.2 to 2 instructions a multiply-accumulate with the DSP kernels, and several times that without", () => {
    const network = { family: "phinet", input: { height: 128, width: 128 }, alpha: 0.35, downsampling: [5] };
    const graph = deployGraph(buildNetwork(parseNetwork({ ...network, head: { kind: "yolov2", classes: 1 } })));
    const perMac = (name: string) => {
      const target = loadBoard(name);
      return countInstructions(programOf(graph, target), target) / countMacs(graph);
    };
    for (const name of ["stm32l4r5", "stm32u575", "stm32h743"]) {
      expect(perMac(name)).toBeGreaterThan(1.2);
      expect(perMac(name)).toBeLessThan(2);
    }
    expect(perMac("rp2040")).toBeGreaterThan(2 * perMac("stm32h743"));
    expect(perMac("rp2040")).toBeLessThan(8);
  });
  it("follows from instructions, clock and energy per cycle", () => {
    const network = parseNetwork({
      family: "phinet",
      input: { height: 96, width: 96 },
      head: { kind: "yolov2", classes: 1 },
    });
    const program = programOf(deployGraph(buildNetwork(network)), board);
    const [low, high] = latencyMs(program, board);
    expect(low).toBeCloseTo((countInstructions(program, board) * 0.9) / 480e3, 9);
    expect(high / low).toBeCloseTo(1.3 / 0.9, 9);
    const energy = energyMj([low, high], board);
    expect(energy).toBeCloseTo(((low + high) / 2e3) * 480e6 * 0.9e-6, 9);
    // Always asleep, and always busy: 480 MHz x 0.9 nJ = 432 mW.
    expect(averagePowerMw([low, high], board, 0)).toBeCloseTo(board.sleepMilliwatts, 9);
    expect(averagePowerMw([100, 100], board, 10)).toBeCloseTo(432, 9);
    expect(() => averagePowerMw([100, 100], board, 11)).toThrow(
      /11 frames\/s of 100\.0 ms each are more than stm32h743/,
    );
  });
});
