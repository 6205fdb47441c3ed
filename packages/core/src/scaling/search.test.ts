import { describe, expect, it } from "vitest";
import { countInstructions, countMacs, countParameters } from "../cost/index.js";
import { deployGraph } from "../graph/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { loadBoard, programOf, readSlackBytes, weightBytes } from "../target/index.js";
import { ARENA_BYTES, ENTRIES, fields, INSTRUCTIONS, MACS, WEIGHT_BYTES } from "./estimate.js";
import { alphaOfStem, type Task } from "./index.js";
import { costRow, costsGrow, lattice, shapesOf, type Tier, tiers } from "./lattice.js";
import { isWithin, type Limits, noLimits, worstOf } from "./limits.js";
import { walk } from "./search.js";
import { Skeleton } from "./skeleton.js";

const board = loadBoard("stm32h743");
const square = (side: number) => ({ height: side, width: side });

describe("lattice", () => {
  it("moves the stem by one channel a step", () => {
    for (let channels = 1; channels <= 200; channels++)
      expect(Math.trunc(48 * alphaOfStem(channels)), `${channels}`).toBe(channels);
  });
  it("holds legal networks only, and costs each as its graph does", () => {
    const { input, head } = parseNetwork({
      family: "phinet",
      input: { ...square(72), channels: 3 },
      head: { kind: "yolov2", classes: 2 },
    });
    const common = new Skeleton(board);
    let places = 0;
    let built = 0;
    const layouts = new Set<string>();
    for (const tier of tiers) {
      const shapes = shapesOf(tier);
      for (const column of lattice(tier, "detect", input, head, true))
        for (const row of column) {
          if (places++ % 283 !== 0) continue;
          const { stemStride, conv5, downsampling } = row.network;
          layouts.add(`${stemStride} ${conv5}`);
          expect(4 * stemStride * 2 ** downsampling.length).toBe(16);
          const wanted = (places * 7) % (2 * shapes.length);
          const out = new Float64Array(fields);
          common.take(row.network);
          costRow(
            row,
            common,
            () => noLimits,
            out,
            (shape, squeezeExcite) => {
              if (shape * 2 + Number(squeezeExcite) !== wanted) return;
              const network = { ...row.network, ...shapes[shape], squeezeExcite };
              expect(parseNetwork(JSON.parse(JSON.stringify(network)))).toEqual(network);
              const graph = buildNetwork(network);
              const program = programOf(deployGraph(graph), board, { flashBytes: Number.POSITIVE_INFINITY });
              expect([...out]).toEqual([
                countParameters(graph),
                countMacs(graph),
                expect.any(Number),
                expect.any(Number),
                weightBytes(program).total,
                program.lowerBoundBytes + readSlackBytes,
                program.stream.schedule.length,
              ]);
              expect(out[INSTRUCTIONS] / countInstructions(program, board)).toBeCloseTo(1, 12);
              built++;
            },
          );
        }
    }
    expect(built).toBeGreaterThan(150);
    expect([...layouts].sort()).toEqual(["1 0", "1 0.5", "1 1", "2 0", "2 0.5", "2 1"]);
  });
  it("costs at least as much down a column, where costsGrow says so", () => {
    const { input, head } = parseNetwork({ family: "phinet", input: square(64), head: { kind: "yolov2", classes: 1 } });
    const common = new Skeleton(board);
    let compared = 0;
    let columns = 0;
    for (const column of lattice("ordinary", "detect", input, head)) {
      if (columns++ % 5 !== 0) continue;
      let before: Float64Array[] | undefined;
      for (const row of column) {
        const costs: Float64Array[] = [];
        const out = new Float64Array(fields);
        common.take(row.network);
        costRow(
          row,
          common,
          () => noLimits,
          out,
          () => costs.push(out.slice(0, ENTRIES)),
        );
        if (before !== undefined)
          for (const [i, cost] of costs.entries())
            if (!cost.every((value, field) => value >= before![i][field])) throw new Error(JSON.stringify(row.network));
        compared++;
        before = costsGrow(row.network) ? costs : undefined;
      }
    }
    expect(compared).toBeGreaterThan(1000);
  });
  it("has more than half a million networks of one input size, and costs them all", () => {
    const { input, head } = parseNetwork({
      family: "phinet",
      input: square(160),
      head: { kind: "yolov2", classes: 1 },
    });
    // bench/scaling/speed.mjs measures the speed.
    expect(walk("ordinary", "detect", input, head, board, noLimits).evaluated).toBeGreaterThan(500_000);
  });
});

describe("walk", () => {
  const size = { height: 64, width: 48 };
  const heads = { detect: { kind: "yolov2", classes: 2 }, classify: { kind: "classifier", classes: 5 } } as const;
  /** All costs of a tier, and the walk, with limits. */
  const both = (name: string, tier: Tier, task: Task, limits: Limits, ratio?: number) => {
    const target = loadBoard(name);
    const { input, head } = parseNetwork({ family: "phinet", input: { ...size, channels: 3 }, head: heads[task] });
    const programRequest = { ramBytes: limits.arenaBytes };
    const common = new Skeleton(target, programRequest);
    const out = new Float64Array(fields);
    const all: Limits[] = [];
    for (const column of lattice(tier, task, input, head))
      for (const row of column) {
        common.take(row.network);
        costRow(
          row,
          common,
          () => noLimits,
          out,
          () => {
            const [macs, instructions, weightBytes, arenaBytes] = [MACS, INSTRUCTIONS, WEIGHT_BYTES, ARENA_BYTES].map(
              (i) => out[i],
            );
            all.push({ macs, instructions, weightBytes, arenaBytes });
          },
        );
      }
    return { all, found: walk(tier, task, input, head, target, limits, { ...programRequest, ratio }) };
  };
  const limits: readonly Partial<Limits>[] = [
    { arenaBytes: 14_000 },
    { weightBytes: 24_000 },
    { instructions: 3e6 },
    { macs: 4e5 },
    { arenaBytes: 12_000, weightBytes: 20_000, instructions: 4e6 },
  ];
  it.each(["stm32h743", "rp2040", "stm32f746"])("leaves out nothing that fits a %s", (name) => {
    for (const task of ["detect", "classify"] as const)
      for (const some of limits) {
        const most = { ...noLimits, ...some };
        const { all, found } = both(name, "small", task, most);
        const fitting = all.filter((needs) => isWithin(needs, most));
        expect(found.fitting.count).toBe(fitting.length);
        expect(fitting.length).toBeGreaterThan(20);
        expect(found.evaluated).toBeLessThanOrEqual(all.length);
        expect([...found.fitting.arenaBytes.slice(0, fitting.length)]).toEqual(
          fitting.map(({ arenaBytes }) => arenaBytes),
        );
      }
  });
  it.each(["stm32h743", "rp2040"])("finds the nearest miss where nothing fits a %s", (name) => {
    for (const task of ["detect", "classify"] as const)
      for (const resource of ["arenaBytes", "weightBytes", "instructions", "macs"] as const) {
        const most = { ...noLimits, [resource]: 2000 };
        const { all, found } = both(name, "small", task, most);
        const least = Math.min(...all.map((needs) => worstOf(needs, most).ratio));
        expect(found.nearest).toMatchObject({ resource, ratio: least, allowed: 2000 });
        expect(found.fitting.count).toBe(0);
        expect(both(name, "small", task, most, least).found.nearest).toBeUndefined();
      }
  });
});
