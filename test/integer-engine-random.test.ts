/**
 * Compares the int8 engine with the integer interpreter: every byte of a thousand random networks, and of every
 * possible sum of a layer.
 */
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerEngine, IntegerInterpreter } from "@phinets/core/inference";
import type { QuantizedNetwork } from "@phinets/core/quantization";
import { Random, tensor } from "@phinets/core/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraphs } from "./random-graph.js";
import { randomMoves } from "./random-moves.js";
import { randomInput, randomLayer, randomlyQuantized } from "./random-network.js";

function expectEqual(q: QuantizedNetwork, seed: number): void {
  const engine = new IntegerEngine(q);
  const interpreter = new IntegerInterpreter(q);
  const extreme = new Int8Array(engine.inputBytes).fill(seed % 2 === 0 ? -128 : 127);
  for (const input of [randomInput(q, seed), extreme]) {
    const found = engine.run(input);
    const differing = interpreter.run(input).map((wanted, i) => countDiffering(found[i], wanted));
    expect(differing, `seed ${seed}`).toEqual(found.map(() => 0));
  }
}

/** A layer after one that gives its input a random zero point; kernels are not square. */
function fewChannels(seed: number): QuantizedNetwork {
  const random = new Random(seed, 3);
  const between = (low: number, high: number): number => low + random.integer(high - low + 1);
  const builder = new GraphBuilder(`few${seed}`);
  const kernel: [number, number] = [between(1, 5), between(1, 5)];
  const side = (size: number): number => random.integer(size);
  const padding = { top: side(kernel[0]), bottom: side(kernel[0]), left: side(kernel[1]), right: side(kernel[1]) };
  const x = builder.input("x", [1, between(5, 11), between(5, 11), between(1, 9)]);
  const few = builder.conv2d("few", x, { filters: between(1, 7), bias: true });
  const stride = between(1, 3);
  const y = builder.conv2d("y", few, { kernel, stride, padding, filters: between(1, 11), bias: true });
  return randomlyQuantized(builder.build([y]), seed);
}

function countDiffering(found: Int8Array, wanted: Int8Array): number {
  let count = Math.abs(found.length - wanted.length);
  for (let i = 0; i < wanted.length; i++) if (found[i] !== wanted[i]) count++;
  return count;
}

describe("the int8 engine equals the interpreter", () => {
  it("in 700 layers of every kind", { timeout: 240_000 }, () => {
    for (let seed = 1000; seed < 1700; seed++) expectEqual(randomLayer(seed), seed);
  });

  it("in 100 layers whose windows have few channels and a border that is not 0", { timeout: 240_000 }, () => {
    for (let seed = 1000; seed < 1100; seed++) expectEqual(fewChannels(seed), seed);
  });

  it("in 100 networks that move bytes", { timeout: 240_000 }, () => {
    for (let seed = 1000; seed < 1100; seed++) expectEqual(randomlyQuantized(randomMoves(seed), seed), seed);
  });

  it("in 300 graphs", { timeout: 240_000 }, () => {
    const property = fc.property(randomGraphs(1), fc.nat(1000), (graph, seed) =>
      expectEqual(randomlyQuantized(graph, seed), seed),
    );
    fc.assert(property, { numRuns: 300 });
  });

  it("for every sum of a layer of two inputs, whatever its scales", { timeout: 240_000 }, () => {
    const random = new Random(4, 9);
    const pixels = new Int8Array(2 * 65536).map((_, i) => (i & 1 ? (i >> 1) & 255 : i >> 9) - 128);
    for (let round = 0; round < 8; round++) {
      const builder = new GraphBuilder("pairs");
      const filters = 40;
      const y = builder.conv2d("y", builder.input("x", [1, 256, 256, 2]), { filters, bias: true });
      const scale = (): number => Math.fround(2 ** random.uniform(round === 7 ? -20 : -9, round === 6 ? 2 : -3));
      const q: QuantizedNetwork = {
        graph: builder.build([y]),
        values: { x: { scale: 1, zeroPoint: 0 }, y: { scale: 1, zeroPoint: random.integer(256) - 128 } },
        weightScales: { "y.weight": Array.from({ length: filters }, scale) },
        weights: {
          // 127 a + b: all sums from -16384 to 16256
          "y.weight": tensor(
            "int8",
            [filters, 1, 1, 2],
            new Int8Array(2 * filters).map((_, i) => (i & 1 ? 1 : 127)),
          ),
          "y.bias": tensor(
            "int32",
            [filters],
            new Int32Array(filters).map(() => random.integer(2000) - 1000),
          ),
        },
      };
      const [found] = new IntegerEngine(q).run(pixels);
      const [wanted] = new IntegerInterpreter(q).run(pixels);
      expect(countDiffering(found, wanted), `round ${round}`).toBe(0);
    }
  });
});
