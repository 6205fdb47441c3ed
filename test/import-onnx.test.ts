/**
 * Imports networks as PyTorch and other tools export them: the results equal those of ONNX Runtime on the same file.
 */
import { deployWeights } from "@phinets/core/graph";
import { importOnnx, normalise } from "@phinets/core/import";
import { runFloat } from "@phinets/core/inference";
import { Random, sizeOf, tensor } from "@phinets/core/tensor";
import * as ort from "onnxruntime-web";
import { describe, expect, it } from "vitest";
import { c2f, convSilu, OnnxNet as Net, sppf } from "./onnx-net.js";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** An inverted residual of torchvision's MobileNetV2. */
function invertedResidual(net: Net, name: string, x: string, [from, hidden, to, stride]: readonly number[]): string {
  let y = net.relu6(net.batchNorm(`${name}.conv.0.1`, net.conv(`${name}.conv.0.0`, x, [hidden, from, 1]), hidden));
  y = net.conv(`${name}.conv.1.0`, y, [hidden, hidden, 3], { stride, groups: hidden });
  y = net.relu6(net.batchNorm(`${name}.conv.1.1`, y, hidden));
  y = net.batchNorm(`${name}.conv.3`, net.conv(`${name}.conv.2`, y, [to, hidden, 1]), to);
  return from === to && stride === 1 ? net.node("Add", [x, y]) : y;
}

interface Example {
  readonly input: readonly [number, number, number, number];
  readonly output: readonly number[];
  /** Adds nodes after "input"; returns the result. */
  build(net: Net): string;
  /** Operators of the deployed graph, without inputs. */
  readonly ops?: readonly string[];
  /** Whether the file's input is NHWC. */
  readonly channelsLast?: boolean;
}

const dense = (net: Net, x: string, units: number, features: number) =>
  net.node(
    "Gemm",
    [x, net.weight("classifier.1.weight", [units, features]), net.weight("classifier.1.bias", [units])],
    {
      ...{ alpha: { float: 1 }, beta: { float: 1 }, transB: 1 },
    },
  );

