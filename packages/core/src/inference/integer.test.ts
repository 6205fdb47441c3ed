import { describe, expect, it } from "vitest";
import { runInteger as reference } from "../../../../test/conformance/references/integer.js";
import { deployWeights, type Graph, GraphBuilder } from "../graph/index.js";
import { layerNoise, type QuantizedNetwork, quantize, quantizeInput } from "../quantization/index.js";
import { type FloatWeights, PhinetsError, Random, sizeOf, tensor } from "../tensor/index.js";
import { IntegerInterpreter, runFloat, runInteger } from "./index.js";

// test/conformance checks the operators' results.

/**
 * Checks that every value of a network equals the reference's. Runs twice, since state left by a run must not matter.
 */
function compare(network: QuantizedNetwork, input: Int8Array): void {
  const interpreter = new IntegerInterpreter(network);
  const values = reference(network, input);
  for (let repeat = 0; repeat < 2; repeat++) {
    const outputs = interpreter.run(input, (name, value, shape) => {
      expect(shape).toEqual(network.graph.shapes[name]);
      expect([name, ...value]).toEqual([name, ...values.get(name)!]);
    });
    expect(outputs).toEqual(network.graph.outputs.map((name) => values.get(name)!));
  }
}

/** A small detector-like network with every op of PhiNets. */
function small(random: Random): { graph: Graph; weights: FloatWeights; pictures: Float32Array[] } {
  const b = new GraphBuilder("small");
  let x = b.input("image", [1, 17, 16, 3]);
  x = b.pad("pad", x, { top: 0, bottom: 1, left: 0, right: 1 });
  x = b.hardswish("stem.act", b.batchNorm("stem.bn", b.conv2d("stem", x, { filters: 8, kernel: 3, stride: 2 })));
  const skip = x;
  x = b.relu6("expand.act", b.batchNorm("expand.bn", b.conv2d("expand", x, { filters: 24 })));
  x = b.hardswish("dw.act", b.batchNorm("dw.bn", b.depthwise("dw", x, { kernel: 3, padding: 1 })));
  const gate = b.hardswish("se.act", b.conv2d("se1", b.globalAveragePool("se.pool", x), { filters: 4, bias: true }));
  x = b.multiply("se", x, b.sigmoid("se.gate", b.conv2d("se2", gate, { filters: 24, bias: true })));
  x = b.add("sum", b.batchNorm("project.bn", b.conv2d("project", x, { filters: 8 })), skip);
  x = b.conv2d("head", b.maxPool("pool", x, 2), { filters: 6, bias: true });
  const graph = b.build([x]);
  const weights = Object.fromEntries(
    Object.entries(graph.parameters).map(([name, { kind, shape }]) => {
      const fanIn = sizeOf(shape) / shape[0];
      const draw = () =>
        kind === "weight"
          ? random.normal() * Math.sqrt(2 / fanIn)
          : kind === "gamma" || kind === "runningVariance"
            ? random.uniform(0.5, 1.5)
            : random.normal() * 0.3;
      return [name, tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, draw))];
    }),
  );
  const pictures = Array.from({ length: 12 }, () => {
    const [fx, fy, phase] = [random.uniform(0, 0.8), random.uniform(0, 0.8), random.uniform(0, 6)];
    return Float32Array.from({ length: 17 * 16 * 3 }, (_, i) => {
      const [row, column] = [Math.floor(i / 48), Math.floor(i / 3) % 16];
      const level = Math.sin(fx * column + fy * row + phase + (i % 3)) * 90 + random.normal() * 20;
      return Math.max(-128, Math.min(127, Math.round(level))) / 128;
    });
  });
  return { graph, weights, pictures };
}

describe("a whole quantised network", () => {
  const { graph, weights, pictures } = small(new Random(21));
  for (const ranges of ["minmax", "percentile", "mse"] as const)
    it(`is close to the float network with ranges "${ranges}", and equal to the slow reference`, () => {
      const { network } = quantize(graph, weights, pictures.slice(0, 8), { run: runFloat, ranges });
      compare(network, quantizeInput(pictures[9]));
      const interpreter = new IntegerInterpreter(network);
      const noise = layerNoise(
        network,
        deployWeights(graph, weights).weights,
        pictures.slice(8),
        runFloat,
        (input, tap) => interpreter.run(input, tap),
      );
      for (const { name, snrDb } of noise) expect([name, snrDb > 22]).toEqual([name, true]);
    });

  it("copies its outputs, reuses its memory, and refuses another size", () => {
    const { network } = quantize(graph, weights, pictures, { run: runFloat });
    const interpreter = new IntegerInterpreter(network);
    const first = interpreter.run(quantizeInput(pictures[0]))[0];
    const copy = first.slice();
    const second = interpreter.run(quantizeInput(pictures[1]))[0];
    expect(first).toEqual(copy);
    expect(second).not.toEqual(first);
    expect(interpreter.run(quantizeInput(pictures[0]))[0]).toEqual(first);
    expect(runInteger(network, quantizeInput(pictures[0]))[0]).toEqual(first);
    expect(() => interpreter.run(new Int8Array(5))).toThrow("input has 5 bytes; it must have 816");
    expect(() => interpreter.run(new Int8Array(5))).toThrow(PhinetsError);
  });
});
