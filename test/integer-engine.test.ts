/** Tests of the int8 engine beyond those of test/conformance. */
import { GraphBuilder } from "@phinets/core/graph";
import { IntegerEngine, IntegerInterpreter } from "@phinets/core/inference";
import { type QuantizedNetwork, requantize } from "@phinets/core/quantization";
import { Random, tensor } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { randomInput, randomLayer, randomlyQuantized } from "./random-network.js";

describe("the int8 engine", () => {
  it("refuses inputs of another length", () => {
    const engine = new IntegerEngine(randomLayer(0));
    expect(() => engine.run(new Int8Array(engine.inputBytes + 1))).toThrow(/input has \d+ bytes; it must have \d+/);
  });
});

describe("strides that lead out of the map", () => {
  const sizes = { height: 5, width: 6, channels: 3 };
  const { height, width, channels } = sizes;
  it.each(["conv2d", "pointwise", "depthwise", "maxPool", "averagePool"])(
    "are those of the interpreter: %s",
    (kind) => {
      const stride = 32767;
      const builder = new GraphBuilder("strides");
      const x = builder.input("x", [1, height, width, channels]);
      const none = { top: 0, bottom: 0, left: 0, right: 0 };
      const y = {
        conv2d: () => builder.conv2d("y", x, { filters: 4, kernel: 3, stride, padding: 1, bias: true }),
        pointwise: () => builder.conv2d("y", x, { filters: 4, stride, bias: true }),
        depthwise: () => builder.depthwise("y", x, { kernel: 3, stride, padding: 1, bias: true }),
        maxPool: () => builder.maxPool("y", x, 2, stride),
        averagePool: () => builder.averagePool("y", x, { kernel: [2, 2], stride: [stride, stride], padding: none }),
      }[kind] as () => string;
      const q = randomlyQuantized(builder.build([y()]), 5);
      const input = randomInput(q, 5);
      expect(new IntegerEngine(q).run(input)).toEqual(new IntegerInterpreter(q).run(input));
    },
  );
});

describe("a value times a table of itself", () => {
  it.each([
    ["in either order", false],
    ["where the tables leave the network too", true],
  ])("is the interpreter's, %s", (_, leaves) => {
    const builder = new GraphBuilder("swish");
    const c = builder.conv2d("c", builder.input("x", [1, 9, 7, 5]), { filters: 11, bias: true });
    const y = builder.multiply("y", c, builder.sigmoid("s", c));
    const d = builder.conv2d("d", y, { filters: 6, bias: true });
    const z = builder.multiply("z", builder.hardswish("h", d), d);
    const q = randomlyQuantized(builder.build(leaves ? [z, "s", "h"] : [z]), 5);
    const input = randomInput(q, 5);
    expect(new IntegerEngine(q).run(input)).toEqual(new IntegerInterpreter(q).run(input));
  });
});

describe("rescaling of sums", () => {
  /** A dense layer with zero weights: its biases are the sums. The scales give the wanted multipliers. */
  function rescaled(sums: Int32Array, real: readonly number[], zeroPoint: number) {
    const builder = new GraphBuilder("sums");
    const units = sums.length;
    const y = builder.dense("y", builder.flatten("flat", builder.input("x", [1, 1, 1, 1])), units, {});
    const q: QuantizedNetwork = {
      graph: builder.build([y]),
      values: {
        x: { scale: 1 / 128, zeroPoint: 0 },
        flat: { scale: 1 / 128, zeroPoint: 0 },
        y: { scale: 1, zeroPoint },
      },
      weightScales: { "y.weight": real.map((scale) => 128 * scale) },
      weights: {
        "y.weight": tensor("int8", [units, 1], new Int8Array(units)),
        "y.bias": tensor("int32", [units], sums),
      },
    };
    const [node] = new IntegerInterpreter(q).nodes.slice(-1);
    if (node.op !== "dense") throw new Error("not a dense layer");
    return { q, node };
  }

  it("is TensorFlow Lite's for all sums and multipliers, also a hair beside a half", { timeout: 120_000 }, () => {
    const random = new Random(3, 3);
    let halves = 0;
    for (let round = 0; round < 224; round++) {
      const units = 64;
      const right = round % 32; // shifts 0..31 to the right, some to the left
      const real = Array.from({ length: units }, () =>
        Math.fround(random.uniform(0.5, 1) * 2 ** (round % 7 === 0 ? 3 : -right)),
      );
      const zeroPoint = random.integer(256) - 128;
      const draft = rescaled(new Int32Array(units), real, zeroPoint).node;
      const sums = Int32Array.from({ length: units }, (_, c) => {
        const kind = random.integer(4);
        if (kind === 0) return random.integer(2 ** 31) - 2 ** 30;
        if (kind === 1) return [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)][random.integer(5)];
        // as near to a tie as a sum can be
        const step = 2 ** 31 / draft.multipliers[c] / 2 ** draft.shifts[c];
        const sum = Math.round((random.integer(520) - 260 + 0.5) * step) + random.integer(3) - 1;
        if (Math.abs(sum) < 2 ** 30) halves++;
        return Math.max(-(2 ** 30), Math.min(2 ** 30, sum));
      });
      const { q, node } = rescaled(sums, real, zeroPoint);
      const [found] = new IntegerEngine(q).run(Int8Array.of(0));
      const wanted = Int8Array.from(sums, (sum, c) =>
        requantize(sum, node.multipliers[c], node.shifts[c], zeroPoint, node.clampMin, node.clampMax),
      );
      expect(found, `round ${round}`).toEqual(wanted);
    }
    expect(halves).toBeGreaterThan(3000);
  });
});
