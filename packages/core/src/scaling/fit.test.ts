import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  averagePowerMw,
  countInstructions,
  countMacs,
  countParameters,
  loadBoard,
  parseBoard,
  planArena,
  weightBytes,
} from "../cost/index.js";
import { deployGraph } from "../graph/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { PhinetsError } from "../tensor/index.js";
import { alphaOfStem, type Candidate, codeAllowanceBytes, costOf, estimate, fit } from "./index.js";
import { lattice } from "./lattice.js";

const board = loadBoard("stm32h743");
const square = (side: number) => ({ height: side, width: side });

describe("estimate", () => {
  const heads = [
    { kind: "none" },
    { kind: "classifier", classes: 7 },
    { kind: "yolov2", classes: 3, filters: 24 },
  ] as const;
  it("is exact in parameters, MACs, weights and instructions, and never above the plan in RAM", () => {
    const networks = fc
      .record({
        height: fc.integer({ min: 16, max: 150 }),
        width: fc.integer({ min: 16, max: 150 }),
        channels: fc.constantFrom(1, 3),
        alpha: fc.double({ min: 0.05, max: 1.5, noNaN: true }),
        beta: fc.constantFrom(0.5, 1, 1.5),
        t0: fc.double({ min: 1, max: 7, noNaN: true }),
        blocks: fc.integer({ min: 3, max: 10 }),
        downsampling: fc.constantFrom([], [4], [5], [5, 7]),
        conv5: fc.constantFrom(0, 0.3),
        divisor: fc.constantFrom(1, 8),
        activation: fc.constantFrom("hardswish", "relu6"),
        squeezeExcite: fc.boolean(),
        residuals: fc.boolean(),
        head: fc.constantFrom(...heads),
      })
      .map(({ height, width, channels, ...rest }) =>
        parseNetwork({ family: "phinet", input: { height, width, channels }, ...rest }),
      );
    let built = 0;
    fc.assert(
      fc.property(networks, (network) => {
        const graph = (() => {
          try {
            return buildNetwork(network);
          } catch {
            return undefined; // a map that vanishes
          }
        })();
        fc.pre(graph !== undefined);
        built++;
        const deployed = deployGraph(graph!);
        const cost = estimate(network, board);
        expect(cost.parameters).toBe(countParameters(graph!));
        expect(cost.macs).toBe(countMacs(graph!));
        expect(cost.weightBytes).toBe(weightBytes(deployed).total);
        expect(cost.instructions / countInstructions(deployed, board)).toBeCloseTo(1, 12);
        const plan = planArena(deployed);
        expect(cost.ramLowerBoundBytes).toBeLessThanOrEqual(plan.lowerBoundBytes);
        expect(cost.ramLowerBoundBytes).toBeGreaterThan(0.7 * plan.lowerBoundBytes - 64);
      }),
      { numRuns: 150, seed: 7 },
    );
    expect(built).toBeGreaterThan(100);
  });
});

describe("lattice", () => {
  it("moves the stem by one channel a step", () => {
    for (let channels = 1; channels <= 200; channels++)
      expect(Math.trunc(48 * alphaOfStem(channels)), `${channels}`).toBe(channels);
  });
  it("holds legal networks only", () => {
    let built = 0;
    for (const tier of ["ordinary", "small"] as const) {
      let i = 0;
      for (const network of [...lattice(tier, "detect", { ...square(64), channels: 3 }, { kind: "none" })].flat()) {
        if (i++ % 997 !== 0) continue;
        expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
        buildNetwork(network);
        built++;
      }
    }
    expect(built).toBeGreaterThan(30);
  });
});

