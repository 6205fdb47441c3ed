import { describe, expect, it } from "vitest";
import { deployWeights, type Graph, GraphBuilder } from "../graph/index.js";
import { type FloatWeights, Random, sizeOf, type Tensor, tensor } from "../tensor/index.js";
import {
  decodeQuantized,
  encodeQuantized,
  type FloatRunner,
  lowerToInteger,
  quantize,
  quantizeInput,
} from "./index.js";

/**
 * Runs a graph of one conv2d or dense after the input (and a hardswish, pool or flatten), as far as these tests need
 * it.
 */
const run: FloatRunner = (graph, weights, inputs) => {
  const values: Record<string, Tensor<"float32">> = { ...inputs };
  for (const node of graph.nodes) {
    if (node.op === "input") continue;
    const x = values[node.inputs[0]];
    const [batch] = x.shape;
    const shape = [batch, ...graph.shapes[node.name].slice(1)];
    const out = new Float32Array(sizeOf(shape));
    if (node.op === "conv2d" || node.op === "dense") {
      const w = weights[node.parameters.weight].data;
      const bias = weights[node.parameters.bias].data;
      const channels = x.shape.at(-1)!;
      out.forEach((_, i) => {
        const f = i % bias.length;
        let sum = bias[f];
        for (let c = 0; c < channels; c++)
          sum += x.data[Math.floor(i / bias.length) * channels + c] * w[f * channels + c];
        out[i] = node.attributes.activation === "relu6" ? Math.min(6, Math.max(0, sum)) : sum;
      });
    } else if (node.op === "hardswish")
      x.data.forEach((v, i) => {
        out[i] = (v * Math.min(6, Math.max(0, v + 3))) / 6;
      });
    else if (node.op === "sigmoid")
      x.data.forEach((v, i) => {
        out[i] = 1 / (1 + Math.exp(-v));
      });
    else out.set(x.data.subarray(0, out.length));
    values[node.name] = tensor("float32", shape, out);
  }
  return values;
};

const random = new Random(8);
const picture = (): Float32Array => Float32Array.from({ length: 32 }, () => (random.integer(256) - 128) / 128);
const pictures = [picture(), picture(), picture()];

/** [1,4,4,2] -> pointwise convolution of `rows` filters -> the nodes that `after` adds. */
function pointwise(
  rows: readonly (readonly [w0: number, w1: number, bias: number])[],
  activation: "none" | "relu6" = "none",
  after: (b: GraphBuilder, y: string) => string = (_, y) => y,
): { graph: Graph; weights: FloatWeights } {
  const b = new GraphBuilder("net");
  const y = b.conv2d("y", b.input("x", [1, 4, 4, 2]), { filters: rows.length, bias: true, activation });
  const graph = b.build([after(b, y)]);
  const weights = {
    "y.weight": tensor("float32", [rows.length, 1, 1, 2], Float32Array.from(rows.flatMap((row) => row.slice(0, 2)))),
    "y.bias": tensor(
      "float32",
      [rows.length],
      Float32Array.from(rows, ([, , bias]) => bias),
    ),
  };
  return { graph, weights };
}

function linearNode(net: ReturnType<typeof quantize>) {
  const node = lowerToInteger(net.network).find((candidate) => candidate.op === "conv2d");
  if (node?.op !== "conv2d") throw new Error("no conv2d");
  return node;
}

