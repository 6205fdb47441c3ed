import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deployWeights, type Graph, GraphBuilder } from "../graph/index.js";
import {
  type IntegerNode,
  layerNoise,
  lowerToInteger,
  type QuantizationParameters,
  type QuantizedNetwork,
  quantize,
  quantizeInput,
} from "../quantization/index.js";
import { type FloatWeights, PhinetsError, Random, sizeOf, tensor } from "../tensor/index.js";
import { IntegerInterpreter, runFloat, runInteger } from "./index.js";

// A second implementation, from the formulas, in BigInt and with explicit zero offsets: slow and independent.

function rescale(x: bigint, multiplier: number, shift: number): bigint {
  const left = BigInt(Math.max(0, shift));
  const right = BigInt(Math.max(0, -shift));
  const product = BigInt.asIntN(32, x << left) * BigInt(multiplier);
  const nudge = product >= 0n ? 1n << 30n : 1n - (1n << 30n);
  const high = (product + nudge) / (1n << 31n);
  if (right === 0n) return high;
  const magnitude = ((high < 0n ? -high : high) + (1n << (right - 1n))) >> right;
  return high < 0n ? -magnitude : magnitude;
}

function naive(node: IntegerNode, [a, b]: Int8Array[]): Int8Array {
  const y = new Int8Array(sizeOf(node.outputShape));
  const finish = (sum: bigint, m: number, s: number, low = -128, high = 127) =>
    Math.max(low, Math.min(high, Number(rescale(sum, m, s)) + node.outputZeroPoint));
  const [, height = 1, width = 1, channels = 1] = node.inputShapes[0] ?? [];
  const [, outHeight = 1, outWidth = 1, outChannels = 1] = node.outputShape;
  const each = (f: (oy: number, ox: number, c: number) => number) => {
    let i = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++) for (let c = 0; c < outChannels; c++) y[i++] = f(oy, ox, c);
  };
  switch (node.op) {
    case "conv2d": {
      const [kh, kw] = node.kernel;
      const perGroup = channels / node.groups;
      each((oy, ox, f) => {
        let sum = BigInt(node.bias[f]);
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const row = oy * node.stride[0] - node.padding.top + ky;
            const column = ox * node.stride[1] - node.padding.left + kx;
            if (row < 0 || column < 0 || row >= height || column >= width) continue;
            for (let c = 0; c < perGroup; c++) {
              const channel = Math.floor(f / (outChannels / node.groups)) * perGroup + c;
              const x = a[(row * width + column) * channels + channel] - node.inputZeroPoint;
              sum += BigInt(x * node.weights[((f * kh + ky) * kw + kx) * perGroup + c]);
            }
          }
        return finish(BigInt.asIntN(32, sum), node.multipliers[f], node.shifts[f], node.clampMin, node.clampMax);
      });
      break;
    }
    case "dense":
      y.forEach((_, u) => {
        let sum = BigInt(node.bias[u]);
        a.forEach((x, i) => {
          sum += BigInt((x - node.inputZeroPoint) * node.weights[u * a.length + i]);
        });
        y[u] = finish(BigInt.asIntN(32, sum), node.multipliers[u], node.shifts[u], node.clampMin, node.clampMax);
      });
      break;
    case "add":
      y.forEach((_, i) => {
        const [p, q] = ([a, b] as const).map((values, k) =>
          rescale(BigInt(values[i] - node.inputZeroPoints[k]) << 20n, node.inputMultipliers[k], node.inputShifts[k]),
        );
        y[i] = finish(p + q, node.multiplier, node.shift);
      });
      break;
    case "multiply":
      y.forEach((_, i) => {
        const other = b[b.length === a.length ? i : i % b.length];
        const product = BigInt((a[i] - node.inputZeroPoints[0]) * (other - node.inputZeroPoints[1]));
        y[i] = finish(product, node.multiplier, node.shift);
      });
      break;
    case "globalAveragePool":
      y.forEach((_, c) => {
        let sum = 0n;
        for (let i = c; i < a.length; i += y.length) sum += BigInt(a[i] - node.inputZeroPoint);
        y[c] = finish(sum, node.multiplier, node.shift);
      });
      break;
    case "lookup":
      y.forEach((_, i) => {
        y[i] = node.table[a[i] + 128];
      });
      break;
    case "maxPool":
      each((oy, ox, c) => {
        const window: number[] = [];
        for (let ky = 0; ky < node.size; ky++)
          for (let kx = 0; kx < node.size; kx++)
            window.push(a[((oy * node.stride + ky) * width + ox * node.stride + kx) * channels + c]);
        return Math.max(...window);
      });
      break;
    case "pad":
      each((oy, ox, c) => {
        const [row, column] = [oy - node.padding.top, ox - node.padding.left];
        const inside = row >= 0 && column >= 0 && row < height && column < width;
        return inside ? a[(row * width + column) * channels + c] : node.outputZeroPoint;
      });
      break;
    default:
      y.set(a);
  }
  return y;
}

/** Runs both implementations and compares every value of the network. */
function compare(network: QuantizedNetwork, input: Int8Array): void {
  const interpreter = new IntegerInterpreter(network);
  const values: Record<string, Int8Array> = {};
  for (const node of lowerToInteger(network))
    values[node.name] =
      node.op === "input"
        ? input
        : naive(
            node,
            node.inputs.map((name) => values[name]),
          );
  for (let repeat = 0; repeat < 2; repeat++) {
    // Twice: state that survives a run must not matter.
    const outputs = interpreter.run(input, (name, value, shape) => {
      expect(shape).toEqual(network.graph.shapes[name]);
      expect([name, ...value]).toEqual([name, ...values[name]]);
    });
    expect(outputs).toEqual(network.graph.outputs.map((name) => values[name]));
  }
}