const examples: Readonly<Record<string, Example>> = {
  "MobileNetV2, batch norms as they are, a Gemm head": {
    input: [1, 3, 33, 32],
    output: [1, 5],
    build(net) {
      let y = net.conv("features.0.0", "input", [8, 3, 3], { stride: 2 });
      y = net.relu6(net.batchNorm("features.0.1", y, 8));
      y = invertedResidual(net, "features.1", y, [8, 16, 12, 2]);
      y = invertedResidual(net, "features.2", y, [12, 24, 12, 1]);
      y = net.node("Flatten", [net.node("GlobalAveragePool", [y])], { axis: 1 });
      return dense(net, net.node("Dropout", [y]), 5, 12);
    },
    ops: [
      ...["conv2d", "conv2d", "conv2d", "conv2d", "conv2d", "conv2d", "conv2d", "add"],
      ...["globalAveragePool", "flatten", "dense"],
    ],
  },
  "a view by the batch's size, mean over [2, 3], hard-swish of every kind": {
    input: [1, 3, 16, 18],
    output: [1, 4],
    build(net) {
      let y = net.spelledHardSwish(net.conv("a", "input", [8, 3, 3], { stride: 2, bias: true }), "a");
      y = net.node("HardSwish", [net.conv("b", y, [8, 8, 3], { groups: 8, bias: true })]);
      y = net.conv("c", y, [8, 8, 1], { bias: true });
      y = net.node("Mul", [y, net.node("HardSigmoid", [y], { alpha: { float: 1 / 6 } })]);
      const third = net.node("Add", [y, net.scalar("three", 3)]);
      y = net.node("Mul", [y, net.node("Mul", [net.relu6(third), net.scalar("sixth", 1 / 6)])]);
      const mean = net.node("ReduceMean", [y], { axes: [2, 3], keepdims: 1 });
      const batch = net.node("Gather", [net.node("Shape", ["input"]), net.constant("zero", { shape: [], data: [0] })]);
      const axes = net.constant("axes", { shape: [1], data: [0], listed: true });
      const rest = net.constant("rest", { shape: [1], data: [-1] });
      const shape = net.node("Concat", [net.node("Unsqueeze", [batch, axes]), rest], { axis: 0 });
      return dense(net, net.node("Reshape", [mean, shape]), 4, 8);
    },
    ops: [
      ...["conv2d", "hardswish", "conv2d", "hardswish", "conv2d", "hardswish", "hardswish"],
      ...["globalAveragePool", "flatten", "dense"],
    ],
  },
  "squeeze-and-excite with hard sigmoid, through linear layers": {
    input: [1, 3, 12, 14],
    output: [1, 8, 6, 7],
    build(net) {
      const y = net.node("Relu", [net.conv("stem", "input", [8, 3, 3], { stride: 2, bias: true })]);
      const vector = net.node("Flatten", [net.node("GlobalAveragePool", [y])]);
      const squeezed = net.node("Relu", [
        net.node("Gemm", [vector, net.weight("fc1.weight", [4, 8]), net.weight("fc1.bias", [4])], { transB: 1 }),
      ]);
      const excited = net.node("MatMul", [squeezed, net.weight("fc2.weight", [4, 8])]);
      const biased = net.node("Add", [net.weight("fc2.bias", [8]), excited]);
      const gate = net.node("HardSigmoid", [biased], { alpha: { float: 0.2 }, beta: { float: 0.5 } });
      const shape = net.constant("shape", { shape: [4], data: [0, 8, 1, 1] });
      return net.node("Mul", [net.node("Reshape", [gate, shape]), y]);
    },
  },
  "ResNet: padded pools, ReLU, a shortcut, a map flattened channel by channel": {
    input: [1, 3, 32, 28],
    output: [1, 6],
    build(net) {
      let y = net.conv("conv1", "input", [8, 3, 7], { stride: 2, pad: 3, bias: true });
      y = net.node("MaxPool", [net.node("Relu", [y])], { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] });
      const shortcut = net.conv("downsample", y, [10, 8, 1], { stride: 2, bias: true });
      let z = net.node("Relu", [net.batchNorm("bn1", net.conv("layer.0", y, [10, 8, 3], { stride: 2 }), 10)]);
      z = net.node("Relu", [net.node("Add", [net.conv("layer.1", z, [10, 10, 3], { bias: true }), shortcut])]);
      z = net.node("AveragePool", [z], { kernel_shape: [2, 2], strides: [2, 2], count_include_pad: 1 });
      return dense(net, net.node("Flatten", [z]), 6, 10 * 2 * 2);
    },
  },
  "Keras: an NHWC input, SAME padding, a bias added, normalised inside": {
    input: [1, 15, 17, 3],
    channelsLast: true,
    output: [1, 3],
    build(net) {
      let y = net.node("Sub", ["input", net.constant("mean", { shape: [3], data: Float32Array.of(0.1, 0.2, 0.3) })]);
      y = net.node("Transpose", [y], { perm: [0, 3, 1, 2] });
      y = net.node("Conv", [y, net.weight("k", [6, 3, 3, 3], { listed: true })], {
        ...{ auto_pad: "SAME_UPPER", kernel_shape: [3, 3], strides: [2, 2] },
      });
      y = net.node("Relu", [net.node("Add", [y, net.weight("bias", [1, 6, 1, 1])])]);
      const pads = net.constant("pads", { shape: [8], data: [0, 0, 1, 0, 0, 0, 2, 1] });
      y = net.node("Conv", [net.node("Pad", [y, pads]), net.weight("k2", [6, 1, 3, 3])], {
        ...{ group: 6, kernel_shape: [3, 3], auto_pad: "VALID" },
      });
      y = net.node("Mul", [y, net.weight("scale", [6, 1, 1])]);
      y = net.node("Transpose", [y], { perm: [0, 2, 3, 1] });
      y = net.node("ReduceMean", [y], { axes: [1, 2], keepdims: 0 });
      y = net.node("MatMul", [y, net.weight("dense", [6, 3])]);
      return net.node("Softmax", [net.node("Add", [y, net.weight("dense.bias", [3])])], { axis: -1 });
    },
  },
  "Ultralytics: C2f of a split, SPPF, a map of twice the size beside another": {
    input: [1, 3, 32, 48],
    output: [1, 7, 4, 6],
    build(net) {
      const p3 = c2f(
        net,
        "model.2",
        convSilu(net, "model.1", convSilu(net, "model.0", "input", 3, 8, 2), 8, 12, 2),
        12,
        1,
      );
      const p4 = sppf(net, "model.4", convSilu(net, "model.3", p3, 12, 16, 2), 16);
      const scales = net.constant("scales", { shape: [4], data: Float32Array.of(1, 1, 2, 2) });
      const up = net.node("Resize", [p4, "", scales], {
        ...{ coordinate_transformation_mode: "asymmetric", cubic_coeff_a: { float: -0.75 }, mode: "nearest" },
        nearest_mode: "floor",
      });
      const neck = c2f(net, "model.7", net.node("Concat", [up, p3], { axis: 1 }), 28, 1, false);
      const down = net.node("Concat", [convSilu(net, "model.8", neck, 28, 12, 2), p4], { axis: -3 });
      const size = net.constant("size", { shape: [4], data: [1, 28, 4, 6] });
      const large = net.node("Resize", [down, "", "", size], {
        ...{ coordinate_transformation_mode: "half_pixel", mode: "linear" },
      });
      return net.conv("head", large, [7, 28, 1], { bias: true });
    },
  },
  "LeakyReLU, ELU, tanh, |x|, the largest and smallest of maps and constants, differences, repeated rows": {
    input: [1, 3, 12, 9],
    output: [1, 6, 11, 17],
    build(net) {
      const a = net.node("LeakyRelu", [net.conv("a", "input", [6, 3, 3], { bias: true })], { alpha: { float: 0.1 } });
      const b = net.node("Elu", [net.conv("b", a, [6, 6, 3], { bias: true })], { alpha: { float: 1 } });
      const c = net.node("Tanh", [net.conv("c", b, [6, 6, 1])]);
      let y = net.node("Max", [a, net.node("Sub", [b, c]), net.weight("least", [6, 1, 1])]);
      y = net.node("Min", [net.node("Sub", [net.weight("most", [1, 1, 12, 1]), y]), net.weight("map", [1, 6, 12, 9])]);
      y = net.node("Add", [y, net.weight("row", [1, 1, 1, 9])]);
      y = net.node("Mul", [net.node("Abs", [y]), net.node("Sub", [net.scalar("one", 1), c])]);
      const shape = net.constant("size", { shape: [4], data: [1, 6, 11, 17] });
      return net.node("Resize", [y, "", "", shape], {
        ...{ coordinate_transformation_mode: "align_corners", mode: "linear" },
      });
    },
  },
  "parts of maps from either end, every other pixel, pools that leave the map, and that count what they see": {
    input: [1, 3, 13, 14],
    output: [1, 17, 7, 7],
    build(net) {
      const ints = (name: string, data: readonly number[]) => net.constant(name, { shape: [data.length], data });
      const y = net.conv("a", "input", [10, 3, 3], { bias: true });
      const pool = { kernel_shape: [3, 2], pads: [1, 0, 1, 1], strides: [2, 2] };
      const most = net.node("MaxPool", [y], {
        kernel_shape: [2, 2],
        pads: [0, 0, 0, 0],
        strides: [2, 2],
        ceil_mode: 1,
      });
      const own = net.node("AveragePool", [y], pool);
      const whole = net.node("AveragePool", [y], { ...pool, count_include_pad: 1 });
      const every = net.node("Slice", [
        ...[y, ints("s", [0, -14]), ints("e", [2 ** 62, 13]), ints("axes", [2, -1]), ints("steps", [2, 2])],
      ]);
      const last = net.node("Slice", [own, ints("s2", [-3]), ints("e2", [1000]), ints("axes2", [1])]);
      const half = net.node("Slice", [
        net.node("Add", [own, whole]),
        ints("s3", [1]),
        ints("e3", [-5]),
        ints("axes3", [1]),
      ]);
      const joined = net.node("Concat", [most, half, last], { axis: 1 });
      const rows = net.node("Concat", [joined, net.node("Sigmoid", [joined])], { axis: 2 });
      const first = net.node("Slice", [rows, ints("s4", [3]), ints("e4", [10]), ints("axes4", [2])]);
      const gate = net.node("Slice", [every, ints("s5", [0]), ints("e5", [1]), ints("axes5", [1])]);
      return net.node("Mul", [first, gate]);
    },
  },
  "SiLU, a map as output, SAME_LOWER, clipped from below, groups": {
    input: [1, 1, 11, 10],
    output: [1, 7, 6, 5],
    build(net) {
      let y = net.conv("a", "input", [4, 1, 3], { bias: true });
      y = net.node("Mul", [net.node("Sigmoid", [y]), y]);
      y = net.node("Conv", [y, net.weight("b", [8, 2, 4, 4])], {
        ...{ group: 2, auto_pad: "SAME_LOWER", kernel_shape: [4, 4], strides: [2, 2] },
      });
      y = net.node("Identity", [net.node("Clip", [y, net.scalar("least", 0)])]);
      return net.conv("head", y, [7, 8, 1], { bias: true });
    },
  },
};