describe("weights", () => {
  it("are symmetric, one scale a channel, biases in units of input scale * weight scale", () => {
    const { graph, weights } = pointwise([
      [1, -0.4, 0.25],
      [0.008, 0.02, -3],
    ]);
    const net = quantize(graph, weights, pictures, { run, biasCorrection: false });
    expect([...net.network.weights["y.weight"].data]).toEqual([127, -51, 51, 127]);
    const [s0, s1] = net.network.weightScales["y.weight"];
    expect(s0).toBe(Math.fround(1 / 127));
    expect(s1).toBe(Math.fround(Math.fround(0.02) / 127));
    expect([...net.network.weights["y.bias"].data]).toEqual([
      Math.round((0.25 * 128) / s0),
      Math.round((-3 * 128) / s1),
    ]);
    expect(net.network.values.x).toEqual({ scale: 1 / 128, zeroPoint: 0 });
  });

  it("of dead and nearly dead channels keep representable multipliers and exact biases", () => {
    const { graph, weights } = pointwise([
      [1, 1, 0],
      [0, 0, 0],
      [0, 0, 1.5],
      [1e-30, -1e-30, -2],
      [1e-12, 0, 0],
    ]);
    const net = quantize(graph, weights, pictures, { run });
    const node = linearNode(net);
    const { scale, zeroPoint } = net.network.values.y;
    for (let f = 0; f < 5; f++) {
      expect(node.multipliers[f]).toBeGreaterThanOrEqual(2 ** 30);
      expect(node.shifts[f]).toBeGreaterThanOrEqual(-31);
      expect(node.shifts[f]).toBeLessThanOrEqual(-1);
      // The requantised bias alone is the nearest code of its real value.
      const real = node.bias[f] * node.multipliers[f] * 2 ** (node.shifts[f] - 31);
      expect(Math.abs(real - weights["y.bias"].data[f] / scale)).toBeLessThan(0.01);
    }
    expect(zeroPoint).toBeGreaterThan(-128);
  });

  it("bias correction takes out the mean error of rounded weights", () => {
    // 0.4 of a step is rounded away, which shifts the output for inputs whose mean is -1.
    const { graph, weights } = pointwise([[1, 0.4 / 127, 0]]);
    const dark = [new Float32Array(32).fill(-1)];
    const [off, on] = [false, true].map(
      (biasCorrection) => quantize(graph, weights, dark, { run, biasCorrection }).network.weights["y.bias"].data[0],
    );
    expect(off).toBe(0);
    expect(on).toBe(-51); // -0.4 steps * 128
  });
});

describe("activations", () => {
  it("of fused ReLU6 cover 0 to what is reached, at most 6", () => {
    const { graph, weights } = pointwise([[9, 9, 0]], "relu6");
    const { network } = quantize(graph, weights, pictures, { run, ranges: "minmax" });
    expect(network.values.y).toEqual({ scale: Math.fround(6 / 255), zeroPoint: -128 });
    const node = linearNode({ network } as ReturnType<typeof quantize>);
    expect([node.clampMin, node.clampMax]).toEqual([-128, 127]);
  });

  it("leave out what their only reader cannot tell apart", () => {
    const { graph, weights } = pointwise([[30, 0, -5]], "none", (b, y) => b.hardswish("h", y));
    const { network, report } = quantize(graph, weights, pictures, { run, ranges: "minmax" });
    const covered = report.values.find(({ name }) => name === "y")!;
    expect(covered.seen.low).toBeLessThan(-20);
    expect(covered.covered.low).toBeCloseTo(-3, 0);
    expect(network.values.h.scale).toBeGreaterThan(network.values.y.scale / 128);
    const gated = pointwise([[30, 0, -5]], "none", (b, y) => b.sigmoid("s", y));
    const sigmoid = quantize(gated.graph, gated.weights, pictures, { run }).network;
    expect(sigmoid.values.y.scale).toBeLessThan(15 / 255);
    expect(sigmoid.values.s).toEqual({ scale: 1 / 256, zeroPoint: -128 });
  });

  it("of maxPool and flatten are their input's", () => {
    const { graph, weights } = pointwise([[1, 2, 0]], "none", (b, y) => b.flatten("f", b.maxPool("p", y, 2)));
    const { values } = quantize(graph, weights, pictures, { run }).network;
    expect(values.p).toBe(values.y);
    expect(values.f).toBe(values.y);
  });

  it("contain zero exactly, and a constant zero is harmless", () => {
    const { graph, weights } = pointwise([[0, 0, 0]]);
    const { network } = quantize(graph, weights, pictures, { run });
    expect(network.values.y.scale).toBeGreaterThan(0);
    expect(lowerToInteger(network)).toHaveLength(2);
  });
});