describe("fit", () => {
  const result = fit({ board, imgsz: square(128), classes: ["person"] });
  const { chosen } = result;

  it("gives the STM32H743 a detector like the one its authors ran there", () => {
    const graph = buildNetwork(chosen.network);
    expect(graph.shapes[graph.outputs[0]].slice(1, 3)).toEqual([8, 8]); // stride 16
    expect(chosen.network.alpha).toBeGreaterThanOrEqual(0.2);
    expect(chosen.macs).toBeGreaterThan(7e6);
    expect(chosen.macs).toBeLessThan(10.5e6);
    expect(chosen.parameters).toBeGreaterThan(70_000);
    expect(chosen.parameters).toBeLessThan(150_000);
    expect(chosen.network.head).toMatchObject({ kind: "yolov2", classes: ["person"] });
  });
  it("reports exact costs and keeps every limit", () => {
    expect(result.target).toBe("stm32h743");
    expect(result.budget).toEqual({ ramBytes: 524288, flashBytes: 2097152, latencyMs: 100 });
    expect(costOf(chosen.network, board)).toEqual(chosen);
    for (const candidate of result.pareto) keeps(candidate);
    expect(result.pareto.at(-1)).toBe(chosen);
    expect(averagePowerMw(chosen.latencyMs, board, 10)).toBeGreaterThan(350);
    expect(averagePowerMw(chosen.latencyMs, board, 0.1)).toBeLessThan(9);
  });
  it("orders the front: slower is better by the proxy", () => {
    const proxy = ({ macs, parameters }: Candidate) => 2 * Math.log(macs) + Math.log(parameters);
    for (let i = 1; i < result.pareto.length; i++) {
      expect(result.pareto[i].latencyMs[0]).toBeGreaterThan(result.pareto[i - 1].latencyMs[0]);
      expect(proxy(result.pareto[i])).toBeGreaterThan(proxy(result.pareto[i - 1]));
    }
    expect(result.pareto.length).toBeGreaterThan(8);
  });
  it("finds what brute force over the lattice finds", () => {
    const imgsz = { height: 64, width: 80 };
    const limits = { maxMacs: 1.5e6, maxRamBytes: 40_000, maxFlashBytes: 60_000 };
    const { head } = parseNetwork({ family: "phinet", input: square(8), head: { kind: "yolov2", classes: 1 } });
    let best = 0;
    for (const network of [...lattice("ordinary", "detect", { ...imgsz, channels: 1 }, head)].flat()) {
      const { macs, parameters, weightBytes: bytes, ramLowerBoundBytes } = estimate(network, board);
      if (macs > limits.maxMacs || bytes + codeAllowanceBytes > limits.maxFlashBytes) continue;
      if (ramLowerBoundBytes > limits.maxRamBytes) continue;
      if (macs ** 2 * parameters <= best || costOf(network, board).ramBytes > limits.maxRamBytes) continue;
      best = macs ** 2 * parameters;
    }
    expect(best).toBeGreaterThan(0);
    const found = fit({ board, imgsz, channels: 1, ...limits });
    expect(found.chosen.macs ** 2 * found.chosen.parameters).toBe(best);
    expect(found.budget).toEqual({ ramBytes: 40_000, flashBytes: 60_000, macs: 1.5e6 });
    expect(found.chosen.ramBytes).toBeLessThanOrEqual(40_000);
    expect(found.chosen.flashBytes).toBeLessThanOrEqual(60_000);
  });
  it("is deterministic", () => {
    expect(fit({ board, imgsz: square(128), classes: ["person"] })).toEqual(result);
  });
  it("fits classifiers, with a map worth averaging", () => {
    const { chosen } = fit({ board, task: "classify", imgsz: square(28), channels: 1 });
    const graph = buildNetwork(chosen.network);
    expect(graph.shapes[graph.outputs[0]]).toEqual([1, 10]);
    expect(graph.shapes["classifier.0"]).toEqual([1, 1, 1, expect.any(Number)]);
  });
  it("chooses an input size when none is given: larger with more time", () => {
    const slow = fit({ board, fps: 2 }).chosen.network.input;
    const fast = fit({ board, fps: 20 }).chosen.network.input;
    expect(slow.height).toBeGreaterThan(fast.height);
    expect(fast.height).toBeGreaterThanOrEqual(80);
  });
  it("still finds a small network where no ordinary one fits", () => {
    const { chosen } = fit({ board, imgsz: square(64), maxRamBytes: 20_000 });
    expect(chosen.ramBytes).toBeLessThanOrEqual(20_000);
    expect(chosen.network.t0).toBeLessThan(4);
  });

  it.each([
    [
      { imgsz: square(128), maxRamBytes: 4096 },
      /128x128.* needs at least 61,440 bytes of RAM, 57,344 more than the 4,096 allowed; use/,
    ],
    [
      { imgsz: square(64), maxFlashBytes: 24_600 },
      /bytes of flash \(24,576 of them for code\), [\d,]+ more than the 24,600/,
    ],
    [{ imgsz: square(64), fps: 10_000 }, /ms a frame, .* ms more than the 0\.1 allowed; ask for fewer frames/],
    [{ imgsz: square(64), maxMacs: 1000 }, /MACs, [\d,]+ more than the 1,000 allowed/],
    [{ imgsz: square(64), fps: 0 }, /fps is 0; it must be above 0/],
    [{ imgsz: { height: 1, width: 64 } }, /map is 2x65 where the stem/],
    [{ imgsz: square(0) }, /input\.height is 0/],
    [{ imgsz: square(64), task: "classify", classes: ["cat"] }, /one class has nothing to tell apart/],
  ] as const)("refuses %j", (options, message) => {
    let error: unknown;
    try {
      fit({ board, ...options });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(PhinetsError);
    expect((error as PhinetsError).message).toMatch(message);
  });
  it("refuses a board with 4 KB", () => {
    const json = JSON.parse(JSON.stringify(board));
    json.name = "tiny";
    json.regions = [
      { name: "FLASH", origin: 0, bytes: 65536, use: "program" },
      { name: "RAM", origin: "0x20000000", bytes: 4096, use: "arena" },
    ];
    json.flashBytes = 65536;
    json.arenaRegion = "RAM";
    expect(() => fit({ board: parseBoard(json) })).toThrow(/^board tiny: no network fits; the smallest \(64x64/);
  });

  function keeps(candidate: Candidate): void {
    expect(candidate.ramBytes).toBeLessThanOrEqual(result.budget.ramBytes);
    expect(candidate.flashBytes).toBeLessThanOrEqual(result.budget.flashBytes);
    const [low, high] = candidate.latencyMs;
    expect((low + high) / 2).toBeLessThanOrEqual(result.budget.latencyMs! + 1e-9);
    expect(candidate.energyMj).toBeGreaterThan(0);
  }
});