function fileOf({ input, output, build }: Example, seed = 1): Uint8Array {
  const net = new Net(seed);
  net.input("input", input);
  net.node("Identity", [build(net)], {}, "output");
  net.output("output", output);
  return net.encode(14);
}

async function reference(file: Uint8Array, input: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
  try {
    return (await session.run({ input: new ort.Tensor("float32", input, shape) })).output.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** Transposes `[1, a, b, c]` to `[1, b, c, a]`. */
function lastOfFirst(data: Float32Array, [, channels, height, width]: readonly number[]): Float32Array {
  const pixels = height * width;
  return data.map((_, i) => data[(i % channels) * pixels + Math.floor(i / channels)]);
}

function largestDifference(found: ArrayLike<number>, expected: Float32Array): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - found[i]))) / largest;
}

describe("ONNX Runtime and the imported network agree", () => {
  it.each(Object.entries(examples))("%s", async (_, example) => {
    const { input, output, channelsLast, ops } = example;
    const file = fileOf(example);
    const { graph, weights } = importOnnx(file, "net.onnx");
    const random = new Random(7, 1);
    const data = Float32Array.from({ length: sizeOf(input) }, () => random.normal());
    const given = await reference(file, data, input);
    const expected = output.length === 4 ? lastOfFirst(given, output) : given;
    const image = tensor("float32", graph.shapes.image, channelsLast ? data : lastOfFirst(data, input));
    const deployed = deployWeights(graph, weights);
    for (const each of [{ graph, weights }, deployed]) {
      const found = runFloat(each.graph, each.weights, { image })[each.graph.outputs[0]].data;
      expect(found.length).toBe(expected.length);
      expect(largestDifference(found, expected)).toBeLessThan(2e-6);
    }
    expect(graph.outputs).toEqual(["output"]);
    if (ops !== undefined) expect(deployed.graph.nodes.slice(1).map(({ op }) => op)).toEqual(ops);
  });

  it("of sizes that are not fixed in the file", () => {
    const example = examples["ResNet: padded pools, ReLU, a shortcut, a map flattened channel by channel"];
    const fixed = importOnnx(fileOf(example), "net.onnx");
    const open = fileOf({ ...example, input: ["batch", 3, "height", "width"] as unknown as Example["input"] });
    for (const name of [undefined, "input"]) {
      const shape = { sizes: example.input, ...(name && { name }) };
      const { graph, weights, input } = importOnnx(open, "net.onnx", { shape });
      expect(input.shape).toEqual([1, 32, 28, 3]);
      expect(graph).toEqual(fixed.graph);
      expect(weights).toEqual(fixed.weights);
    }
    expect(() => importOnnx(open, "net.onnx", { shape: { sizes: [1, 4, 32, 28] } })).toThrow("fixed sizes stay");
    expect(() => importOnnx(open, "net.onnx", { shape: { sizes: [2, 3, 32, 28] } })).toThrow("a batch of 1");
  });

  it("of pixels that are normalised as in training", async () => {
    const padded = examples["SiLU, a map as output, SAME_LOWER, clipped from below, groups"];
    const own = examples["MobileNetV2, batch norms as they are, a Gemm head"];
    const unpadded: Example = {
      ...{ input: [1, 3, 9, 8], output: [1, 4, 7, 6] },
      build: (net) => net.conv("c", "input", [4, 3, 3], { pad: 0 }),
    };
    for (const [example, mean, std, layers] of [
      [padded, [0.4], [0.2], 1],
      [own, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 1],
      [unpadded, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 0],
    ] as const) {
      const { input, output } = example;
      const file = fileOf(example);
      const imported = importOnnx(file, "net.onnx");
      const { graph, weights } = normalise(imported.graph, imported.weights, { mean, std });
      expect(graph.nodes.length - imported.graph.nodes.length).toBe(layers);
      const random = new Random(3, 1);
      const pixels = Float32Array.from({ length: sizeOf(input) }, () => random.integer(256));
      const size = input[2] * input[3];
      const at = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : Math.floor(i / size)];
      const seen = pixels.map((pixel, i) => (pixel / 255 - at(mean, i)) / at(std, i));
      const given = await reference(file, seen, input);
      const image = lastOfFirst(pixels, input).map((pixel) => pixel / 128 - 1);
      const outputs = runFloat(graph, weights, { image: tensor("float32", graph.shapes.image, image) });
      const expected = output.length === 4 ? lastOfFirst(given, output) : given;
      expect(largestDifference(outputs[graph.outputs[0]].data, expected)).toBeLessThan(3e-6);
    }
  });
});

