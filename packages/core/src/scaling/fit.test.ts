import { describe, expect, it } from "vitest";
import { averagePowerMw } from "../cost/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { loadBoard, parseBoard, roomBytes } from "../target/index.js";
import { PhinetsError } from "../tensor/index.js";
import {
  type Candidate,
  codeAllowanceBytes,
  costOf,
  estimate,
  type FitOptions,
  familiarity,
  fit,
  proxyOf,
} from "./index.js";
import { alphaOfStem, lattice, shapesOf } from "./lattice.js";

const board = loadBoard("stm32h743");
const square = (side: number) => ({ height: side, width: side });

describe("fit", () => {
  const result = fit({ board, imgsz: square(128), classes: ["person"] });
  const { chosen } = result;

  it("gives the STM32H743 a detector like the one its authors ran there", () => {
    const graph = buildNetwork(chosen.network);
    expect(graph.shapes[graph.outputs[0]].slice(1, 3)).toEqual([8, 8]); // stride 16
    expect(chosen.network.alpha).toBeGreaterThanOrEqual(0.2);
    expect(chosen.macs).toBeGreaterThan(27e6); // the authors' had 8 M, and our portable kernels reach 9 M
    expect(chosen.macs).toBeLessThan(60e6);
    expect(chosen.parameters).toBeGreaterThan(30_000);
    expect(chosen.parameters).toBeLessThan(250_000);
    expect(chosen.network.head).toMatchObject({ kind: "yolov2", classes: ["person"] });
  });
  it("reports exact costs and keeps every limit", () => {
    expect(result.target).toBe("stm32h743");
    expect(result.budget).toEqual({
      ramBytes: Math.floor(0.8 * roomBytes(board)),
      flashBytes: 2097152,
      latencyMs: 100,
    });
    expect(costOf(chosen.network, board)).toEqual(chosen);
    for (const candidate of result.pareto) keeps(candidate);
    expect(result.pareto.at(-1)).toBe(chosen);
    expect(averagePowerMw(chosen.latencyMs, board, 10)).toBeGreaterThan(350);
    expect(averagePowerMw(chosen.latencyMs, board, 0.1)).toBeLessThan(9);
  });
  it("gives a detector a pyramid and the greatest width that keeps the limits with it", () => {
    const { chosen: pyramid, pareto } = fit({ board, imgsz: square(128), classes: ["person"], neck: "fpn" });
    const { head, alpha, ...others } = pyramid.network;
    expect(head).toMatchObject({ kind: "yolov2", classes: ["person"], neck: "fpn", filters: 64 });
    const { head: _, alpha: before, ...same } = chosen.network;
    expect(others).toEqual(same);
    expect(Math.abs(alpha - before)).toBeLessThan(8 / 48 + 1e-4);
    expect(costOf(pyramid.network, board)).toEqual(pyramid);
    expect(pareto.at(-1)).toBe(pyramid);
    keeps(pyramid);
    const wider = costOf({ ...pyramid.network, alpha: alphaOfStem(Math.trunc(48 * alpha) + 1) }, board);
    expect((wider.latencyMs[0] + wider.latencyMs[1]) / 2).toBeGreaterThan(100);
    const graph = buildNetwork(pyramid.network);
    expect(graph.shapes[graph.outputs[0]].slice(1, 3)).toEqual([16, 16]);
  });
  it("refuses a pyramid for a classifier, and where no network has room for one", () => {
    expect(() => fit({ board, task: "classify", neck: "fpn" })).toThrow(/neck "fpn" is for detectors/);
    expect(() => fit({ board, imgsz: square(96), maxMacs: 300_000, neck: "fpn" })).toThrow(
      /no network with neck "fpn" keeps the limits/,
    );
  });
  it("fills the limit that binds: time at ten frames per second, RAM and flash without a rate", () => {
    const imgsz = square(160);
    const timed = fit({ board, imgsz, classes: 1 });
    expect(timed.fill.binding).toBe("latency");
    expect(timed.fill.latency).toBeGreaterThan(0.95);
    const { fill, chosen, budget } = fit({ board, imgsz, classes: 1, noTimeLimit: true });
    // More than any single bank of the board holds.
    expect(chosen.ramBytes).toBeGreaterThan(524288);
    expect(fill).toEqual({
      ram: chosen.ramBytes / budget.ramBytes,
      flash: chosen.flashBytes / 2097152,
      binding: fill.ram > fill.flash ? "ram" : "flash",
    });
    expect(Math.max(fill.ram, fill.flash)).toBeGreaterThan(0.95);
    expect(Math.max(fill.ram, fill.flash)).toBeLessThanOrEqual(1);
    // Streaming rows leave RAM unused where flash is full.
    expect(fit({ board, imgsz: square(96), noTimeLimit: true }).fill.flash).toSatisfy(
      (share: number) => share > 0.9 && share <= 1,
    );
  });
  /** Every network of the ordinary tier that keeps the limits, found with the real planner. */
  const bruteForce = (options: FitOptions & { imgsz: { height: number; width: number } }) => {
    const { maxRamBytes = 524288, maxFlashBytes = 2097152, maxMacs = 1e12, channels = 3 } = options;
    const { head } = parseNetwork({ family: "phinet", input: square(8), head: { kind: "yolov2", classes: 1 } });
    const found = [];
    for (const column of lattice("ordinary", "detect", { ...options.imgsz, channels }, head))
      for (const { network: row } of column) {
        if (row.alpha > 0.5) continue; // wider networks exceed the limits below, as the last assertion checks
        for (const shape of shapesOf("ordinary"))
          for (const squeezeExcite of [false, true]) {
            const network = { ...row, ...shape, squeezeExcite };
            const cost = estimate(network, board, { ramBytes: maxRamBytes });
            const flash = cost.weightBytes + codeAllowanceBytes;
            if (cost.macs > maxMacs || flash > maxFlashBytes || cost.arenaBytes > maxRamBytes) continue;
            const proxy = proxyOf("detect", cost.macs, cost.fineMacs, cost.parameters, familiarity(network));
            const binds =
              cost.macs >= 0.95 * maxMacs ||
              cost.arenaBytes >= 0.95 * maxRamBytes ||
              cost.weightBytes >= 0.95 * (maxFlashBytes - codeAllowanceBytes);
            const fills =
              cost.arenaBytes >= 0.9 * maxRamBytes && cost.weightBytes >= 0.9 * (maxFlashBytes - codeAllowanceBytes);
            found.push({ ...cost, network, proxy, binds, fills });
          }
      }
    return found;
  };
  const small = {
    board,
    imgsz: { height: 64, width: 80 },
    channels: 1,
    maxMacs: 1.5e6,
    maxRamBytes: 26_000,
    maxFlashBytes: 109_152, // 60,000 for weights
  };
  const everything = bruteForce(small);
  const score = (network: Candidate["network"]) => {
    const { macs, fineMacs, parameters } = estimate(network, board);
    return proxyOf("detect", macs, fineMacs, parameters, familiarity(network));
  };
  it("chooses what brute force over the lattice chooses", () => {
    const filling = everything.filter(({ binds, fills }) => binds && fills);
    expect(filling.length).toBeGreaterThan(10);
    const found = fit(small);
    expect(score(found.chosen.network)).toBe(Math.max(...filling.map(({ proxy }) => proxy)));
    expect(found.budget).toEqual({ ramBytes: 26_000, flashBytes: 109_152, macs: 1.5e6 });
    expect(found.chosen.ramBytes).toBeLessThanOrEqual(26_000);
    expect(found.chosen.flashBytes).toBeLessThanOrEqual(109_152);
    expect(Math.max(...everything.map(({ network }) => network.alpha))).toBeLessThan(0.48);
  });
  it("weighs stems without stride and 5x5 kernels where it is told to", () => {
    const [usual, wide] = [fit(small), fit({ ...small, wide: true })];
    expect(wide.evaluated).toBeGreaterThan(3 * usual.evaluated);
    expect(score(wide.chosen.network)).toBeGreaterThanOrEqual(score(usual.chosen.network));
    expect(costOf(wide.chosen.network, board)).toEqual(wide.chosen);
    expect(usual.chosen.network).toMatchObject({ stemStride: 2, conv5: 0 });
    const others = wide.pareto.filter(({ network }) => network.stemStride === 1 || network.conv5 > 0);
    expect(others.length).toBeGreaterThan(0);
  });
  it("shows members of the Pareto set, from fast to slow", () => {
    const { pareto } = fit(small);
    expect(pareto.length).toBeGreaterThan(4);
    for (const { network, latencyMs } of pareto.slice(0, -1)) {
      const own = estimate(network, board, { ramBytes: small.maxRamBytes });
      const better = everything.filter(({ proxy }) => proxy >= score(network) * (1 + 1e-12));
      const dominated = better.some(
        (other) =>
          other.instructions <= own.instructions &&
          other.arenaBytes <= own.arenaBytes &&
          other.weightBytes <= own.weightBytes,
      );
      expect(dominated).toBe(false);
      expect(latencyMs[0]).toBeGreaterThan(0);
    }
    const times = pareto.slice(0, -1).map(({ latencyMs }) => latencyMs[0]);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });
  it("lets --prefer change the choice", () => {
    const most = (key: "macs" | "parameters") => Math.max(...everything.map((cost) => cost[key]));
    expect(fit({ ...small, prefer: "macs" }).chosen.macs).toBe(most("macs"));
    expect(fit({ ...small, prefer: "parameters" }).chosen.parameters).toBe(most("parameters"));
    const balanced = fit(small).chosen;
    const speed = fit({ ...small, prefer: "speed" }).chosen;
    expect(speed.latencyMs[0]).toBeLessThan(balanced.latencyMs[0]);
    expect(score(speed.network)).toBeGreaterThanOrEqual(0.5 * score(balanced.network));
    const usual = fit({ board, fps: 10 }).chosen.network.input.height;
    expect(fit({ board, fps: 10, prefer: "resolution" }).chosen.network.input.height).toBeGreaterThan(usual);
    expect(() => fit({ ...small, prefer: "size" as never })).toThrow(/prefer is "size"; known: balanced, macs/);
    for (const optimize of ["flash", "least-ram"] as const)
      expect(() => fit({ ...small, optimize })).toThrow(
        `optimize is "${optimize}": networks are solved for "speed" or "ram"`,
      );
  });
  it("keeps an energy budget", () => {
    const { chosen, fill } = fit({ board, imgsz: square(128), noTimeLimit: true, maxEnergyMj: 10 });
    expect(chosen.energyMj).toBeLessThanOrEqual(10);
    expect(chosen.energyMj).toBeGreaterThan(9.5);
    expect(fill.binding).toBe("energy");
  });
  it("keeps a power budget at the rate that is asked for, one frame a second by default", () => {
    const imgsz = square(96);
    const power = ({ chosen }: { chosen: Candidate }, fps: number) => averagePowerMw(chosen.latencyMs, board, fps);
    const once = fit({ board, imgsz, powerMw: 10 });
    expect(once.budget).toMatchObject({ latencyMs: 1000, powerMw: 10 });
    expect(power(once, 1)).toBeGreaterThan(9.5);
    expect(power(once, 1)).toBeLessThanOrEqual(10);
    expect(once.fill.power).toBeCloseTo(power(once, 1) / 10, 9);
    expect(once.fill.binding).toBe("power");
    // Half the frame rate leaves twice the energy above sleeping for each frame.
    const seldom = fit({ board, imgsz, powerMw: 10, fps: 0.5 });
    expect(power(seldom, 0.5)).toBeGreaterThan(9.5);
    expect(power(seldom, 0.5)).toBeLessThanOrEqual(10);
    expect(seldom.chosen.energyMj / once.chosen.energyMj).toBeGreaterThan(1.9);
    // A board that may be awake all the time is limited by time.
    const u385 = loadBoard("stm32u385");
    const awake = fit({ board: u385, imgsz, powerMw: 10, fps: 2 });
    expect(awake.fill.binding).toBe("latency");
    expect(awake.fill.power).toBeLessThan(0.6);
    // Without a frame rate, power limits nothing.
    const { budget, fill } = fit({ board, imgsz, powerMw: 10, noTimeLimit: true });
    expect([budget.powerMw, fill.power]).toEqual([undefined, undefined]);
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
    const { chosen } = fit({ board, imgsz: square(64), maxRamBytes: 14_000 });
    expect(chosen.ramBytes).toBeLessThanOrEqual(14_000);
    expect(chosen.network.t0).toBeLessThan(4);
  });

  it.each([
    [
      { imgsz: square(128), maxRamBytes: 4096 },
      /128x128.* needs at least [\d,]+ bytes of RAM, [\d,]+ more than the 4,096 allowed; use/,
    ],
    [
      { imgsz: square(64), maxFlashBytes: 49_176 },
      /bytes of flash \(49,152 of them for code\), [\d,]+ more than the 49,176/,
    ],
    [{ imgsz: square(64), fps: 10_000 }, /ms a frame, .* ms more than the 0\.1 allowed; ask for fewer frames/],
    [{ imgsz: square(64), maxEnergyMj: 0.1 }, /mJ an inference, .* mJ more than the 0\.10 allowed; allow more/],
    [
      { imgsz: square(128), powerMw: 3 },
      /128x128.* needs [\d.]+ mW at 1 frames\/s, [\d.]+ mW more than the 3 allowed; allow more, ask for fewer frames/,
    ],
    [
      { imgsz: square(64), powerMw: 2.5 },
      /no network fits; 2\.5 mW do not even pay for sleeping, which takes 2\.5; allow/,
    ],
    [{ imgsz: square(64), powerMw: 0 }, /powerMw is 0; it must be above 0/],
    [{ imgsz: square(64), fps: 2, noTimeLimit: true }, /fps is 2 and noTimeLimit is set; leave one of them out/],
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
    delete json.banks;
    expect(() => fit({ board: parseBoard(json) })).toThrow(
      /^board tiny: no network fits; the stack, boxes and tracks alone need 53,032 bytes of RAM, 48,936 more than/,
    );
    json.regions[1].bytes = 57_344;
    expect(() => fit({ board: parseBoard(json) })).toThrow(/^board tiny: no network fits; the smallest \(64x64/);
  });
  it("refuses an output that has no room, whatever the network", () => {
    const ra8d1 = loadBoard("ra8d1");
    expect(() => fit({ board: ra8d1, imgsz: square(192), classes: 80 })).toThrow(
      /^board ra8d1: no network fits; the stack, boxes and tracks and an output of 61,200 bytes alone need [\d,]+ bytes/,
    );
    const { network } = fit({ board: ra8d1, classes: 80 }).chosen; // a smaller input has a smaller output
    expect(network.input.height).toBeLessThan(192);
  });
  it("fills the time as Helium's kernels take it, not as the DSP extension's would", () => {
    const board = loadBoard("ra8d1");
    const options = { latencyMs: 20, imgsz: square(96), task: "classify" } as const;
    const { chosen, fill } = fit({ board, ...options });
    expect(fill).toMatchObject({ binding: "latency" });
    expect(fill.latency).toBeGreaterThan(0.95);
    const dsp = fit({ board: { ...board, simd: "dsp", countedAs: "cortex-m33" }, ...options });
    expect(chosen.macs).toBeGreaterThan(2 * dsp.chosen.macs);
  });
  it("leaves room for stack, boxes, tracks and output where they share the arena's region, or refuses", () => {
    const rp2040 = loadBoard("rp2040");
    const one = { name: "RAM", origin: 0x20000000, bytes: 100_000, use: "arena" } as const;
    const shared = { ...rp2040, name: "one", arenaRegion: "RAM", regions: [rp2040.regions[1], one] };
    const { budget, chosen } = fit({ board: parseBoard(shared), imgsz: square(96), noTimeLimit: true });
    expect(budget.ramBytes).toBe(100_000 - 16_384 - 36_648);
    expect(chosen.ramBytes + 6 * 6 * 30).toBeLessThanOrEqual(budget.ramBytes); // 30 channels: five anchors of six
    const small = [rp2040.regions[1], { ...one, name: "DATA", bytes: 32_768, use: "data" } as const];
    const regions = [...small, { ...one, origin: 0x20008000 }];
    const split = parseBoard({ ...rp2040, name: "split", arenaRegion: "RAM", regions });
    expect(() => fit({ board: split })).toThrow(/boxes and tracks alone need 53,032 bytes .* enlarge region DATA/);
    expect(fit({ board: split, task: "classify", imgsz: square(64) }).chosen.ramBytes).toBeGreaterThan(5_000);
  });

  function keeps(candidate: Candidate): void {
    expect(candidate.ramBytes).toBeLessThanOrEqual(result.budget.ramBytes);
    expect(candidate.flashBytes).toBeLessThanOrEqual(result.budget.flashBytes);
    const [low, high] = candidate.latencyMs;
    expect((low + high) / 2).toBeLessThanOrEqual(result.budget.latencyMs! + 1e-9);
    expect(candidate.energyMj).toBeGreaterThan(0);
  }
});
