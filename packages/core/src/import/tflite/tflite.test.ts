/** Networks of .tflite files. test/import-tflite.test.ts checks foreign files byte for byte. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importedOnly, operatorGraph, operators } from "../../../../../test/conformance/cases/operators.js";
import { randomInput, randomlyQuantized, randomNetwork } from "../../../../../test/random-network.js";
import { quantizedToTflite } from "../../export/index.js";
import { GraphBuilder } from "../../graph/index.js";
import { runInteger } from "../../inference/index.js";
import { lowerToInteger, type QuantizedNetwork } from "../../quantization/index.js";
import { PhinetsError } from "../../tensor/index.js";
import { importTflite, isTflite } from "./index.js";
import { slots } from "./schema.js";

/** The integer program without names. */
function programOf(network: QuantizedNetwork) {
  const nodes = lowerToInteger(network);
  const places = new Map(nodes.map(({ name }, place) => [name, place]));
  return nodes.map(({ name: _, inputs, ...node }) => ({
    ...node,
    inputs: inputs.map((each) => places.get(each)),
    // .tflite cannot express padding that no window reaches.
    ...(node.op === "conv2d" && { padding: [node.padding.top, node.padding.left] }),
  }));
}

describe("our own .tflite, imported again", () => {
  it("is the same network, by every number of its program", { timeout: 60_000 }, () => {
    for (let seed = 0; seed < 60; seed++) {
      const network = randomNetwork(seed);
      const file = quantizedToTflite(network);
      const again = importTflite(file, "own.tflite");
      expect(programOf(again.network), `seed ${seed}`).toEqual(programOf(network));
    }
  });

  it.each(operators.filter(({ name }) => importedOnly.test(name)).map((each) => [each.name, each] as const))(
    "%s: is the same program",
    (_, operator) => {
      const graph = operatorGraph(operator);
      const network = randomlyQuantized(graph, 3);
      expect(programOf(importTflite(quantizedToTflite(network), "own.tflite").network)).toEqual(programOf(network));
    },
  );

  it("refuses inputs of a concatenation that have other scales than its output", () => {
    const builder = new GraphBuilder("scales");
    const x = builder.input("x", [1, 4, 4, 3]);
    const q = randomlyQuantized(builder.build([builder.concat("y", [x, builder.conv2d("c", x, { filters: 2 })])]), 1);
    const file = quantizedToTflite({ ...q, values: { ...q.values, c: { scale: 0.25, zeroPoint: 7 } } });
    expect(() => importTflite(file, "scales.tflite")).toThrow(
      'operator 1 CONCATENATION ("y"): has the input "c" of scale 0.25 and zero point 7 for an output of 0.0078125 and 0',
    );
  });

  it("refuses a resize of both kinds of centres, and one whose rounding leaves the map", () => {
    const builder = new GraphBuilder("resize");
    const attributes = { mode: "bilinear", size: [2, 3000], alignCorners: false, halfPixelCenters: false } as const;
    const x = builder.input("x", [1, 4, 46, 1]);
    expect(() => builder.resize("y", x, attributes)).toThrow(
      'resize "y": 3000 pixels of 46 are too many for ten fractional bits; resize by a smaller factor',
    );
    expect(() => builder.resize("y", x, { ...attributes, alignCorners: true, halfPixelCenters: true })).toThrow(
      'resize "y": alignCorners and halfPixelCenters are both true; at most one can be',
    );
  });

  it("keeps names, and says what the network takes", () => {
    const builder = new GraphBuilder("named");
    const x = builder.input("x", [1, 4, 4, 3]);
    const q = randomlyQuantized(builder.build([builder.conv2d("y", x, { filters: 2, kernel: 1 })]), 1);
    const { network, input, operators, notes } = importTflite(quantizedToTflite(q), "a folder/named net.tflite");
    expect(network.graph.name).toBe("named_net");
    expect(network.graph.nodes.map(({ name }) => name)).toEqual(["x", "y"]);
    expect(input).toEqual({ type: "int8", shape: [1, 4, 4, 3], ...q.values.x });
    expect(operators).toEqual([{ kind: "CONV_2D", value: "y" }]);
    expect(notes).toEqual([]);
  });
});

describe("what is no network of int8", () => {
  it("is told from other files by its content", () => {
    expect(isTflite(new Uint8Array(3))).toBe(false);
    expect(() => importTflite(new Uint8Array(100), "x.bin")).toThrow("x.bin: is no .tflite file");
  });

  it("is refused in one line whatever bytes are changed or cut", { timeout: 60_000 }, () => {
    const file = quantizedToTflite(randomNetwork(5));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.nat(file.length),
        fc.boolean(),
        (changes, end, cut) => {
          const mutant = cut ? file.slice(0, end) : file.slice();
          for (const [at, value] of changes) if (at < mutant.length) mutant[at] = value;
          try {
            importTflite(mutant, "m.tflite");
          } catch (error) {
            expect(error).toBeInstanceOf(PhinetsError);
            expect((error as Error).message).toMatch(/^m\.tflite: /);
            expect((error as Error).message).not.toContain("\n");
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("reads a matrix as a map of one row: a softmax is over each of its rows", () => {
    const builder = new GraphBuilder("rows");
    const x = builder.input("x", [1, 2, 2, 4]);
    const q = randomlyQuantized(builder.build([builder.softmax("y", builder.flatten("flat", x))]), 1);
    const file = quantizedToTflite(q);
    expect(importTflite(file, "rows.tflite").network.graph.shapes.y).toEqual([1, 16]);
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    for (let at = 0; at + 8 <= file.length; at += 4)
      if (view.getInt32(at, true) === 1 && view.getInt32(at + 4, true) === 16) {
        view.setInt32(at, 4, true);
        view.setInt32(at + 4, 4, true);
      }
    const { network } = importTflite(file, "rows.tflite");
    expect(network.graph.shapes.y).toEqual([1, 1, 4, 4]);
    const input = randomInput(network, 4);
    // A row holds one pixel's channels, so the result is that of the map itself.
    const own = new GraphBuilder("own");
    const pixels = own.build([own.softmax("y", own.input("x", [1, 2, 2, 4]))]);
    const values = { x: q.values.x, y: q.values.y };
    const [expected] = runInteger({ graph: pixels, values, weights: {}, weightScales: {} }, input);
    expect(runInteger(network, input)).toEqual([expected]);
  });

  it("has every slot once", () => {
    for (const [table, fields] of Object.entries(slots))
      expect(new Set(Object.values(fields)).size, table).toBe(Object.keys(fields).length);
  });
});
