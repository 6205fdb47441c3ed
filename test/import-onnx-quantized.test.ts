/** Networks written by ONNX Runtime's static quantiser (QDQ): each layer is within one step of ONNX Runtime's. */
import { quantizedToTflite } from "@phinets/core/export";
import { importQuantizedOnnx, importTflite, isQuantizedOnnx } from "@phinets/core/import";
import { IntegerEngine, runInteger } from "@phinets/core/inference";
import { Random, sizeOf } from "@phinets/core/tensor";
import * as ort from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { OnnxFileBuilder } from "./onnx-file.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

type Shape = readonly number[];
type Activation = "int8" | "uint8";
type Quantization = readonly [scale: number, zeroPoint: number];

/** A file under construction; zero points are given for int8, and are 128 larger in a file of uint8. */
class Net extends OnnxFileBuilder {
  readonly #random: Random;
  #count = 0;

  constructor(
    readonly activation: Activation,
    seed = 1,
  ) {
    super();
    this.#random = new Random(seed, 2);
  }

  #scale(scale: number | Float32Array): string {
    const data = typeof scale === "number" ? Float32Array.of(scale) : scale;
    return this.constant(`scale${this.#count++}`, { shape: typeof scale === "number" ? [] : [data.length], data });
  }

  #zero([, zeroPoint]: Quantization): string {
    const data = [zeroPoint + (this.activation === "uint8" ? 128 : 0)];
    return this.constant(`zero${this.#count++}`, { shape: [], data, type: this.activation });
  }

  quantize(x: string, quantization: Quantization, name = ""): string {
    return this.node("QuantizeLinear", [x, this.#scale(quantization[0]), this.#zero(quantization)], {}, name);
  }

  /** Quantises and dequantises a value. */
  qdq(x: string, quantization: Quantization): string {
    const scale = this.#scale(quantization[0]);
    const zero = this.#zero(quantization);
    return this.node("DequantizeLinear", [this.node("QuantizeLinear", [x, scale, zero]), scale, zero]);
  }

  /** int8 weights, with one scale for all or one per index of an axis. */
  weight(shape: Shape, axis?: number): { name: string; scales: Float32Array } {
    const data = Array.from({ length: sizeOf(shape) }, () => this.#random.integer(255) - 127);
    const fanIn = sizeOf(shape) / shape[axis ?? 0];
    const count = axis === undefined ? 1 : shape[axis];
    const scales = Float32Array.from({ length: count }, () => this.#random.uniform(0.5, 1.5) / (60 * Math.sqrt(fanIn)));
    const integers = this.constant(`weight${this.#count++}`, { shape, data, type: "int8" });
    const of = axis === undefined ? scales[0] : scales;
    const zeros =
      axis === undefined ? { shape: [], data: [0] } : { shape: [count], data: new Array<number>(count).fill(0) };
    const zero = this.constant(`zero${this.#count++}`, { ...zeros, type: "int8" });
    const name = this.node("DequantizeLinear", [integers, this.#scale(of), zero], axis === undefined ? {} : { axis });
    return { name, scales };
  }

  bias(outputs: number, inputScale: number, scales: Float32Array): string {
    const data = Array.from({ length: outputs }, () => this.#random.integer(4001) - 2000);
    const name = this.constant(`bias${this.#count++}`, { shape: [outputs], data, type: "int32" });
    const product = scales.map((scale) => scale * inputScale);
    const of = scales.length === 1 ? product[0] : product;
    return this.node("DequantizeLinear", [name, this.#scale(of)], scales.length === 1 ? {} : { axis: 0 });
  }

  conv(x: string, [filters, channels, kernel]: readonly [number, number, number], options: Conv): string {
    const { perChannel = true, groups = 1, stride = 1, pad = kernel >> 1, inputScale, bias = true } = options;
    const weight = this.weight([filters, channels / groups, kernel, kernel], perChannel ? 0 : undefined);
    const inputs = [x, weight.name, ...(bias ? [this.bias(filters, inputScale, weight.scales)] : [])];
    return this.node("Conv", inputs, {
      ...{ group: groups, kernel_shape: [kernel, kernel], pads: [pad, pad, pad, pad], strides: [stride, stride] },
    });
  }

  /** A quantised and dequantised constant. */
  number(shape: Shape, data: readonly number[], [scale, zeroPoint]: Quantization): string {
    const integers = this.constant(`constant${this.#count++}`, { shape, data, type: this.activation });
    return this.node("DequantizeLinear", [integers, this.#scale(scale), this.#zero([scale, zeroPoint])]);
  }
}

interface Conv {
  readonly perChannel?: boolean;
  readonly groups?: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly inputScale: number;
  readonly bias?: boolean;
}

const input: Quantization = [0.025, -7];

interface Layer {
  readonly shape?: Shape;
  readonly output: Shape;
  /** Adds nodes after the quantised input; returns the name of the value to quantise. */
  build(net: Net, x: string): string;
  readonly quantization?: Quantization;
  /** Operators of the int8 network, without the input. */
  readonly ops: readonly string[];
  /** Whether TensorFlow Lite supports it. Default true. */
  readonly tflite?: boolean;
}

const conv = { inputScale: input[0] };
const layers: Readonly<Record<string, Layer>> = {
  "Conv, a scale a channel": {
    output: [1, 8, 4, 5],
    build: (net, x) => net.conv(x, [8, 6, 3], { ...conv, stride: 2 }),
    ops: ["conv2d"],
  },
  "Conv, one scale, no bias, a window of two": {
    output: [1, 5, 7, 8],
    build: (net, x) => net.conv(x, [5, 6, 2], { ...conv, perChannel: false, bias: false, pad: 0 }),
    ops: ["conv2d"],
  },
  "Conv, depthwise, a Relu before its QuantizeLinear": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Relu", [net.conv(x, [6, 6, 3], { ...conv, groups: 6 })]),
    quantization: [0.02, -128],
    ops: ["conv2d"],
  },
  "Conv, a Relu, a zero point in the middle": {
    output: [1, 4, 8, 9],
    build: (net, x) => net.node("Relu", [net.conv(x, [4, 6, 1], conv)]),
    quantization: [0.03, 3],
    ops: ["conv2d", "relu"],
  },
  "Conv, Clip to 0..6": {
    output: [1, 4, 8, 9],
    build(net, x) {
      const [low, high] = [0, 6].map((value, i) =>
        net.constant(`bound${i}`, { shape: [], data: Float32Array.of(value) }),
      );
      return net.node("Clip", [net.conv(x, [4, 6, 3], { ...conv, groups: 2 }), low, high]);
    },
    quantization: [0.01, -128],
    ops: ["conv2d"],
  },
  "Relu and Clip of values that are quantised before": {
    output: [1, 6, 8, 9],
    build(net, x) {
      const y = net.qdq(net.node("Relu", [x]), [0.02, -128]);
      const bounds = [0, 6].map((value, i) => net.constant(`bound${i}`, { shape: [], data: Float32Array.of(value) }));
      return net.node("Clip", [y, ...bounds]);
    },
    quantization: [0.02, -128],
    ops: ["relu", "relu6"],
  },
  "Gemm of a flattened map": {
    output: [1, 7],
    build(net, x) {
      const weight = net.weight([7, 432], 0);
      const flat = net.qdq(net.node("Flatten", [x]), input);
      return net.node("Gemm", [flat, weight.name, net.bias(7, input[0], weight.scales)], { transB: 1 });
    },
    ops: ["flatten", "dense"],
  },
  "MatMul, one scale, and a bias added": {
    shape: [1, 20],
    output: [1, 9],
    build(net, x) {
      const y = net.qdq(net.node("MatMul", [x, net.weight([20, 9]).name]), [0.02, 5]);
      return net.node("Add", [y, net.number([9], [1, 2, 3, 50, 60, 70, 100, 101, 102], [0.01, -20])]);
    },
    ops: ["dense", "constant", "add"],
  },
  "MatMul, a scale a unit": {
    shape: [1, 20],
    output: [1, 9],
    build: (net, x) => net.node("MatMul", [x, net.weight([20, 9], 1).name]),
    ops: ["dense"],
  },
  "Add and Sub of values": {
    output: [1, 6, 8, 9],
    build(net, x) {
      const y = net.qdq(net.conv(x, [6, 6, 1], conv), [0.03, 9]);
      return net.node("Sub", [net.qdq(net.node("Add", [x, y]), [0.05, 4]), y]);
    },
    quantization: [0.06, -3],
    ops: ["conv2d", "add", "subtract"],
  },
  "Mul by a factor a channel": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Mul", [net.qdq(net.node("GlobalAveragePool", [x]), [0.004, 0]), x]),
    quantization: [0.02, 0],
    ops: ["globalAveragePool", "multiply"],
  },
  "Mul by constants": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Mul", [x, net.number([1, 6, 1, 1], [9, 30, 60, 90, 110, 127], [0.02, 0])]),
    quantization: [0.02, 0],
    ops: ["constant", "multiply"],
  },
  "Div by a number": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Div", [x, net.constant("six", { shape: [], data: Float32Array.of(6) })]),
    quantization: [0.005, 0],
    ops: ["constant", "multiply"],
  },
  "GlobalAveragePool of another scale": {
    output: [1, 6, 1, 1],
    build: (net, x) => net.node("GlobalAveragePool", [x]),
    quantization: [0.004, -30],
    ops: ["globalAveragePool"],
  },
  "ReduceMean without its dimensions": {
    output: [1, 6],
    build: (net, x) => net.node("ReduceMean", [x], { axes: [2, 3], keepdims: 0 }),
    quantization: [0.004, 20],
    ops: ["globalAveragePool", "flatten"],
  },
  "MaxPool of three with padding": {
    output: [1, 6, 4, 5],
    build: (net, x) => net.node("MaxPool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] }),
    quantization: input,
    ops: ["maxWindow"],
    // Its padding is neither SAME nor VALID.
    tflite: false,
  },
  "AveragePool of the same scale": {
    output: [1, 6, 4, 4],
    build: (net, x) => net.node("AveragePool", [x], { kernel_shape: [2, 2], strides: [2, 2] }),
    quantization: input,
    ops: ["averagePool"],
  },
  "AveragePool of a finer scale": {
    output: [1, 6, 6, 7],
    build: (net, x) => net.node("AveragePool", [x], { kernel_shape: [3, 3] }),
    quantization: [0.007, 3],
    ops: ["conv2d"],
  },
  "Concat of two scales, along channels": {
    output: [1, 16, 8, 9],
    build: (net, x) => net.node("Concat", [x, net.qdq(net.conv(x, [10, 6, 1], conv), [0.02, 4])], { axis: 1 }),
    quantization: [0.03, -5],
    ops: ["conv2d", "unary", "unary", "concat"],
  },
  "Split, Slice, Max and Concat": {
    output: [1, 6, 8, 4],
    build(net, x) {
      const sizes = net.constant("sizes", { shape: [2], data: [2, 4] });
      const other = net.node("Split", [x, sizes], { axis: 1 }, "a", ["b"]);
      const joined = net.qdq(net.node("Concat", [net.qdq("b", input), net.qdq(other, input)], { axis: 1 }), input);
      const bounds = [[0], [-2], [3], [2]].map((data, i) => net.constant(`cut${i}`, { shape: [1], data }));
      const sliced = net.qdq(net.node("Slice", [joined, ...bounds]), input);
      return net.node("Max", [sliced, net.qdq(net.node("Slice", [x, ...bounds]), input)]);
    },
    quantization: input,
    ops: ["slice", "slice", "concat", "slice", "slice", "maximum"],
  },
  "Resize as PyTorch writes nearest": {
    output: [1, 6, 16, 27],
    build(net, x) {
      const scales = net.constant("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 3) });
      return net.node("Resize", [x, "", scales], {
        ...{ mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
      });
    },
    quantization: input,
    ops: ["resize"],
  },
  "Resize to the nearest by whole factors": {
    output: [1, 6, 24, 18],
    build: (net, x) => net.node("Resize", [x, "", "", net.constant("sizes", { shape: [4], data: [1, 6, 24, 18] })]),
    quantization: input,
    ops: ["resize"],
  },
  "Resize, linear": {
    output: [1, 6, 13, 18],
    build: (net, x) =>
      net.node("Resize", [x, "", "", net.constant("sizes", { shape: [4], data: [1, 6, 13, 18] })], {
        ...{ mode: "linear", coordinate_transformation_mode: "half_pixel" },
      }),
    quantization: input,
    ops: ["resize"],
  },
  "rows of boxes, one map's behind the other's": {
    output: [1, 216, 4],
    build(net, x) {
      const rows = (y: string, name: string) => {
        const shape = net.constant(name, { shape: [3], data: [1, -1, 4] });
        return net.qdq(net.node("Reshape", [net.node("Transpose", [y], { perm: [0, 2, 3, 1] }), shape]), [0.05, 0]);
      };
      const [a, b] = [4, 8].map((filters) => net.qdq(net.conv(x, [filters, 6, 1], conv), [0.05, 0]));
      return net.node("Concat", [rows(a, "fine"), rows(b, "coarse")], { axis: 1 });
    },
    quantization: [0.05, 0],
    ops: ["conv2d", "conv2d", "reshape", "reshape", "concat"],
  },
  "Sigmoid of a scale of its own": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Sigmoid", [x]),
    quantization: [1 / 255, -128],
    ops: ["sigmoid", "unary"],
  },
  HardSwish: {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("HardSwish", [x]),
    quantization: [0.0145, -102],
    ops: ["hardswish"],
  },
  "x * HardSigmoid(x), quantised between": {
    output: [1, 6, 8, 9],
    build(net, x) {
      const gate = net.node("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
      return net.node("Mul", [x, net.qdq(gate, [1 / 255, -128])]);
    },
    quantization: [0.02, -102],
    ops: ["hardswish"],
  },
  LeakyRelu: {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("LeakyRelu", [x], { alpha: { float: 0.1 } }),
    quantization: [0.014, -100],
    ops: ["unary"],
  },
  "Tanh of a scale of its own": {
    output: [1, 6, 8, 9],
    build: (net, x) => net.node("Tanh", [x]),
    quantization: [1 / 127, 0],
    ops: ["unary", "unary"],
  },
  "Softmax of a vector": {
    shape: [1, 12],
    output: [1, 12],
    build: (net, x) => net.node("Softmax", [x], { axis: 1 }),
    quantization: [1 / 256, -128],
    ops: ["softmax"],
  },
  "a vector as a map of one pixel, padded": {
    shape: [1, 6, 4, 4],
    output: [1, 8, 3, 2],
    build(net, x) {
      const y = net.qdq(
        net.node("Pad", [x, net.constant("pads", { shape: [8], data: [0, 0, 1, 0, 0, 0, 0, 0] })]),
        input,
      );
      return net.conv(y, [8, 6, 3], { ...conv, pad: 0 });
    },
    ops: ["conv2d"],
  },
  "a vector that gates a map": {
    output: [1, 6, 8, 9],
    build(net, x) {
      const mean = net.qdq(net.node("GlobalAveragePool", [x]), [0.004, -30]);
      const flat = net.qdq(net.node("Flatten", [mean]), [0.004, -30]);
      const weight = net.weight([6, 6], 0);
      const gate = net.qdq(net.node("Gemm", [flat, weight.name], { transB: 1 }), [0.004, 0]);
      const shape = net.constant("shape", { shape: [4], data: [1, 6, 1, 1] });
      return net.node("Mul", [x, net.qdq(net.node("Reshape", [gate, shape]), [0.004, 0])]);
    },
    quantization: [0.02, 0],
    ops: ["globalAveragePool", "flatten", "dense", "reshape", "multiply"],
  },
};

function fileOf({ shape = [1, 6, 8, 9], output, build, quantization = [0.05, 11] }: Layer, activation: Activation) {
  const net = new Net(activation);
  net.input("input", shape);
  net.quantize(build(net, net.qdq("input", input)), quantization, "output");
  net.output("output", output, activation);
  return net.encode(14);
}

async function reference(file: Uint8Array, data: Float32Array, shape: Shape): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  try {
    return (await session.run({ input: new ort.Tensor("float32", data, shape) })).output;
  } finally {
    await session.release();
  }
}

/** Moves the channels from first to last; a vector stays as it is. */
function lastOfFirst<T extends Int8Array | Float32Array>(data: T, shape: Shape): T {
  if (shape.length !== 4) return data;
  const [, channels, height, width] = shape;
  const pixels = height * width;
  return data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]) as T;
}

/** Random bytes, and the floats from which the input's QuantizeLinear makes them. */
function draw(shape: Shape): { bytes: Int8Array; floats: Float32Array } {
  const random = new Random(9, 1);
  const bytes = Int8Array.from({ length: sizeOf(shape) }, () => random.integer(256) - 128);
  return { bytes, floats: Float32Array.from(bytes, (byte) => (byte - input[1]) * input[0]) };
}

/** ONNX Runtime's output bytes, as int8. */
const bytesOf = ({ data }: ort.Tensor, activation: Activation): Int8Array =>
  Int8Array.from(data as Uint8Array, (byte) => byte - (activation === "uint8" ? 128 : 0));

describe("a layer is within one step of ONNX Runtime's", () => {
  it.each(
    Object.entries(layers).flatMap(([name, layer]) => [
      [name, "uint8", layer] as const,
      [name, "int8", layer] as const,
    ]),
  )("%s, %s", async (_, activation, layer) => {
    const { shape = [1, 6, 8, 9], output, ops, tflite = true } = layer;
    const file = fileOf(layer, activation);
    expect(isQuantizedOnnx(file, "net.onnx")).toBe(true);
    const { network, input: taken } = importQuantizedOnnx(file, "net.onnx");
    expect(taken).toMatchObject({ type: "float32", zeroPoint: input[1] });
    expect(network.graph.nodes.slice(1).map(({ op }) => op)).toEqual(ops);
    const { bytes, floats } = draw(shape);
    const expected = lastOfFirst(bytesOf(await reference(file, floats, shape), activation), output);
    const given = lastOfFirst(bytes, shape);
    const [found] = runInteger(network, given);
    expect(new IntegerEngine(network).run(given)).toEqual([found]);
    // Exported to TensorFlow Lite's format and imported again, it is the same.
    if (tflite)
      expect(runInteger(importTflite(quantizedToTflite(network), "net.tflite").network, given)).toEqual([found]);
    expect(found.length).toBe(expected.length);
    const differences = found.map((byte, i) => Math.abs(byte - expected[i]));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    // Constant outputs would test nothing.
    expect(new Set(expected).size).toBeGreaterThan(3);
  });
});

type Operands = readonly [tensor: string, scale: string, zero: string];

/** A file in the QOperator format: values are integers. */
class QNet extends Net {
  #number = 0;

  by([scale, zeroPoint]: Quantization): [string, string] {
    const name = `by${this.#number++}`;
    const data = [zeroPoint + (this.activation === "uint8" ? 128 : 0)];
    return [
      this.constant(`${name}.scale`, { shape: [], data: Float32Array.of(scale) }),
      this.constant(`${name}.zero`, { shape: [], data, type: this.activation }),
    ];
  }

  integers(shape: Shape, scales: Float32Array, seed: number): Operands {
    const random = new Random(seed, 3);
    const name = `integers${this.#number++}`;
    const data = Array.from({ length: sizeOf(shape) }, () => random.integer(255) - 127);
    const of = scales.length === 1 ? [] : [scales.length];
    return [
      this.constant(name, { shape, data, type: "int8" }),
      this.constant(`${name}.scale`, { shape: of, data: scales }),
      this.constant(`${name}.zero`, { shape: of, data: new Array<number>(scales.length).fill(0), type: "int8" }),
    ];
  }

  biases(count: number): string {
    const random = new Random(count, 4);
    const data = Array.from({ length: count }, () => random.integer(4001) - 2000);
    return this.constant(`biases${this.#number++}`, { shape: [count], data, type: "int32" });
  }
}

const spread = (count: number) => Float32Array.from({ length: count }, (_, i) => 0.001 + 0.0002 * i);
const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] };

interface QLayer {
  readonly shape?: Shape;
  readonly output: Shape;
  readonly quantization: Quantization;
  /** `x` has integers, `by` is their quantisation; `to` is the result's quantisation. */
  build(net: QNet, x: string, by: [string, string], to: [string, string]): string;
  readonly ops: readonly string[];
}

const qLayers: Readonly<Record<string, QLayer>> = {
  "QLinearConv, a scale a channel": {
    ...{ output: [1, 8, 4, 5], quantization: [0.05, 11], ops: ["conv2d"] },
    build: (net, x, by, to) =>
      net.node("QLinearConv", [x, ...by, ...net.integers([8, 6, 3, 3], spread(8), 1), ...to, net.biases(8)], window),
  },
  "QLinearConv, one scale, no bias": {
    ...{ output: [1, 8, 4, 5], quantization: [0.02, -128], ops: ["conv2d"] },
    build: (net, x, by, to) =>
      net.node("QLinearConv", [x, ...by, ...net.integers([8, 6, 3, 3], spread(1), 1), ...to], window),
  },
  "QLinearMatMul, a scale a unit": {
    ...{ shape: [1, 20], output: [1, 9], quantization: [0.03, 4], ops: ["dense"] },
    build: (net, x, by, to) => net.node("QLinearMatMul", [x, ...by, ...net.integers([20, 9], spread(9), 2), ...to]),
  },
  "QGemm, transposed, with a bias": {
    ...{ shape: [1, 20], output: [1, 9], quantization: [0.03, 4], ops: ["dense"] },
    build: (net, x, by, to) =>
      net.node("com.microsoft.QGemm", [x, ...by, ...net.integers([9, 20], spread(9), 2), net.biases(9), ...to], {
        transB: 1,
      }),
  },
  "QLinearAdd of a value and what QLinearConv makes of it": {
    ...{ output: [1, 6, 8, 9], quantization: [0.06, -3], ops: ["conv2d", "add"] },
    build(net, x, by, to) {
      const own = net.by([0.03, 9]);
      const y = net.node("QLinearConv", [x, ...by, ...net.integers([6, 6, 1, 1], spread(6), 1), ...own]);
      return net.node("com.microsoft.QLinearAdd", [x, ...by, y, ...own, ...to]);
    },
  },
  "QLinearMul by a mean": {
    ...{ output: [1, 6, 8, 9], quantization: [0.02, 0], ops: ["globalAveragePool", "multiply"] },
    build(net, x, by, to) {
      const own = net.by([0.004, 0]);
      const mean = net.node("com.microsoft.QLinearGlobalAveragePool", [x, ...by, ...own], { channels_last: 0 });
      return net.node("com.microsoft.QLinearMul", [x, ...by, mean, ...own, ...to]);
    },
  },
  QLinearAveragePool: {
    ...{ output: [1, 6, 6, 7], quantization: [0.007, 3], ops: ["conv2d"] },
    build: (net, x, by, to) =>
      net.node("com.microsoft.QLinearAveragePool", [x, ...by, ...to], { kernel_shape: [3, 3] }),
  },
  QLinearSigmoid: {
    ...{ output: [1, 6, 8, 9], quantization: [1 / 255, -128], ops: ["sigmoid", "unary"] },
    build: (net, x, by, to) => net.node("com.microsoft.QLinearSigmoid", [x, ...by, ...to]),
  },
  QLinearLeakyRelu: {
    ...{ output: [1, 6, 8, 9], quantization: [0.014, -100], ops: ["unary"] },
    build: (net, x, by, to) => net.node("com.microsoft.QLinearLeakyRelu", [x, ...by, ...to], { alpha: { float: 0.1 } }),
  },
  "QLinearConcat of two scales": {
    ...{ output: [1, 16, 8, 9], quantization: [0.03, -5], ops: ["conv2d", "unary", "unary", "concat"] },
    build(net, x, by, to) {
      const own = net.by([0.02, 4]);
      const y = net.node("QLinearConv", [x, ...by, ...net.integers([10, 6, 1, 1], spread(10), 1), ...own]);
      return net.node("com.microsoft.QLinearConcat", [...to, x, ...by, y, ...own], { axis: 1 });
    },
  },
  "MaxPool and Flatten of integers, QGemm": {
    ...{ output: [1, 9], quantization: [0.1, 4], ops: ["maxWindow", "flatten", "dense"] },
    build(net, x, by, to) {
      const flat = net.node("Flatten", [net.node("MaxPool", [x], window)]);
      return net.node("com.microsoft.QGemm", [flat, ...by, ...net.integers([9, 120], spread(9), 2), "", ...to], {
        transB: 1,
      });
    },
  },
};

describe("a layer of the QOperator format is within one step of ONNX Runtime's", () => {
  it.each(
    Object.entries(qLayers).flatMap(([name, layer]) => [
      [name, "uint8", layer] as const,
      [name, "int8", layer] as const,
    ]),
  )("%s, %s", async (_, activation, { shape = [1, 6, 8, 9], output, quantization, build, ops }) => {
    const net = new QNet(activation);
    net.input("input", shape);
    const by = net.by(input);
    const x = net.node("QuantizeLinear", ["input", ...by]);
    net.node("Identity", [build(net, x, by, net.by(quantization))], {}, "output");
    net.output("output", output, activation);
    const file = net.encode(14);
    expect(isQuantizedOnnx(file, "net.onnx")).toBe(true);
    const { network, operators } = importQuantizedOnnx(file, "net.onnx");
    expect(network.graph.nodes.slice(1).map(({ op }) => op)).toEqual(ops);
    expect(operators.map(({ kind }) => kind)).not.toContain("DequantizeLinear");
    const { bytes, floats } = draw(shape);
    const expected = lastOfFirst(bytesOf(await reference(file, floats, shape), activation), output);
    const [found] = runInteger(network, lastOfFirst(bytes, shape));
    expect(found.length).toBe(expected.length);
    expect(Math.max(...found.map((byte, i) => Math.abs(byte - expected[i])))).toBeLessThanOrEqual(1);
    expect(new Set(expected).size).toBeGreaterThan(3);
  });
});

/** Inverted residuals, a shortcut, and a head with a float softmax. */
function mobileNet(activation: Activation, options: { readonly open?: boolean } = {}): Uint8Array {
  const net = new Net(activation, 5);
  const six: Quantization = [6 / 255, -128];
  const bounds = [0, 6].map((value, i) => net.constant(`bound${i}`, { shape: [], data: Float32Array.of(value) }));
  const clip = (x: string) => net.qdq(net.node("Clip", [x, ...bounds]), six);
  const byOf = (inputScale: number, rest: Omit<Conv, "inputScale"> = {}): Conv => ({ inputScale, ...rest });
  net.input("input", options.open ? ["batch", 3, "height", "width"] : [1, 3, 20, 24]);
  let x = clip(net.conv(net.qdq("input", input), [8, 3, 3], byOf(input[0], { stride: 2 })));
  const linear: Quantization = [0.03, -9];
  x = net.qdq(net.conv(x, [6, 8, 1], byOf(six[0])), linear);
  let y = clip(net.conv(x, [24, 6, 1], byOf(linear[0])));
  y = clip(net.conv(y, [24, 24, 3], byOf(six[0], { groups: 24 })));
  y = net.qdq(net.conv(y, [6, 24, 1], byOf(six[0])), linear);
  x = net.qdq(net.node("Add", [x, y]), [0.05, 2]);
  const mean = net.qdq(net.node("GlobalAveragePool", [x]), [0.02, 0]);
  const weight = net.weight([5, 6], 0);
  const gemm = net.node(
    "Gemm",
    [net.qdq(net.node("Flatten", [mean]), [0.02, 0]), weight.name, net.bias(5, 0.02, weight.scales)],
    { transB: 1 },
  );
  net.node("Softmax", [net.qdq(gemm, [0.02, 0])], { axis: 1 }, "output");
  net.output("output", ["batch", 5]);
  return net.encode(14);
}

describe("a network of many layers", () => {
  it("is near ONNX Runtime's, and of any size that is given", async () => {
    const file = mobileNet("uint8");
    const { network, operators, notes } = importQuantizedOnnx(file, "net.onnx");
    expect(network.graph.nodes.slice(1).map(({ op }) => op)).toEqual([
      ...["conv2d", "conv2d", "conv2d", "conv2d", "conv2d", "add", "globalAveragePool", "flatten", "dense", "softmax"],
    ]);
    expect(operators.filter(({ kind }) => kind === "Conv")).toHaveLength(5);
    expect(notes).toContain("ONNX specifies no integers: a layer's bytes are within one step of ONNX Runtime's");
    const shape = [1, 3, 20, 24];
    const { bytes, floats } = draw(shape);
    const expected = (await reference(file, floats, shape)).data as Float32Array;
    const [found] = runInteger(network, lastOfFirst(bytes, shape));
    for (const [i, byte] of found.entries()) expect(Math.abs((byte + 128) / 256 - expected[i])).toBeLessThan(0.02);
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1);
    const open = importQuantizedOnnx(mobileNet("uint8", { open: true }), "net.onnx", { shape: { sizes: shape } });
    expect(runInteger(open.network, lastOfFirst(bytes, shape))).toEqual([found]);
  });

  it("ends where it is told, behind the layer as its scale is there", () => {
    const net = new Net("uint8", 5);
    net.input("input", [1, 3, 8, 8]);
    const map = net.conv(net.qdq("input", input), [6, 3, 3], { inputScale: input[0] });
    const x = net.qdq(map, [0.03, -9]);
    net.quantize(net.node("Wild", [x]), [0.05, 0], "end");
    net.output("end", [1, 6, 8, 8], "uint8");
    const file = net.encode(14);
    // The refused operator reads x, which is map after rounding to integers: both names denote the same output.
    expect(() => importQuantizedOnnx(file, "net.onnx")).toThrow(`: --outputs ${x}`);
    const [a, b] = [x, map].map((name) => importQuantizedOnnx(file, "net.onnx", { outputs: [name] }));
    expect([a.network.graph.outputs, b.network.graph.outputs]).toEqual([[x], [map]]);
    expect(b.network.values[map]).toEqual({ scale: Math.fround(0.03), zeroPoint: -9 });
    const { bytes } = draw([1, 8, 8, 3]);
    expect(runInteger(b.network, bytes)).toEqual(runInteger(a.network, bytes));
  });

  it("of integers at both ends likewise", async () => {
    const net = new Net("uint8");
    const [scale, zero] = [
      net.constant("s", { shape: [], data: Float32Array.of(0.05) }),
      net.constant("z", { shape: [], data: [100], type: "uint8" }),
    ];
    net.input("input", [1, 3, 6, 6], "uint8");
    const x = net.node("DequantizeLinear", ["input", scale, zero]);
    net.quantize(net.conv(x, [4, 3, 3], { inputScale: 0.05 }), [0.08, 3], "output");
    net.output("output", [1, 4, 6, 6], "uint8");
    const { input: taken } = importQuantizedOnnx(net.encode(14), "net.onnx");
    expect(taken).toEqual({ type: "uint8", shape: [1, 6, 6, 3], scale: Math.fround(0.05), zeroPoint: -28 });
  });
});

describe("what cannot be imported", () => {
  it.each<[string, string, (net: Net, x: string) => string]>([
    [
      "a QLinearConv without its scales",
      'DequantizeLinear ("/DequantizeLinear_1_output_0:real"): has a scale or zero point that is no constant',
      (net, x) => net.node("QLinearConv", [x], {}, "output"),
    ],
    [
      "a pool with channels last",
      'QLinearGlobalAveragePool ("output"): is of the QOperator format, and not as ONNX Runtime',
      (net, x) => net.node("com.microsoft.QLinearGlobalAveragePool", [x], { channels_last: 1 }, "output"),
    ],
    [
      "scales that are computed",
      'DynamicQuantizeLinear ("output"): computes scales while it runs; quantise the network with quantize_static',
      (net, x) => net.node("DynamicQuantizeLinear", [x], {}, "output"),
    ],
    [
      "asymmetric weights",
      'has weights "w" that are asymmetric (zero point 5)',
      (net, x) => {
        const w = net.constant("w", { shape: [4, 6, 1, 1], data: new Array<number>(24).fill(9), type: "int8" });
        const zero = net.constant("z", { shape: [], data: [5], type: "int8" });
        const scale = net.constant("s", { shape: [], data: Float32Array.of(0.1) });
        return net.node("Conv", [x, net.node("DequantizeLinear", [w, scale, zero])]);
      },
    ],
    [
      "weights of 16 bits",
      'DequantizeLinear ("wide"): is of int16; int8 and uint8 can be imported',
      (net, x) => {
        const w = net.constant("w", { shape: [4, 6, 1, 1], data: new Array<number>(24).fill(9), type: "int16" });
        const scale = net.constant("s", { shape: [], data: Float32Array.of(0.1) });
        return net.node("Conv", [x, net.node("DequantizeLinear", [w, scale], {}, "wide")]);
      },
    ],
    [
      "float weights",
      'Conv ("/Conv_2_output_0"): has the weights "w" in floats; quantise weights too, to int8',
      (net, x) =>
        net.node("Conv", [x, net.constant("w", { shape: [4, 6, 1, 1], data: new Float32Array(24).fill(0.1) })]),
    ],
    [
      "scales along another axis",
      "with scales along axis 1; one scale, or one an output (axis 0), can be imported",
      (net, x) => net.node("Conv", [x, net.weight([6, 6, 1, 1], 1).name]),
    ],
    [
      "values in floats within it",
      "its values have no QuantizeLinear behind them; quantise all operators",
      (net, x) => net.node("Sigmoid", [net.conv(x, [4, 6, 1], conv)]),
    ],
    [
      "a HardSigmoid by itself",
      "reads a HardSigmoid by itself; x * HardSigmoid(x), a hard-swish, can be imported",
      (net, x) => net.node("Relu", [net.node("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })]),
    ],
    [
      "a batch norm",
      "BatchNormalization (",
      (net, x) =>
        net.node("BatchNormalization", [
          x,
          ...["a", "b", "c", "d"].map((name) => net.constant(name, { shape: [6], data: new Float32Array(6).fill(1) })),
        ]),
    ],
  ])("%s", (_, message, build) => {
    const net = new Net("int8");
    net.input("input", [1, 6, 8, 9]);
    net.quantize(build(net, net.qdq("input", input)), [0.05, 0], "last");
    net.output("last", [1, 6, 8, 9], "int8");
    let refused = "";
    try {
      importQuantizedOnnx(net.encode(14), "net.onnx");
    } catch (error) {
      refused = (error as Error).message;
    }
    expect(refused).toContain(message);
    expect(refused).not.toContain("\n");
  });

  it("is refused in one line after any byte is changed or lost", () => {
    const file = mobileNet("uint8");
    const random = new Random(5, 5);
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const mutant = i % 2 === 0 ? file.slice(0, random.integer(file.length)) : file.slice();
      if (i % 2 === 1) for (let n = 0; n < 4; n++) mutant[random.integer(file.length)] = random.integer(256);
      try {
        importQuantizedOnnx(mutant, "m.onnx");
      } catch (error) {
        expect((error as { code?: string }).code, String(error)).toMatch(/^import\./);
        expect((error as Error).message).not.toContain("\n");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(150);
  });
});
