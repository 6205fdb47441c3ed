import { describe, expect, it } from "vitest";
import { deployGraph, GraphBuilder } from "../graph/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import schema from "./boards/board.schema.json" with { type: "json" };
import {
  arenaOf,
  averagePowerMw,
  banksOf,
  boardNames,
  countInstructions,
  countMacs,
  energyBandMj,
  energyMj,
  flashBytesOf,
  fpsAtPower,
  fpus,
  instructionsOf,
  latencyMs,
  loadBoard,
  macKindOf,
  parseBoard,
  planArena,
  ramBytesOf,
  simds,
  unverifiedOf,
  weightBytes,
} from "./index.js";

const board = loadBoard("stm32h743");

describe("boards", () => {
  it("are built in, each with a source for every number", () => {
    expect(boardNames).toEqual([
      "custom",
      "esp32-s3",
      "mps2-an500",
      "nrf52840",
      "nrf54l15",
      "ra8d1",
      "rp2040",
      "rp2350",
      "stm32f746",
      "stm32h743",
      "stm32h747",
      "stm32h7a3",
      "stm32l4r5",
      "stm32n657",
      "stm32u385",
      "stm32u3c5",
      "stm32u575",
    ]);
    for (const name of boardNames) {
      const { name: own, sources } = loadBoard(name);
      expect(own).toBe(name);
      expect(Object.keys(sources)).toHaveLength(11);
    }
    expect(unverifiedOf(board)).toEqual(["nanojoulesPerCycle", "sleepMilliwatts"]);
    expect(unverifiedOf(loadBoard("stm32u385"))).toEqual(["cyclesPerInstruction"]);
  });
  it.each([
    // MLPerf Tiny v1.3 (the STM32H7A3: v1.2): milliwatts on visual wake words and on ResNet8.
    ["stm32u385", 5.26, 5.3],
    ["stm32u575", 23.3, 23.6],
    ["stm32l4r5", 33.1, 33.7],
    ["stm32h7a3", 124.8, 125.1],
  ])("draw at full speed what %s did in MLPerf Tiny", (name, low, high) => {
    const { clockHz, nanojoulesPerCycle } = loadBoard(name);
    const milliwatts = clockHz * nanojoulesPerCycle * 1e-6;
    expect(milliwatts).toBeGreaterThan(low * 0.99);
    expect(milliwatts).toBeLessThan(high * 1.01);
  });
  it("list the banks that activations may lie in, fastest first; without a list, the arena's region", () => {
    expect(banksOf(board).map(({ name, bytes }) => [name, bytes / 1024])).toEqual([
      ["DTCM", 128],
      ["AXI_SRAM", 512],
      ["SRAM123", 288],
    ]);
    for (const candidate of boardNames.map(loadBoard)) {
      const banks = banksOf(candidate);
      expect(banks).toContain(arenaOf(candidate));
      expect(new Set(banks).size).toBe(banks.length);
      for (const { use } of banks) expect(use).not.toBe("program");
    }
    const { banks: _, ...plain } = board;
    expect(banksOf(parseBoard(plain))).toEqual([arenaOf(board)]);
    expect(parseBoard(plain)).not.toHaveProperty("banks");
  });
  it("have room for stack and variables, and flash within their program's region", () => {
    for (const candidate of boardNames.map(loadBoard)) {
      const [program] = candidate.regions.filter(({ use }) => use === "program");
      const [data] = candidate.regions.filter(({ use }) => use === "data");
      expect(candidate.flashBytes).toBe(program.bytes);
      expect(data.bytes).toBeGreaterThanOrEqual(32 * 1024);
    }
  });
  it("have the fields of the schema", () => {
    const enumOf = (field: "fpu" | "simd") => schema.properties[field].enum;
    expect(Object.keys(schema.properties).sort()).toEqual(["$schema", ...Object.keys(board)].sort());
    // What may be left out where the core was measured.
    const optional = ["instructionsPerMac", "instructionsPerOutput"];
    expect([...schema.required, ...optional, "banks"].sort()).toEqual(Object.keys(board).sort());
    expect([...schema.properties.sources.required, ...optional].sort()).toEqual(Object.keys(board.sources).sort());
    expect([enumOf("fpu"), enumOf("simd")]).toEqual([fpus, simds]);
    for (const field of ["instructionsPerMac", "instructionsPerOutput"] as const)
      expect([...schema.properties[field].required].sort()).toEqual(Object.keys(board[field]).sort());
  });
  it("describe the STM32H743's memory bank by bank", () => {
    expect(board.regions.map(({ name, origin, bytes }) => [name, origin.toString(16), bytes / 1024])).toEqual([
      ["FLASH", "8000000", 2048],
      ["ITCM", "0", 64],
      ["DTCM", "20000000", 128],
      ["AXI_SRAM", "24000000", 512],
      ["SRAM123", "30000000", 288],
      ["SRAM4", "38000000", 64],
      ["BACKUP_SRAM", "38800000", 4],
    ]);
    expect(arenaOf(board).bytes).toBe(524288);
  });
  it("know their names", () => {
    expect(() => loadBoard("stm32h7")).toThrow(/board "stm32h7" is unknown; known: custom, esp32-s3, mps2-an500,/);
    expect(() => loadBoard("toString")).toThrow(/unknown/);
  });
  const broken = (change: (json: never) => unknown) => {
    const json = JSON.parse(JSON.stringify(board));
    change(json as never);
    return () => parseBoard(json, "mine.json");
  };
  it("round-trip", () => {
    expect(broken(() => {})()).toEqual(board);
  });
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document that is about to be broken
  const mistakes: [(json: any) => unknown, RegExp][] = [
    [(j) => delete j.clockHz, /^mine\.json: clockHz is missing; a number above 0 is needed/],
    [(j) => (j.flashBytes = -1), /flashBytes is -1; an integer above 0/],
    [(j) => (j.turbo = 1), /unknown field board\.turbo/],
    [(j) => (j.regions = {}), /regions is \{\}; a list/],
    [(j) => (j.regions[2].use = "heap"), /regions\[2\]\.use is "heap"; one of program, arena, data, free/],
    [(j) => (j.regions[2].origin = "0xZZ"), /regions\[2\]\.origin is "0xZZ"; an address/],
    [(j) => (j.regions[1].bytes = 2 ** 28), /regions ITCM and FLASH overlap/],
    [(j) => (j.regions[1].name = "DTCM"), /two regions have the same name/],
    [(j) => (j.flashBytes = 2 ** 22), /flashBytes is 4194304; at most the 2097152 bytes of region FLASH is needed/],
    [(j) => (j.fpu = "big"), /fpu is "big"; one of none, single, fpv4-sp-d16/],
    [(j) => (j.regions[1].use = "data"), /regions has more than one whose use is "data"/],
    [(j) => (j.regions[0].use = "free"), /regions has none whose use is "program"/],
    [(j) => (j.arenaRegion = "DTCM"), /arenaRegion is "DTCM"; the name of a region whose use is "arena"/],
    [(j) => (j.arenaRegion = "RAM"), /arenaRegion is "RAM"/],
    [(j) => (j.cyclesPerInstruction = [2, 1]), /cyclesPerInstruction is \[2,1\]; \[low, high\]/],
    [(j) => delete j.instructionsPerMac.dense, /instructionsPerMac\.dense is missing/],
    [(j) => delete j.sources.instructionsPerMac, /sources\.instructionsPerMac is missing; a text/],
    [
      (j) => {
        j.core = "cortex-m23";
        delete j.instructionsPerMac;
      },
      /^mine\.json: instructionsPerMac is missing, and core cortex-m23 was not measured \(known: cortex-m0plus, /,
    ],
    [(j) => delete j.sources.clockHz, /sources\.clockHz is missing; a text/],
    [(j) => (j.banks = "DTCM"), /banks is "DTCM"; a list/],
    [(j) => (j.banks = ["AXI_SRAM", "SRAM9"]), /banks\[1\] is "SRAM9"; the name of a region of RAM/],
    [(j) => (j.banks = ["AXI_SRAM", "FLASH"]), /banks\[1\] is "FLASH"; the name of a region of RAM/],
    [(j) => (j.banks = ["AXI_SRAM", "DTCM", "AXI_SRAM"]), /banks names AXI_SRAM twice/],
    [(j) => (j.banks = ["DTCM"]), /banks is \["DTCM"\]; a list with the arena's region, AXI_SRAM, in it/],
    [(j) => (j.banks = []), /banks is \[\]; a list with the arena's region/],
  ];
  it.each(mistakes)("refuse a file with a mistake (%#)", (change, message) => {
    expect(broken(change)).toThrow(message);
  });
  it("take from their core what they do not say", () => {
    const { instructionsPerMac, instructionsPerOutput, ...rest } = JSON.parse(JSON.stringify(loadBoard("rp2040")));
    const { instructionsPerMac: a, instructionsPerOutput: b, ...sources } = rest.sources;
    const silent = parseBoard({ ...rest, core: "cortex-m0", sources });
    expect([silent.instructionsPerMac, silent.instructionsPerOutput]).toEqual([
      instructionsPerMac,
      instructionsPerOutput,
    ]);
    expect(silent.sources.instructionsPerMac).toMatch(/^counted on the emulated core: .* cortex-m0plus, .*microbit/);
    const dearer = parseBoard({
      ...rest,
      instructionsPerMac: { ...instructionsPerMac, dense: 99 },
      sources: { ...sources, instructionsPerMac: a },
    });
    expect(dearer.instructionsPerMac.dense).toBe(99);
    expect(dearer.instructionsPerOutput).toEqual(instructionsPerOutput);
    expect(b).toBe("as instructionsPerMac");
    // No long multiply: requantising is what a Cortex-M0 is slow at.
    expect(silent.instructionsPerOutput.requantize).toBeGreaterThan(2 * board.instructionsPerOutput.requantize);
  });
  it.each(["stm32n657", "ra8d1"])("take %s's from the Cortex-M33, and say so", (name) => {
    const { core, instructionsPerMac, sources } = loadBoard(name);
    expect(instructionsPerMac).toEqual(loadBoard("stm32u575").instructionsPerMac);
    expect(sources.instructionsPerMac).toMatch(
      /^counted .* cortex-m33, .*runs the same DSP code; its Helium is not used/,
    );
    expect(sources.instructionsPerMac).toContain(core);
  });
  it("refuse what is no object", () => {
    expect(() => parseBoard(null)).toThrow(/^board: board is null; an object is needed/);
  });
});

describe("weightBytes", () => {
  it("counts a small network by hand", () => {
    const b = new GraphBuilder("hand");
    let x = b.conv2d("conv", b.input("in", [1, 8, 8, 3]), { filters: 4, kernel: 3 });
    x = b.hardswish("hs", b.batchNorm("bn", x));
    x = b.depthwise("dw", x, { kernel: 3 });
    x = b.dense("fc", b.flatten("flat", b.globalAveragePool("gap", b.relu6("r", x))), 2);
    expect(weightBytes(deployGraph(b.build([x])))).toEqual({
      weights: 4 * 27 + 4 * 9 + 2 * 4,
      biases: 10 * 4,
      requantization: 10 * 5,
      tables: 256,
      total: 152 + 40 + 50 + 256,
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
  it("add up", () => {
    const { weights, total, measured, ...parts } = flashBytesOf(graph, board, { anchors: 5 });
    expect(total).toBe(weights.total + Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
    expect([measured, parts.decoder]).toEqual([true, 511 * 8 + 5 * 16]);
    const plain = flashBytesOf(graph, board);
    expect([plain.decoder, plain.follower]).toEqual([0, 0]);
    expect(plain.kernels).toBeLessThanOrEqual(parts.kernels);
  });
  it("say where a core was not measured", () => {
    const others = ["esp32-s3", "ra8d1", "stm32n657"];
    for (const name of boardNames) expect(flashBytesOf(graph, loadBoard(name)).measured).toBe(!others.includes(name));
  });
  it("count the input with the arena", () => {
    const plan = planArena(graph);
    const ram = ramBytesOf(graph, plan, board);
    expect(ram).toMatchObject({ arena: plan.bytes, input: 192, output: 144, follower: 0, stack: 16384 });
    expect(ram.total).toBe(plan.bytes + 144 + 16384);
  });
});

describe("latency and energy", () => {
  const one = (make: (b: GraphBuilder, x: string) => string, shape: readonly number[]) => {
    const b = new GraphBuilder("one");
    const graph = b.build([make(b, b.input("in", shape))]);
    return { graph, node: graph.nodes.at(-1)! };
  };
  /** Instructions that firmware/kernels ran for a layer on the emulated Cortex-M7 (mps2-an500, -icount shift=0). */
  const counted: [string, (b: GraphBuilder, x: string) => string, number[], number][] = [
    ["pointwise 8 to 32", (b, x) => b.conv2d("c", x, { filters: 32 }), [1, 16, 16, 8], 387_760],
    ["pointwise 192 to 32", (b, x) => b.conv2d("c", x, { filters: 32 }), [1, 16, 16, 192], 3_972_760],
    ["pointwise 28 to 168", (b, x) => b.conv2d("c", x, { filters: 168 }), [1, 8, 8, 28], 1_019_280],
    ["pointwise of one pixel", (b, x) => b.conv2d("c", x, { filters: 28 }), [1, 1, 1, 168], 25_440],
    ["depthwise 64x64x12", (b, x) => b.depthwise("c", x, { kernel: 3, padding: 1 }), [1, 64, 64, 12], 2_593_360],
    ["depthwise 8x8x168", (b, x) => b.depthwise("c", x, { kernel: 3, padding: 1 }), [1, 8, 8, 168], 1_132_480],
    [
      "strided 64x64x36",
      (b, x) => b.depthwise("c", x, { kernel: 3, stride: 2, padding: 1 }),
      [1, 64, 64, 36],
      2_369_520,
    ],
    ["5x5 16x16x84", (b, x) => b.depthwise("c", x, { kernel: 5, padding: 2 }), [1, 16, 16, 84], 6_329_560],
    [
      "3x3 of 16 channels",
      (b, x) => b.conv2d("c", x, { filters: 16, kernel: 3, padding: 1 }),
      [1, 48, 48, 16],
      17_458_040,
    ],
    ["residual sum", (b, x) => b.add("c", b.sigmoid("s", x), x), [1, 100, 100, 10], 6_200_000],
    ["mean", (b, x) => b.globalAveragePool("c", x), [1, 32, 32, 84], 518_700],
    ["max pool", (b, x) => b.maxPool("c", x, 2), [1, 32, 32, 32], 512_000],
  ];
  it.each(counted)("predicts the instructions of %s within a fifth", (_, make, shape, instructions) => {
    const { graph, node } = one(make, shape);
    expect(instructionsOf(graph, node, board) / instructions).toBeGreaterThan(0.8);
    expect(instructionsOf(graph, node, board) / instructions).toBeLessThan(1.2);
  });
  it("tells the loops apart", () => {
    const kind = (make: (b: GraphBuilder, x: string) => string, shape = [1, 8, 8, 4]) => {
      const { graph, node } = one(make, shape);
      return macKindOf(graph, node);
    };
    expect(kind((b, x) => b.conv2d("c", x, { filters: 2 }))).toBe("pointwise");
    expect(kind((b, x) => b.conv2d("c", x, { filters: 2 }), [1, 1, 1, 4])).toBe("dense");
    expect(kind((b, x) => b.conv2d("c", x, { filters: 2, kernel: 3 }))).toBe("convolution");
    expect(kind((b, x) => b.conv2d("c", x, { filters: 4, groups: 2 }))).toBe("convolution");
    expect(kind((b, x) => b.depthwise("c", x, { kernel: 3 }))).toBe("depthwise");
    expect(kind((b, x) => b.depthwise("c", x, { kernel: 5 }))).toBe("depthwise5x5");
    expect(kind((b, x) => b.dense("c", b.flatten("f", x), 3))).toBe("dense");
    expect(kind((b, x) => b.hardswish("c", x))).toBeUndefined();
  });
  it("follows from instructions, clock and energy per cycle", () => {
    const network = parseNetwork({
      family: "phinet",
      input: { height: 96, width: 96 },
      head: { kind: "yolov2", classes: 1 },
    });
    const deployed = deployGraph(buildNetwork(network));
    const [low, high] = latencyMs(deployed, board);
    expect(low).toBeCloseTo((countInstructions(deployed, board) * 0.9) / 480e3, 9);
    expect(high / low).toBeCloseTo(1.3 / 0.9, 9);
    expect(countInstructions(deployed, board) / countMacs(deployed)).toBeGreaterThan(4);
    expect(countInstructions(deployed, board) / countMacs(deployed)).toBeLessThan(12);
    const energy = energyMj([low, high], board);
    expect(energy).toBeCloseTo(((low + high) / 2e3) * 480e6 * 0.9e-6, 9);
    // Asleep all the time, and busy all the time: 480 MHz x 0.9 nJ = 432 mW.
    expect(averagePowerMw([low, high], board, 0)).toBeCloseTo(board.sleepMilliwatts, 9);
    expect(averagePowerMw([100, 100], board, 10)).toBeCloseTo(432, 9);
    expect(() => averagePowerMw([100, 100], board, 11)).toThrow(
      /11 frames\/s of 100\.0 ms each are more than stm32h743/,
    );
  });
});
