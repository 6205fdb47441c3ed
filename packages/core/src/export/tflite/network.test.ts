/** .tflite files in TensorFlow Lite's own interpreter against the integer interpreter. */
import { describe, expect, it } from "vitest";
import { randomDetector } from "../../../../../test/random-detector.js";
import {
  nodeAlone,
  randomInput,
  randomLayer,
  randomlyQuantized,
  randomNetwork,
  valuesOf,
} from "../../../../../test/random-network.js";
import { hasTflite, runTflite } from "../../../../../test/tflite-runtime.js";
import { GraphBuilder, makeGraph, type Node } from "../../graph/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { quantizedToTflite } from "./index.js";

/** Per element of the output, how far TensorFlow Lite is from the interpreter. */
async function stepsOf(q: QuantizedNetwork, values: ReadonlyMap<string, Int8Array>): Promise<Int8Array> {
  const inputs = q.graph.nodes.filter(({ op }) => op === "input").map(({ name }) => values.get(name)!);
  const { output, shape, dataType } = await runTflite(quantizedToTflite(q), inputs);
  const [name] = q.graph.outputs;
  expect([dataType, shape]).toEqual(["int8", q.graph.shapes[name].join(",")]);
  return output.map((value, i) => Math.abs(value - values.get(name)![i]));
}

describe.skipIf(!hasTflite)("a network as .tflite", () => {
  it("computes each operator as the interpreter does, but for a rounding", async () => {
    const ops = new Map<string, { count: number; off: number }>();
    const check = async (q: QuantizedNetwork, node: Node, values: ReadonlyMap<string, Int8Array>) => {
      const steps = await stepsOf(nodeAlone(q, node), values);
      const seen = ops.get(node.op) ?? { count: 0, off: 0 };
      ops.set(node.op, { count: seen.count + steps.length, off: seen.off + steps.filter((step) => step > 0).length });
      expect([node.name, Math.max(...steps) <= 1]).toEqual([node.name, true]);
    };
    for (let seed = 0; seed < 24; seed++) {
      const q = randomLayer(seed);
      const values = valuesOf(q, randomInput(q, seed));
      for (const node of q.graph.nodes) if (node.op !== "input") await check(q, node, values);
    }
    for (const op of [
      "conv2d",
      "dense",
      "add",
      "multiply",
      "sigmoid",
      "hardswish",
      "globalAveragePool",
      "maxPool",
      "pad",
    ])
      expect([op, (ops.get(op)?.count ?? 0) > 8]).toEqual([op, true]);
    // XNNPACK rounds once where the interpreter, as TensorFlow Lite Micro, rounds twice; tables come from floats.
    for (const [op, { count, off }] of ops) expect([op, off / count < 0.1]).toEqual([op, true]);
    for (const op of ["pad", "maxPool", "flatten"]) expect([op, ops.get(op)?.off ?? 0]).toEqual([op, 0]);
  });

  it("computes whole networks: a step may become a few from layer to layer", async () => {
    for (const seed of [1, 2]) {
      const { q } = randomDetector(seed, 0.3);
      expect(Math.max(...(await stepsOf(q, valuesOf(q, randomInput(q, seed)))))).toBeLessThanOrEqual(2);
    }
    for (const seed of [1, 2, 3, 4]) {
      const q = randomNetwork(seed);
      expect(Math.max(...(await stepsOf(q, valuesOf(q, randomInput(q, seed)))))).toBeLessThanOrEqual(4);
    }
  });

  // With PyTorch's padding of 1 and stride 2, TensorFlow's SAME would begin a pixel later on even maps.
  it.each([
    [8, 8, 2, { top: 1, bottom: 1, left: 1, right: 1 }, [1, 0, 1, 0]],
    [9, 8, 2, { top: 1, bottom: 1, left: 1, right: 1 }, [1, 1, 1, 0]],
    [9, 9, 2, { top: 1, bottom: 1, left: 1, right: 1 }, "same"],
    [8, 8, 2, { top: 0, bottom: 1, left: 0, right: 1 }, "same"],
    [8, 8, 1, { top: 1, bottom: 1, left: 1, right: 1 }, "same"],
    [10, 10, 3, { top: 1, bottom: 2, left: 1, right: 2 }, "same"],
    [8, 9, 2, { top: 0, bottom: 0, left: 0, right: 0 }, "valid"],
  ] as const)(
    "pads a map of %i x %i by what windows of stride %i reach of %o: %o",
    async (height, width, stride, padding, sides) => {
      for (const kind of ["conv2d", "depthwise"] as const) {
        const builder = new GraphBuilder(kind);
        const x = builder.input("x", [1, height, width, 4]);
        const options = { kernel: 3, stride, padding, bias: true };
        const y =
          kind === "conv2d" ? builder.conv2d("y", x, { ...options, filters: 6 }) : builder.depthwise("y", x, options);
        const q = randomlyQuantized(builder.build([y]), 1);
        expect(Math.max(...(await stepsOf(q, valuesOf(q, randomInput(q, 1)))))).toBeLessThanOrEqual(1);
        const file = Buffer.from(quantizedToTflite(q));
        expect(file.includes("y:padded")).toBe(typeof sides !== "string");
        if (typeof sides === "string") continue;
        const [top, bottom, left, right] = sides;
        expect(file.includes(Buffer.from(Int32Array.of(0, 0, top, bottom, left, right, 0, 0).buffer))).toBe(true);
      }
    },
  );

  it("is the same bytes each time, and has the metadata", () => {
    const q = randomNetwork(2);
    const file = quantizedToTflite(q, { phinets: '{"anchors":[]}' });
    expect(quantizedToTflite(q, { phinets: '{"anchors":[]}' })).toEqual(file);
    expect(Buffer.from(file.subarray(4, 8)).toString()).toBe("TFL3");
    expect(Buffer.from(file).includes('{"anchors":[]}')).toBe(true);
  });
});

describe("what TensorFlow Lite has no operator for", () => {
  it("is an error that names it", () => {
    const q = randomLayer(0);
    const grouped: Node[] = q.graph.nodes.map((node) =>
      node.op === "conv2d" ? { ...node, attributes: { ...node.attributes, groups: 2, filters: 4 } } : node,
    );
    const shape = [1, 12, 12, 4];
    const nodes = grouped.map((node) => (node.op === "input" ? { ...node, attributes: { shape } } : node));
    const graph = makeGraph("grouped", nodes, q.graph.outputs);
    expect(() => quantizedToTflite({ ...q, graph })).toThrow(/^conv2d "y": 2 groups; TensorFlow Lite has 1/);
  });
});
