/** .tflite files in TensorFlow Lite's own interpreter against the integer interpreter. */
import { describe, expect, it } from "vitest";
import { randomDetector } from "../../../../../test/random-detector.js";
import { nodeAlone, randomInput, randomLayer, randomNetwork, valuesOf } from "../../../../../test/random-network.js";
import { hasTflite, runTflite } from "../../../../../test/tflite-runtime.js";
import { makeGraph, type Node } from "../../graph/index.js";
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