describe("errors", () => {
  const { graph, weights } = pointwise([[1, 1, 0]]);
  it("name the cause", () => {
    expect(() => quantize(graph, weights, [], { run })).toThrow(/no calibration pictures/);
    expect(() => quantize(graph, weights, [new Float32Array(33)], { run })).toThrow(
      /33 numbers; a multiple of 32 \(4x4x2\)/,
    );
    const nan = { ...weights, "y.bias": tensor("float32", [1], Float32Array.of(Number.NaN)) };
    expect(() => quantize(graph, nan, pictures, { run })).toThrow(/value "y" is not finite/);
  });
  it("of a damaged quantised network", () => {
    const { network } = quantize(graph, weights, pictures, { run });
    expect(() => lowerToInteger({ ...network, weights: {} })).toThrow(/int8 parameter "y.weight" is missing/);
    expect(() => lowerToInteger({ ...network, weightScales: {} })).toThrow(/0 weight scales for 1 output channels/);
    expect(() => lowerToInteger({ ...network, values: {} })).toThrow(/value "x" has no scale/);
  });
});

describe("files", () => {
  const { graph, weights } = pointwise([
    [1, -1, 0.5],
    [0.1, 0.7, -0.5],
  ]);
  const { network } = quantize(graph, weights, pictures, { run });
  const { json, safetensors } = encodeQuantized(network);
  it("round-trip to the last bit", () => {
    expect(decodeQuantized(json, safetensors)).toEqual(network);
    expect(encodeQuantized(decodeQuantized(json, safetensors))).toEqual({ json, safetensors });
  });
  it("are refused when damaged, by name", () => {
    for (let n = 0; n < json.length - 2; n += 13)
      expect(() => decodeQuantized(json.slice(0, n), safetensors, "q.json")).toThrow(/^q\.json: /);
    for (let n = 0; n < safetensors.length; n += 7)
      expect(() => decodeQuantized(json, safetensors.subarray(0, n), "q.json")).toThrow(/^q\.safetensors: /);
    const edited = (change: (document: Record<string, Record<string, unknown>>) => void) => {
      const document = JSON.parse(json);
      change(document);
      return () => decodeQuantized(JSON.stringify(document), safetensors, "q.json");
    };
    expect(edited((d) => delete d.values.y)).toThrow('q.json: value "y" has scale missing');
    expect(edited((d) => (d.values.y = { scale: 1, zeroPoint: 300 }))).toThrow('value "y" has zero point 300');
    expect(edited((d) => delete d.weightScales["y.weight"])).toThrow('parameter "y.weight" lacks its 2 scales');
    const { "y.bias": bias, ...rest } = network.weights;
    expect(bias.dtype).toBe("int32");
    expect(() => decodeQuantized(json, encodeQuantized({ ...network, weights: rest }).safetensors)).toThrow(
      'parameter "y.bias" is missing, not int32 [2]',
    );
    // Nor is a name that every object inherits a known tensor.
    const named = json.replaceAll('"y.bias"', '"constructor"');
    expect(() => decodeQuantized(named, safetensors, "q.json")).toThrow('parameter "constructor" is missing');
  });
});

it("quantizeInput is pixel - 128", () => {
  const pixels = Float32Array.of(0, 1, 127, 128, 255);
  expect([...quantizeInput(pixels.map((p) => p / 128 - 1))]).toEqual([-128, -127, -1, 0, 127]);
});

it("a deployed graph quantises to the same network as the trained one", () => {
  const { graph, weights } = pointwise([[1, -1, 0.5]]);
  const deployed = deployWeights(graph, weights);
  expect(quantize(deployed.graph, deployed.weights, pictures, { run })).toEqual(
    quantize(graph, weights, pictures, { run }),
  );
});