describe("what cannot be imported", () => {
  const refusal = (
    build: (net: Net) => string,
    input: readonly (number | string)[] = [1, 3, 8, 8],
    set = 13,
  ): string => {
    const net = new Net(1);
    net.input("input", input);
    net.output(build(net), [1, 3, 8, 8]);
    try {
      importOnnx(net.encode(set), "net.onnx");
    } catch (error) {
      const { message } = error as Error;
      expect(message).not.toContain("\n");
      return message;
    }
    return "";
  };

  it("is named all at once", () => {
    const message = refusal((net) => {
      const a = net.node("Selu", ["input"]);
      const b = net.node("Tan", [net.conv("c", a, [3, 3, 3])]);
      const c = net.node("Conv", ["input", net.weight("w", [3, 3, 3, 3])], { dilations: [2, 2], pads: [2, 2, 2, 2] });
      return net.node("Add", [net.node("DequantizeLinear", [c, net.scalar("s", 1)]), b]);
    });
    expect(message).toBe(
      'net.onnx: 4 of 6 operators cannot be imported: operator 0 Selu ("/Selu_0_output_0"): is not supported; export the network without it; operator 2 Tan ("/Tan_2_output_0"): is not supported; export the network without it; operator 3 Conv ("/Conv_3_output_0"): is dilated 2x2; dilation 1 can be imported; operator 4 DequantizeLinear ("/DequantizeLinear_4_output_0"): is of a quantised network; export it in float32, or import an int8 .tflite',
    );
  });

  it.each<[string, (net: Net) => string, string, (readonly (number | string)[])?, number?]>([
    [
      "sizes that are not fixed",
      () => "input",
      "is [1,3,?,?], whose sizes are not all fixed; give them: --shape 1,3,96,96",
      [1, 3, "h", "w"],
    ],
    ["batches", () => "input", "export the network for a batch of 1", [4, 3, 8, 8]],
    [
      "old operator sets",
      () => "input",
      "is of operator set 12; export it with operator set 13 or later",
      undefined,
      12,
    ],
    ["other bounds", (net) => net.node("Clip", ["input", net.scalar("a", -2), net.scalar("b", 1)]), "clips to -2..1"],
    [
      "padding as wide as a pool",
      (net) => net.node("MaxPool", ["input"], { kernel_shape: [3, 3], pads: [3, 3, 3, 3], strides: [1, 1] }),
      "padding 3,3,3,3 is not below the window's 3x3",
    ],
    [
      "maps of other sizes than a factor's",
      (net) =>
        net.node("Resize", ["input", "", net.constant("s", { shape: [4], data: Float32Array.of(1, 1, 1.3, 2) })]),
      "scales [1,3,8,8] by 1,1,1.2999999523162842,2, to no whole pixels",
    ],
    [
      "cubic maps",
      (net) =>
        net.node("Resize", ["input", "", "", net.constant("s", { shape: [4], data: [1, 3, 4, 4] })], { mode: "cubic" }),
      "has the mode cubic, half_pixel; nearest and linear can be imported",
    ],
    [
      "nearest pixels that no kernel takes",
      (net) =>
        net.node("Resize", ["input", "", "", net.constant("s", { shape: [4], data: [1, 3, 12, 12] })], {
          ...{ coordinate_transformation_mode: "asymmetric", nearest_mode: "ceil" },
        }),
      "by nearest, asymmetric, ceil, for which there is no kernel",
    ],
    [
      "values of other sizes side by side",
      (net) => net.node("Concat", ["input", net.conv("c", "input", [3, 3, 3], { stride: 2 })], { axis: 1 }),
      "joins [1,3,8,8] and [1,3,4,4] along axis 1",
    ],
    [
      "parts that are no whole",
      (net) => net.node("Split", ["input", net.constant("s", { shape: [1], data: [2] })], { axis: 1 }),
      "splits [1,3,8,8] along axis 1 into 2; parts that make up the whole",
    ],
    [
      "parts that are chosen in the network",
      (net) => net.node("Slice", ["input", "input", net.constant("e", { shape: [1], data: [2] })]),
      "takes a part that is no constant",
    ],
    [
      "values out of order",
      (net) => net.node("Add", ["input", "/Relu_1_output_0"]) && net.node("Relu", ["input"]),
      'reads "/Relu_1_output_0", which no operator before it makes',
    ],
    [
      "weights of another size than they say",
      (net) => net.node("Conv", ["input", net.constant("w", { shape: [3, 3, 9, 9], data: new Float32Array(81) })]),
      'the constant "w" has 81 values, its shape [3,3,9,9] needs 729',
    ],
    [
      "constants that grow",
      (net) => {
        let x = net.constant("x", { shape: [2], data: [1, 1] });
        for (let i = 0; i < 60; i++) x = net.node("Concat", [x, x], { axis: 0 });
        return net.node("Reshape", ["input", x]);
      },
      "makes a constant of 128 numbers",
    ],
  ])("%s", (_, build, expected, input, set) => {
    expect(refusal(build, input, set)).toContain(expected);
  });

  it("is refused in one line after any byte is changed or lost", () => {
    const file = fileOf(examples["squeeze-and-excite with hard sigmoid, through linear layers"]);
    const random = new Random(5, 5);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const mutant = i % 2 === 0 ? file.slice(0, random.integer(file.length)) : file.slice();
      if (i % 2 === 1) for (let n = 0; n < 3; n++) mutant[random.integer(file.length)] = random.integer(256);
      try {
        importOnnx(mutant, "m.onnx");
      } catch (error) {
        expect((error as { code?: string }).code, String(error)).toMatch(/^(import|graph)\./);
        expect((error as Error).message).not.toContain("\n");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(200);
  });
});
