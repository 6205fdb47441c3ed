import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraphs } from "../../../../test/random-graph.js";
import { deployGraph, type Graph, GraphBuilder } from "../graph/index.js";
import { buildNetwork, parseNetwork } from "../networks/index.js";
import { sizeOf } from "../tensor/index.js";
import { type ArenaPlan, planArena } from "./index.js";

function network(options: object, side = 96): Graph {
  const input = { height: side, width: side, channels: 3 };
  return deployGraph(buildNetwork(parseNetwork({ family: "phinet", input, ...options })));
}

/** Checks every guarantee of a plan, value against value. */
function check(graph: Graph, plan: ArenaPlan, alignment: number): void {
  const index = new Map(graph.nodes.map((node, i) => [node.name, i]));
  const end = graph.nodes.length - 1;
  const lastRead = new Map<string, number>();
  for (const node of graph.nodes) for (const x of node.inputs) lastRead.set(x, index.get(node.name)!);
  expect(Object.keys(plan.tensors)).toEqual(graph.nodes.map((node) => node.name));
  const placed = graph.nodes.map((node) => {
    const tensor = plan.tensors[node.name];
    expect(tensor.bytes).toBe(sizeOf(graph.shapes[node.name]));
    expect(tensor.offset % alignment).toBe(0);
    expect(tensor.offset + tensor.bytes).toBeLessThanOrEqual(plan.bytes);
    const made = index.get(node.name)!;
    expect(tensor.first).toBe(node.op === "input" ? 0 : made);
    expect(tensor.last).toBe(graph.outputs.includes(node.name) ? end : (lastRead.get(node.name) ?? made));
    if (tensor.aliasOf !== undefined) {
      const under = plan.tensors[tensor.aliasOf];
      expect(node.inputs).toContain(tensor.aliasOf);
      expect(under.last).toBe(made);
      expect([under.offset, under.bytes]).toEqual([tensor.offset, tensor.bytes]);
      expect(["hardswish", "sigmoid", "relu6", "flatten", "add", "multiply"]).toContain(node.op);
    }
    return { name: node.name, ...tensor };
  });
  for (const a of placed)
    for (const b of placed) {
      if (a.name >= b.name || a.aliasOf === b.name || b.aliasOf === a.name) continue;
      const together = a.first <= b.last && b.first <= a.last;
      const overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      expect(together && overlap, `${a.name} and ${b.name}`).toBe(false);
    }
  const rounded = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const naive = placed.reduce((sum, tensor) => sum + rounded(tensor.bytes), 0);
  expect(plan.bytes).toBeLessThanOrEqual(naive);
  expect(plan.bytes).toBeGreaterThanOrEqual(plan.lowerBoundBytes);
  // The bound itself, counted at every node; a value written onto its input counts once.
  let most = 0;
  for (let t = 0; t <= end; t++) {
    const alive = placed.filter((x) => x.first <= t && t <= x.last && !(x.first === t && x.aliasOf !== undefined));
    most = Math.max(
      most,
      alive.reduce((sum, x) => sum + rounded(x.bytes), 0),
    );
  }
  expect(plan.lowerBoundBytes).toBe(most);
}

describe("planArena", () => {
  it("keeps live values apart in random graphs", () => {
    let atBound = 0;
    let runs = 0;
    fc.assert(
      fc.property(randomGraphs(2), fc.constantFrom(1, 4, 16, 64), (graph, alignment) => {
        const plan = planArena(graph, { alignment });
        check(graph, plan, alignment);
        runs++;
        if (plan.bytes === plan.lowerBoundBytes) atBound++;
      }),
      { numRuns: 300, seed: 3 },
    );
    expect(atBound / runs).toBeGreaterThan(0.95);
  });
  it("meets the lower bound for PhiNets, whatever their options", () => {
    fc.assert(
      fc.property(
        fc.record({
          alpha: fc.double({ min: 0.05, max: 1.2, noNaN: true }),
          beta: fc.constantFrom(0.5, 1, 1.5),
          t0: fc.integer({ min: 1, max: 7 }),
          blocks: fc.integer({ min: 3, max: 10 }),
          squeezeExcite: fc.boolean(),
          conv2dInput: fc.boolean(),
          pool: fc.boolean(),
          residuals: fc.boolean(),
          head: fc.constantFrom({ kind: "none" }, { kind: "classifier", classes: 4 }, { kind: "yolov2", classes: 2 }),
        }),
        (options) => {
          const graph = network(options, 72);
          const plan = planArena(graph);
          check(graph, plan, 16);
          expect(plan.bytes).toBe(plan.lowerBoundBytes);
        },
      ),
      { numRuns: 60, seed: 5 },
    );
  });
  it("overwrites what dies, and only that", () => {
    const b = new GraphBuilder("alias");
    const x = b.conv2d("conv", b.input("in", [1, 4, 4, 8]), { filters: 8 });
    const h = b.hardswish("hs", x);
    const sum = b.add("sum", h, b.conv2d("conv2", h, { filters: 8 }));
    const plan = planArena(b.build([b.hardswish("out", sum)]));
    expect(plan.tensors.hs.aliasOf).toBe("conv");
    expect(plan.tensors.sum.aliasOf).toBe("hs");
    expect(plan.tensors.out.aliasOf).toBe("sum");
    expect(plan.bytes).toBe(256);

    const kept = new GraphBuilder("kept");
    const y = kept.conv2d("conv", kept.input("in", [1, 4, 4, 8]), { filters: 8 });
    const graph = kept.build([y, kept.hardswish("hs", y)]);
    expect(planArena(graph).tensors.hs.aliasOf).toBeUndefined();
  });
  it("counts image and expansion of an inverted residual block", () => {
    // 48x48x8, t 6: the input is kept for the sum, along with the expansion and the depthwise output.
    const b = new GraphBuilder("block");
    const x = b.input("in", [1, 48, 48, 8]);
    let y = b.conv2d("expand", x, { filters: 48 });
    y = b.depthwise("depthwise", y, { kernel: 3, padding: 1 });
    y = b.conv2d("project", y, { filters: 8 });
    const plan = planArena(b.build([b.add("sum", y, x)]));
    expect(plan.bytes).toBe(239_616); // published for this block, layer by layer
  });
  it("is deterministic", () => {
    const graph = network({ alpha: 0.35, downsampling: [5], head: { kind: "yolov2", classes: 1 } }, 128);
    expect(planArena(graph)).toEqual(planArena(graph));
  });
  it("refuses an alignment that is no power of two", () => {
    expect(() => planArena(network({}), { alignment: 12 })).toThrow(/alignment is 12; a power of two is needed/);
  });
});
