/**
 * Float .tflite networks as Keras's converter writes them: the results equal those of TensorFlow Lite on the same file.
 */
import { deployWeights } from "@phinets/core/graph";
import { importFloatTflite, importTflite, isFloatTflite } from "@phinets/core/import";
import { runFloat } from "@phinets/core/inference";
import { Random, sizeOf, tensor } from "@phinets/core/tensor";
import { describe, expect, it } from "vitest";
import { TfliteModel } from "../packages/core/src/export/tflite/model.js";
import { activations, paddings, slots } from "../packages/core/src/import/tflite/schema.js";
import { hasTflite, openTflite } from "./tflite-runtime.js";

type Window = readonly [height: number, width: number, stride: number];
type Activation = keyof typeof activations;

/** A file under construction; every method returns the tensor that it makes. */
class Net {
  readonly model = new TfliteModel("net");
  readonly shapes: (readonly number[])[] = [];
  readonly #random = new Random(11, 3);

  #value(name: string, shape: readonly number[]): number {
    this.shapes[this.model.value(name, shape)] = shape;
    return this.shapes.length - 1;
  }

  weight(name: string, shape: readonly number[], fanIn = 1): number {
    const draw = () => this.#random.normal() / Math.sqrt(fanIn);
    const index = this.model.constant(name, shape, Float32Array.from({ length: sizeOf(shape) }, draw));
    this.shapes[index] = shape;
    return index;
  }

  ints(name: string, shape: readonly number[], values: readonly number[]): number {
    const index = this.model.constant(name, shape, Int32Array.from(values));
    this.shapes[index] = shape;
    return index;
  }

  input(shape: readonly number[]): number {
    return this.#value("serving_default_input:0", shape);
  }

  /** One filter per channel (depthwise) where `filters` is 0. */
  conv(x: number, filters: number, [height, width, stride]: Window, activation: Activation, same = true): number {
    const [, h, w, channels] = this.shapes[x];
    const isDepthwise = filters === 0;
    const count = isDepthwise ? channels : filters;
    const out = (size: number, kernel: number) => Math.ceil((same ? size : size - kernel + 1) / stride);
    const taps = height * width;
    const weight = isDepthwise
      ? this.weight(`depthwise${x}`, [1, height, width, channels], taps)
      : this.weight(`kernel${x}`, [filters, height, width, channels], taps * channels);
    const inputs = [x, weight, this.weight(`bias${x}`, [count])];
    const y = this.#value(`conv${x}`, [1, out(h, height), out(w, width), count]);
    const at = isDepthwise ? slots.depthwise : slots.conv2d;
    this.model.operator(isDepthwise ? "depthwiseConv2d" : "conv2d", inputs, y, () => ({
      [at.padding]: { byte: same ? paddings.same : paddings.valid },
      ...{ [at.strideWidth]: { int32: stride }, [at.strideHeight]: { int32: stride } },
      [at.activation]: { byte: activations[activation] },
      ...{ [at.dilationWidth]: { int32: 1 }, [at.dilationHeight]: { int32: 1 } },
      ...(isDepthwise && { [slots.depthwise.depthMultiplier]: { int32: 1 } }),
    }));
    return y;
  }

  dense(x: number, units: number, activation: Activation): number {
    const features = sizeOf(this.shapes[x]);
    const inputs = [x, this.weight(`dense${x}`, [units, features], features), this.weight(`dense_bias${x}`, [units])];
    const at = slots.fullyConnected;
    return this.model.operator("fullyConnected", inputs, this.#value(`dense${x}:0`, [1, units]), () => ({
      [at.activation]: { byte: activations[activation] },
    }));
  }

  binary(
    operator: "add" | "mul" | "sub" | "maximum" | "minimum",
    a: number,
    b: number,
    activation: Activation = "none",
  ): number {
    const shape = sizeOf(this.shapes[a]) >= sizeOf(this.shapes[b]) ? this.shapes[a] : this.shapes[b];
    if (operator === "maximum" || operator === "minimum")
      return this.model.operator(operator, [a, b], this.#value(`${operator}${a}_${b}`, shape));
    return this.model.operator(operator, [a, b], this.#value(`${operator}${a}_${b}`, shape), () => ({
      [slots.elementwise.activation]: { byte: activations[activation] },
    }));
  }

  unary(
    operator: "hardSwish" | "logistic" | "relu" | "relu6" | "leakyRelu" | "tanh" | "elu" | "abs" | "reluN1To1",
    x: number,
  ): number {
    if (operator === "leakyRelu")
      return this.model.operator(operator, [x], this.#value(`${operator}${x}`, this.shapes[x]), () => ({
        [slots.leakyRelu.alpha]: { float32: 0.15 },
      }));
    return this.model.operator(operator, [x], this.#value(`${operator}${x}`, this.shapes[x]));
  }

  pool(operator: "maxPool2d" | "averagePool2d", x: number, size: number, same: boolean): number {
    const [, h, w, channels] = this.shapes[x];
    const out = (side: number) => Math.ceil((same ? side : side - size + 1) / 2);
    const at = slots.pool;
    return this.model.operator(operator, [x], this.#value(`${operator}${x}`, [1, out(h), out(w), channels]), () => ({
      [at.padding]: { byte: same ? paddings.same : paddings.valid },
      ...{ [at.strideWidth]: { int32: 2 }, [at.strideHeight]: { int32: 2 } },
      ...{ [at.filterWidth]: { int32: size }, [at.filterHeight]: { int32: size } },
    }));
  }

  pad(x: number, [top, bottom, left, right]: readonly [number, number, number, number]): number {
    const [, h, w, channels] = this.shapes[x];
    const sides = this.ints(`pads${x}`, [4, 2], [0, 0, top, bottom, left, right, 0, 0]);
    const y = this.#value(`pad${x}`, [1, h + top + bottom, w + left + right, channels]);
    return this.model.operator("pad", [x, sides], y);
  }

  concat(inputs: readonly number[], axis: number): number {
    const length = inputs.reduce((sum, each) => sum + (this.shapes[each].at(axis) ?? 0), 0);
    const shape = this.shapes[inputs[0]].with(axis, length);
    return this.model.operator("concatenation", inputs, this.#value(`concat${inputs}`, shape), () => ({
      [slots.concatenation.axis]: { int32: axis },
    }));
  }

  resize(
    operator: "resizeNearest" | "resizeBilinear",
    x: number,
    [height, width]: readonly [number, number],
    kept: "halfPixelCenters" | "alignCorners" | "none",
  ): number {
    const y = this.#value(`${operator}${x}`, [1, height, width, this.shapes[x][3]]);
    const size = this.ints(`size${x}_${height}`, [2], [height, width]);
    return this.model.operator(operator, [x, size], y, () =>
      kept === "none" ? {} : { [slots[operator][kept]]: { byte: 1 } },
    );
  }

  slice(x: number, begin: readonly number[], size: readonly number[]): number {
    const constants = [this.ints(`begin${x}`, [4], begin), this.ints(`size_of${x}`, [4], size)];
    const shape = size.map((each, axis) => (each === -1 ? this.shapes[x][axis] - begin[axis] : each));
    return this.model.operator("slice", [x, ...constants], this.#value(`slice${x}_${begin}`, shape));
  }

  strided(x: number, begin: readonly number[], end: readonly number[], step: readonly number[]): number {
    const constants = [begin, end, step].map((each, i) => this.ints(`strided${x}_${i}`, [4], each));
    const shape = begin.map((first, axis) => Math.ceil((end[axis] - first) / step[axis]));
    return this.model.operator("stridedSlice", [x, ...constants], this.#value(`strided${x}`, shape));
  }

  split(x: number, axis: number, count: number): number[] {
    const shape = this.shapes[x].with(axis, this.shapes[x][axis] / count);
    const outputs = Array.from({ length: count }, (_, i) => this.#value(`split${x}_${i}`, shape));
    this.model.operator("split", [this.ints(`axis${x}`, [1], [axis]), x], outputs, () => ({
      [slots.split.count]: { int32: count },
    }));
    return outputs;
  }

  mean(x: number, keepDims: boolean): number {
    const channels = this.shapes[x][3];
    const y = this.#value(`mean${x}`, keepDims ? [1, 1, 1, channels] : [1, channels]);
    return this.model.operator("mean", [x, this.ints(`axes${x}`, [2], [1, 2])], y, () => ({
      [slots.reducer.keepDims]: { byte: keepDims ? 1 : 0 },
    }));
  }

  reshape(x: number, shape: readonly number[]): number {
    const target = this.ints(`shape${x}`, [shape.length], shape);
    const options = (writer: { int32s(values: readonly number[]): never }) => ({
      [slots.reshape.newShape]: { reference: writer.int32s(shape) },
    });
    return this.model.operator("reshape", [x, target], this.#value(`reshape${x}`, shape), options as never);
  }

  softmax(x: number): number {
    return this.model.operator("softmax", [x], this.#value("scores", this.shapes[x]), () => ({
      [slots.softmax.beta]: { float32: 1 },
    }));
  }
}

const examples: Readonly<Record<string, (net: Net) => readonly [input: number, output: number]>> = {
  "MobileNetV2: padding before strides, fused ReLU6, a residual": (net) => {
    const input = net.input([1, 20, 17, 3]);
    let y = net.conv(net.pad(input, [0, 1, 0, 1]), 8, [3, 3, 2], "relu6", false);
    const block = net.conv(net.conv(net.conv(y, 16, [1, 1, 1], "relu6"), 0, [3, 3, 1], "relu6"), 8, [1, 1, 1], "none");
    y = net.conv(net.binary("add", y, block), 0, [3, 3, 2], "relu6");
    return [input, net.softmax(net.dense(net.mean(y, false), 5, "none"))];
  },
  "MobileNetV3: hard-swish, squeeze-and-excite, hard sigmoid of parts": (net) => {
    const input = net.input([1, 15, 16, 3]);
    const y = net.unary("hardSwish", net.conv(input, 8, [3, 3, 2], "none"));
    let gate = net.conv(net.mean(y, true), 4, [1, 1, 1], "relu");
    gate = net.conv(gate, 8, [1, 1, 1], "none");
    gate = net.binary("mul", net.binary("add", gate, net.weight("shift", [1]), "relu6"), net.weight("scale", [8]));
    const scaled = net.conv(net.binary("mul", gate, y), 6, [1, 1, 1], "none");
    return [input, net.binary("mul", scaled, net.unary("logistic", scaled))];
  },
  "ResNet: pools, ReLU, a dense gate, flattened": (net) => {
    const input = net.input([1, 16, 15, 1]);
    let y = net.pool("maxPool2d", net.conv(input, 6, [5, 3, 1], "relu"), 3, true);
    const vector = net.dense(net.reshape(net.mean(y, true), [1, 6]), 6, "relu6");
    y = net.binary("mul", y, net.reshape(net.unary("logistic", vector), [1, 1, 1, 6]));
    y = net.unary("relu", net.pool("averagePool2d", net.conv(y, 5, [3, 3, 1], "none"), 2, false));
    return [input, net.dense(net.reshape(y, [1, sizeOf(net.shapes[y])]), 4, "none")];
  },
};

type Halves = (net: Net, x: number) => readonly number[];
const halvesBySlice: Halves = (net, x) => [
  net.slice(x, [0, 0, 0, 0], [1, -1, -1, 4]),
  net.slice(x, [0, 0, 0, 4], [1, 12, 10, 4]),
];

/** @param halves splits eight channels in two */
const joined = (net: Net, halves = halvesBySlice): readonly [number, number] => {
  const input = net.input([1, 12, 10, 3]);
  const y = net.unary("leakyRelu", net.conv(input, 8, [3, 3, 1], "none"));
  const [a, b] = halves(net, y);
  const small = net.conv(net.concat([a, net.unary("tanh", b), b], 3), 8, [3, 3, 2], "none");
  const large = net.concat(
    [
      net.resize("resizeNearest", small, [12, 10], "none"),
      net.resize("resizeBilinear", net.unary("elu", small), [12, 10], "halfPixelCenters"),
      net.resize("resizeBilinear", net.unary("abs", small), [12, 10], "alignCorners"),
      y,
    ],
    -1,
  );
  const part = net.slice(large, [0, 2, 1, 4], [1, 9, -1, 12]);
  const pooled = net.pool("maxPool2d", net.pool("averagePool2d", part, 3, true), 2, true);
  const every = net.strided(large, [0, 1, 0, 20], [1, 12, 10, 32], [1, 4, 4, 1]);
  const most = net.binary("maximum", pooled, net.binary("sub", every, net.weight("map", [1, 3, 3, 12])));
  const least = net.binary("minimum", net.binary("sub", net.weight("one", [1]), most), net.unary("reluN1To1", pooled));
  const rows = net.concat([most, least], 1);
  const list = net.reshape(rows, [1, 18, 12]);
  const vector = net.dense(net.reshape(list, [1, 216]), 24, "none");
  return [input, net.conv(net.reshape(vector, [1, 2, 3, 4]), 3, [1, 1, 1], "none")];
};

function fileOf(build: (typeof examples)[string]) {
  const net = new Net();
  const [input, output] = build(net);
  return { bytes: net.model.encode([input], [output]), shape: net.shapes[input] };
}

describe("a float .tflite", () => {
  it.skipIf(!hasTflite).each(
    Object.entries({
      ...examples,
      "joined, cut and resized maps, and functions of one value": (net: Net) => joined(net),
    }),
  )("gives what TensorFlow Lite gives: %s", async (_, build) => {
    const { bytes, shape } = fileOf(build);
    expect(isFloatTflite(bytes, "net.tflite")).toBe(true);
    const random = new Random(5, 1);
    const data = Float32Array.from({ length: sizeOf(shape) }, () => random.normal());
    const [{ data: expected }] = (await openTflite<Float32Array>(bytes))([data]);
    const imported = importFloatTflite(bytes, "net.tflite");
    const image = tensor("float32", shape, data);
    for (const { graph, weights } of [imported, deployWeights(imported.graph, imported.weights)]) {
      const found = runFloat(graph, weights, { image })[graph.outputs[0]].data;
      const largest = Math.max(...expected.map(Math.abs));
      expect(found.length).toBe(expected.length);
      expect(Math.max(...expected.map((value, i) => Math.abs(value - found[i]))) / largest).toBeLessThan(3e-6);
    }
  });

  it.skipIf(!hasTflite)("gives all of several outputs, the file's or those that are asked for", async () => {
    const net = new Net();
    const input = net.input([1, 16, 12, 3]);
    const fine = net.conv(net.conv(input, 8, [3, 3, 2], "relu6"), 6, [1, 1, 1], "none");
    const coarse = net.conv(fine, 10, [3, 3, 2], "relu");
    const scores = net.softmax(net.dense(net.mean(coarse, false), 5, "none"));
    const bytes = net.model.encode([input], [scores, fine]);
    const inner = net.model.encode([input], [coarse, fine]);
    const random = new Random(5, 3);
    const image = tensor(
      "float32",
      [1, 16, 12, 3],
      Float32Array.from({ length: 576 }, () => random.normal()),
    );
    // Tensors are named after the operators that make them.
    const { graph: whole } = importFloatTflite(bytes, "net.tflite");
    const layers = whole.nodes.filter(({ op }) => op === "conv2d").map(({ name }) => name);
    const named = { outputs: [layers[2].replace(":linear", ""), layers[1]] };
    for (const [file, { graph, weights }] of [
      [bytes, importFloatTflite(bytes, "net.tflite")],
      [inner, importFloatTflite(bytes, "net.tflite", named)],
    ] as const) {
      const expected = (await openTflite<Float32Array>(file))([image.data]);
      expect(graph.outputs.length).toBe(2);
      const values = runFloat(graph, weights, { image });
      for (const [i, name] of graph.outputs.entries()) {
        const away = expected[i].data.map((value, at) => Math.abs(value - values[name].data[at]));
        expect(away.length).toBe(values[name].data.length);
        expect(Math.max(...away)).toBeLessThan(1e-5);
      }
    }
    expect(() => importFloatTflite(bytes, "net.tflite", { outputs: ["Conv"] })).toThrow(
      'no operator makes a tensor "Conv", which --outputs names; like it: "conv',
    );
  });

  // TensorFlow Lite's WebAssembly does not support SPLIT.
  it("is split as it is sliced", () => {
    const outputs = [halvesBySlice, (net: Net, x: number) => net.split(x, 3, 2)].map((halves) => {
      const { bytes, shape } = fileOf((net) => joined(net, halves));
      const { graph, weights } = importFloatTflite(bytes, "net.tflite");
      const random = new Random(5, 2);
      const image = tensor(
        "float32",
        shape,
        Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
      );
      return runFloat(graph, weights, { image })[graph.outputs[0]].data;
    });
    expect(outputs[0].some((value) => value !== 0)).toBe(true);
    expect(outputs[1]).toEqual(outputs[0]);
  });

  it("gives an output that is the input as copies of it", () => {
    const net = new Net();
    const shape = [1, 8, 8, 3];
    const input = net.input(shape);
    const bytes = net.model.encode([input], [input, net.conv(input, 4, [3, 3, 1], "none"), input]);
    const { graph, weights } = importFloatTflite(bytes, "net.tflite");
    const image = tensor(
      "float32",
      shape,
      Float32Array.from({ length: sizeOf(shape) }, (_, i) => i),
    );
    const values = runFloat(graph, weights, { image });
    const [first, , third] = graph.outputs.map((name) => values[name].data);
    expect(new Set([...graph.outputs, "image"]).size).toBe(4);
    expect([first, third]).toEqual([image.data, image.data]);
  });

  it("is refused with all that is wrong, and by who imports int8", () => {
    const { bytes } = fileOf((net) => {
      const input = net.input([1, 8, 8, 3]);
      const y = net.pool("averagePool2d", net.conv(input, 4, [3, 3, 1], "tanh"), 3, true);
      return [input, net.conv(net.conv(input, 4, [3, 3, 1], "none"), 4, [3, 3, 1], "signBit") && y];
    });
    expect(() => importFloatTflite(bytes, "net.tflite")).toThrow(
      'net.tflite: 2 of 4 operators cannot be imported: operator 0 CONV_2D ("conv0"): has the activation tanh; none, RELU and RELU6 can be imported; operator 3 CONV_2D',
    );
    expect(() => importTflite(bytes, "net.tflite")).toThrow("quantise the network to int8");
  });

  it("is refused in one line after any byte is changed or lost", () => {
    const { bytes } = fileOf(examples["ResNet: pools, ReLU, a dense gate, flattened"]);
    const random = new Random(6, 6);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const mutant = i % 4 === 0 ? bytes.slice(0, random.integer(bytes.length)) : bytes.slice();
      if (i % 4 !== 0) for (let n = 0; n < 4; n++) mutant[random.integer(bytes.length)] = random.integer(256);
      try {
        importFloatTflite(mutant, "m.tflite");
      } catch (error) {
        expect((error as { code?: string }).code, String(error)).toMatch(/^(import|graph)\./);
        expect((error as Error).message).not.toContain("\n");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(150);
  });
});
