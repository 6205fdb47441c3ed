/** .tflite networks of floats, as Keras's converter writes them: what TensorFlow Lite computes of the same file. */
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

/** A file as it grows; every method gives the tensor that it makes. */
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

  /** One filter a channel where `filters` is 0. */
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

  binary(operator: "add" | "mul", a: number, b: number, activation: Activation = "none"): number {
    const shape = sizeOf(this.shapes[a]) >= sizeOf(this.shapes[b]) ? this.shapes[a] : this.shapes[b];
    return this.model.operator(operator, [a, b], this.#value(`${operator}${a}_${b}`, shape), () => ({
      [slots.elementwise.activation]: { byte: activations[activation] },
    }));
  }

  unary(operator: "hardSwish" | "logistic" | "relu" | "relu6", x: number): number {
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

function fileOf(build: (typeof examples)[string]) {
  const net = new Net();
  const [input, output] = build(net);
  return { bytes: net.model.encode([input], [output]), shape: net.shapes[input] };
}

describe("a float .tflite", () => {
  it.skipIf(!hasTflite).each(Object.entries(examples))("gives what TensorFlow Lite gives: %s", async (_, build) => {
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