const shared = new Set(["maxPool", "flatten", "pad", "relu6"]);

/** A network with random integers everywhere; scales are such that outputs neither vanish nor only saturate. */
function randomNetwork(graph: Graph, random: Random): QuantizedNetwork {
  const values: Record<string, QuantizationParameters> = {};
  const weightScales: Record<string, number[]> = {};
  const weights: Record<string, ReturnType<typeof tensor>> = {};
  for (const node of graph.nodes) {
    const input = values[node.inputs[0]];
    const scale = Math.fround(random.uniform(0.5, 1.5) * (node.op === "multiply" ? 0.5 : 0.05));
    if (node.op === "sigmoid") values[node.name] = { scale: 1 / 256, zeroPoint: -128 };
    else if (shared.has(node.op)) values[node.name] = input;
    else values[node.name] = { scale, zeroPoint: random.integer(256) - 128 };
    if (node.op !== "conv2d" && node.op !== "dense") continue;
    const shape = graph.parameters[node.parameters.weight].shape;
    const fanIn = sizeOf(shape) / shape[0];
    weightScales[node.parameters.weight] = Array.from({ length: shape[0] }, () =>
      Math.fround((scale / input.scale) * 10 ** random.uniform(-2.5, -0.5) * fanIn ** -0.5),
    );
    const data = Int8Array.from({ length: sizeOf(shape) }, () => random.integer(255) - 127);
    weights[node.parameters.weight] = tensor("int8", shape, data);
    if (node.attributes.bias)
      weights[node.parameters.bias] = tensor(
        "int32",
        [shape[0]],
        Int32Array.from({ length: shape[0] }, () => random.integer(20000) - 10000),
      );
  }
  return { graph, values, weightScales, weights };
}

const bytes = (length: number, random: Random) => Int8Array.from({ length }, () => random.integer(256) - 128);
const seed = fc.integer();

describe("against the slow reference, bit for bit", () => {
  it("convolution of any kernel, stride, padding, groups and channels", () => {
    const side = fc.integer({ min: 0, max: 2 });
    const cases = fc.record({
      height: fc.integer({ min: 3, max: 7 }),
      width: fc.integer({ min: 3, max: 7 }),
      perGroup: fc.integer({ min: 1, max: 6 }),
      filtersPerGroup: fc.integer({ min: 1, max: 6 }),
      groups: fc.integer({ min: 1, max: 5 }),
      kernel: fc.integer({ min: 1, max: 3 }),
      stride: fc.integer({ min: 1, max: 3 }),
      padding: fc.record({ top: side, bottom: side, left: side, right: side }),
      bias: fc.boolean(),
      activation: fc.constantFrom("none" as const, "relu6" as const),
    });
    fc.assert(
      fc.property(cases, seed, ({ height, width, perGroup, filtersPerGroup, groups, ...options }, key) => {
        const random = new Random(key);
        const builder = new GraphBuilder("conv");
        const x = builder.input("x", [1, height, width, perGroup * groups]);
        const y = builder.conv2d("y", x, { ...options, groups, filters: filtersPerGroup * groups });
        compare(randomNetwork(builder.build([y]), random), bytes(height * width * perGroup * groups, random));
      }),
      { numRuns: 200 },
    );
  });

  it("depthwise convolution of 1x1 to 5x5", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 9 }), seed, (kernel, channels, key) => {
        const random = new Random(key);
        const builder = new GraphBuilder("depthwise");
        const x = builder.input("x", [1, 5, 6, channels]);
        const y = builder.depthwise("y", x, { kernel, padding: kernel >> 1, stride: 1 + (key & 1), bias: true });
        compare(randomNetwork(builder.build([y]), random), bytes(30 * channels, random));
      }),
      { numRuns: 60 },
    );
  });

  it("every other op", () => {
    fc.assert(
      fc.property(seed, fc.integer({ min: 1, max: 5 }), (key, channels) => {
        const random = new Random(key);
        const b = new GraphBuilder("ops");
        const x = b.input("x", [1, 5, 4, channels]);
        const h = b.hardswish("h", x);
        const s = b.sigmoid("s", b.globalAveragePool("g", h));
        const sum = b.add("sum", b.multiply("m", h, s), b.multiply("square", x, h));
        const pooled = b.relu6("r", b.maxPool("p", b.pad("q", sum, { top: 1, bottom: 0, left: 2, right: 1 }), 3, 2));
        const logits = b.dense("d", b.flatten("f", pooled), 3, { activation: key % 2 === 0 ? "relu6" : "none" });
        const one = b.dense("e", b.flatten("k", s), 1);
        compare(randomNetwork(b.build([logits, one, sum]), random), bytes(20 * channels, random));
      }),
      { numRuns: 60 },
    );
  });

  it("sums beyond the fast path: large biases, left shifts, saturation", () => {
    const b = new GraphBuilder("large");
    const graph = b.build([b.dense("y", b.input("x", [1, 4]), 6)]);
    const network: QuantizedNetwork = {
      graph,
      values: { x: { scale: 1, zeroPoint: 0 }, y: { scale: 1, zeroPoint: 3 } },
      weightScales: { "y.weight": [2 ** -25, 2 ** -24, 3, 0.7, 2 ** -31, 2 ** -40] },
      weights: {
        "y.weight": tensor("int8", [6, 4], new Int8Array(24).fill(1)),
        "y.bias": tensor("int32", [6], Int32Array.of(2 ** 30, -(2 ** 30), 7, -7, 2 ** 31 - 1, 2 ** 31 - 1)),
      },
    };
    for (const x of [-128, -3, 0, 1, 127]) compare(network, new Int8Array(4).fill(x));
  });
});

/** A small detector-like network with every op that PhiNets have. */
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
