/** Activations, tables and element-wise operators of .tflite files, byte for byte by TensorFlow Lite's formulas. */
import { describe, expect, it } from "vitest";
import { quantizeMultiplier, rescale } from "../../../../../test/conformance/references/integer.js";
import { randomlyQuantized } from "../../../../../test/random-network.js";
import { quantizedToTflite } from "../../export/index.js";
import type { Field } from "../../export/tflite/flatbuffer.js";
import { type TensorIndex, TfliteModel } from "../../export/tflite/model.js";
import { GraphBuilder, type UnaryFunction, unaryFunctions } from "../../graph/index.js";
import { IntegerEngine, IntegerInterpreter } from "../../inference/index.js";
import { decodeQuantized, encodeQuantized, foldConstantChannels, lowerToInteger } from "../../quantization/index.js";
import { Random, type Shape, sizeOf } from "../../tensor/index.js";
import { readTflite, type TfliteFile } from "./file.js";
import { importTflite } from "./index.js";
import { type ImportedNetwork, NetworkBuilder } from "./network.js";
import { activations, type Operator, paddings, slots } from "./schema.js";

const at = (scale: number, zeroPoint: number) => ({ scales: [Math.fround(scale)], zeroPoint });
type Quantization = ReturnType<typeof at>;

const clamp = (x: number, low = -128, high = 127): number => Math.max(low, Math.min(high, x));
const everyByte = Int8Array.from({ length: 256 }, (_, i) => i - 128);
const random = (length: number, seed: number): Int8Array => {
  const draw = new Random(seed, 3);
  return Int8Array.from({ length }, () => draw.integer(256) - 128);
};

/** The output of both int8 implementations, which must agree. */
function run({ network }: ImportedNetwork, input: Int8Array): Int8Array {
  const [output] = new IntegerInterpreter(network).run(input);
  expect(new IntegerEngine(network).run(input)[0]).toEqual(output);
  return output;
}

/** Operators with a fused activation, on a map of 4 x 4 x 3. */
const fused: Readonly<
  Record<string, (model: TfliteModel, x: TensorIndex, output: TensorIndex, activation: number) => void>
> = {
  conv2d: (model, x, output, activation) => convolve(model, "conv2d", x, output, activation),
  depthwiseConv2d: (model, x, output, activation) => convolve(model, "depthwiseConv2d", x, output, activation),
  add: (model, x, output, byte) =>
    model.operator("add", [x, x], output, () => ({ [slots.elementwise.activation]: { byte } })),
  mul: (model, x, output, byte) =>
    model.operator("mul", [x, x], output, () => ({ [slots.elementwise.activation]: { byte } })),
  maxPool2d: (model, x, output, activation) => pool(model, "maxPool2d", x, output, activation),
  averagePool2d: (model, x, output, activation) => pool(model, "averagePool2d", x, output, activation),
};

function convolve(
  model: TfliteModel,
  kind: "conv2d" | "depthwiseConv2d",
  x: TensorIndex,
  output: TensorIndex,
  byte: number,
): void {
  const shape = kind === "conv2d" ? [3, 1, 1, 3] : [1, 1, 1, 3];
  const weights = model.constant("w", shape, random(sizeOf(shape), 4), { ...at(0.02, 0), dimension: 0 });
  const at2 = kind === "conv2d" ? slots.conv2d : slots.depthwise;
  const one = { int32: 1 };
  model.operator(kind, [x, weights], output, () => ({
    [at2.padding]: { byte: paddings.valid },
    ...{ [at2.strideWidth]: one, [at2.strideHeight]: one },
    [at2.activation]: { byte },
  }));
}

function pool(
  model: TfliteModel,
  kind: "maxPool2d" | "averagePool2d",
  x: TensorIndex,
  output: TensorIndex,
  byte: number,
): void {
  const one = { int32: 1 };
  model.operator(kind, [x], output, () => ({
    [slots.pool.padding]: { byte: paddings.valid },
    ...{ [slots.pool.strideWidth]: one, [slots.pool.strideHeight]: one },
    ...{ [slots.pool.filterWidth]: one, [slots.pool.filterHeight]: one },
    [slots.pool.activation]: { byte },
  }));
}

function fusedFile(kind: string, activation: number, output: Quantization): Uint8Array {
  const model = new TfliteModel(kind);
  const isPool = kind.endsWith("Pool2d");
  const x = model.value("x", [1, 4, 4, 3], isPool ? output : at(1 / 60, 7));
  const y = model.value("y", [1, 4, 4, 3], output);
  fused[kind](model, x, y, activation);
  return model.encode([x], [y]);
}

describe("an activation that an operator applies itself", () => {
  const limits = { relu: [0, Number.POSITIVE_INFINITY], reluN1To1: [-1, 1], relu6: [0, 6] } as const;
  for (const kind of Object.keys(fused))
    it(`${kind}: clamps its bytes, whatever the output's range`, () => {
      // Ranges that begin below, at and above 0, and end below and above 6.
      for (const output of [at(1 / 70, -20), at(1 / 30, -128), at(1 / 20, 5), at(0.1, -100), at(1 / 90, 127)])
        for (const [name, [low, high]] of Object.entries(limits)) {
          const input = random(48, 1);
          const before = run(importTflite(fusedFile(kind, activations.none, output), "plain.tflite"), input);
          const found = run(
            importTflite(fusedFile(kind, activations[name as keyof typeof limits], output), "fused.tflite"),
            input,
          );
          const [scale] = output.scales;
          const byteOf = (real: number) =>
            output.zeroPoint + Math.sign(real) * Math.round(Math.fround(Math.abs(real) / scale));
          expect(found, `${name} ${scale} ${output.zeroPoint}`).toEqual(
            before.map((byte) => clamp(clamp(byte, byteOf(low), byteOf(high)))),
          );
        }
    });

  it("is refused by name where int8 kernels have none", () => {
    expect(() => importTflite(fusedFile("add", activations.tanh, at(0.1, 0)), "a.tflite")).toThrow(
      'operator 0 ADD ("y"): has the activation tanh; none, RELU, RELU_N1_TO_1 and RELU6 can be imported',
    );
  });
});

/** A network of one operator with one input, for all bytes. */
function oneInput(operator: Operator, input: Quantization, output: Quantization, alpha?: number): TfliteFile {
  const model = new TfliteModel(operator);
  const x = model.value("x", [1, 16, 16, 1], input);
  const y = model.value("y", [1, 16, 16, 1], output);
  const options: Record<number, Field> = alpha === undefined ? {} : { [slots.leakyRelu.alpha]: { float32: alpha } };
  model.operator(operator, [x], y, () => options);
  return readTflite(model.encode([x], [y]), `${operator}.tflite`);
}

const imported = (file: TfliteFile): ImportedNetwork => new NetworkBuilder(file).build();

describe("a function of each byte", () => {
  const quantizations = [
    [at(0.05, -12), at(0.031, 4)],
    [at(0.01, 100), at(0.04, -128)],
    [at(0.2, -128), at(0.07, 20)],
    [at(0.04, 3), at(0.04, 3)],
  ] as const;
  const byQuotient = (quotient: number, difference: number): number =>
    Number(rescale(BigInt(difference), quantizeMultiplier(quotient)));

  it("RELU, RELU_N1_TO_1, RELU6, ABS, LEAKY_RELU and QUANTIZE rescale from their input's scale to their output's", () => {
    for (const [input, output] of quantizations) {
      const [[from], [to]] = [input.scales, output.scales];
      const clamped = (low: number, high: number) => (difference: number) =>
        clamp(
          byQuotient(from / to, difference) + output.zeroPoint,
          output.zeroPoint - Math.round(Math.fround(-low / to)),
          output.zeroPoint + Math.round(Math.fround(high / to)),
        );
      const infinite = Number.POSITIVE_INFINITY;
      const rules: [Operator, (difference: number) => number, number?][] = [
        ["relu", clamped(0, infinite)],
        ["reluN1To1", clamped(-1, 1)],
        ["relu6", clamped(0, 6)],
        ["quantize", clamped(-infinite, infinite)],
        ["abs", (difference) => byQuotient(from / to, Math.abs(difference)) + output.zeroPoint],
        [
          "leakyRelu",
          (difference) =>
            byQuotient(Math.fround((difference < 0 ? Math.fround(from * Math.fround(0.3)) : from) / to), difference) +
            output.zeroPoint,
          0.3,
        ],
      ];
      for (const [operator, rule, alpha] of rules)
        expect(run(imported(oneInput(operator, input, output, alpha)), everyByte), operator).toEqual(
          everyByte.map((byte) => clamp(rule(byte - input.zeroPoint))),
        );
    }
  });

  it("TANH and ELU are within a step of the real function", () => {
    const real = (operator: "tanh" | "elu", x: number) =>
      operator === "tanh" ? Math.tanh(x) : x < 0 ? Math.expm1(x) : x;
    for (const [input] of quantizations)
      for (const [operator, output] of [
        ["tanh", at(1 / 128, 0)],
        ["elu", at(0.02, -60)],
      ] as const)
        run(imported(oneInput(operator, input, output)), everyByte).forEach((byte, i) => {
          const steps = real(operator, input.scales[0] * (i - 128 - input.zeroPoint)) / output.scales[0];
          expect(Math.abs(byte - clamp(steps + output.zeroPoint)), operator).toBeLessThanOrEqual(0.51);
        });
  });

  it("refuses what TensorFlow Lite has no arithmetic for, by name", () => {
    expect(() => imported(oneInput("tanh", at(0.1, 0), at(0.1, 0)))).toThrow(/tanh: output has scale/);
    expect(() => imported(oneInput("leakyRelu", at(0.1, 0), at(0.1, 0), -1))).toThrow(
      'operator 0 LEAKY_RELU ("y"): has alpha -1; 0 or more can be imported',
    );
    expect(() => imported(oneInput("relu", at(10, 0), at(1e-7, 0)))).toThrow(
      /relu "y": the output's scale is .* times as fine as the input's/,
    );
    const rows = oneInput("relu", at(0.1, 0), at(0.1, 0));
    const tensors = rows.tensors.map((tensor) => ({ ...tensor, shape: [1, 16, 16] }));
    expect(() => imported({ ...rows, tensors })).toThrow(/has an input of shape \[1,16,16\]; a map/);
  });

  it("is the same network when it is exported and imported again", () => {
    for (const of of Object.keys(unaryFunctions) as UnaryFunction[]) {
      const builder = new GraphBuilder(of);
      const x = builder.conv2d("c", builder.input("x", [1, 3, 4, 2]), { filters: 5 });
      const q = randomlyQuantized(builder.build([builder.unary("y", x, of, of === "leakyRelu" ? 0.25 : 0)]), 3);
      const again = importTflite(quantizedToTflite(q), "again.tflite").network;
      expect(again.graph.nodes.at(-1)).toEqual(q.graph.nodes.at(-1));
      expect(lowerToInteger(again).at(-1)).toEqual(lowerToInteger(q).at(-1));
    }
  });

  it("is taken of a vector that is a map of one pixel", () => {
    const model = new TfliteModel("pixel");
    const shapes: Shape[] = [
      [1, 6],
      [1, 1, 1, 6],
      [1, 1, 1, 6],
      [1, 6],
    ];
    const [x, pixel, active, y] = shapes.map((shape, i) => model.value(`v${i}`, shape, at(0.1, i < 2 ? 0 : -9)));
    model.operator("reshape", [x], pixel);
    model.operator("relu", [pixel], active);
    model.operator("reshape", [active], y);
    const input = Int8Array.of(-128, -1, 0, 1, 50, 127);
    expect([...run(importTflite(model.encode([x], [y]), "pixel.tflite"), input)]).toEqual([-9, -9, -9, -8, 41, 118]);
  });
});

describe("QUANTIZE at the ends", () => {
  /** uint8 to int8, RELU, int8 to uint8. */
  function ends(input: Quantization, inner: Quantization, output: Quantization): TfliteFile {
    const model = new TfliteModel("ends");
    const shape = [1, 16, 16, 1];
    const outside = [at(input.scales[0], 0), at(output.scales[0], 0)];
    const x = model.value("x", shape, outside[0]);
    const [a, b] = [model.value("a", shape, inner), model.value("b", shape, inner)];
    const y = model.value("y", shape, outside[1]);
    model.operator("quantize", [x], a);
    model.operator("relu", [a], b);
    model.operator("quantize", [b], y);
    const file = readTflite(model.encode([x], [y]), "ends.tflite");
    const zeroPoints = [[input.zeroPoint], undefined, undefined, [output.zeroPoint]];
    const tensors = file.tensors.map((tensor, i) =>
      zeroPoints[i] === undefined ? tensor : { ...tensor, type: "uint8", zeroPoints: zeroPoints[i] },
    );
    return { ...file, tensors };
  }

  it("takes 128 off uint8 where scales are equal, and rescales where they are not", () => {
    for (const [input, inner, output] of [
      [at(0.05, 90), at(0.05, -38), at(0.05, 90)],
      [at(0.05, 90), at(0.07, -30), at(0.02, 3)],
    ]) {
      const network = imported(ends(input, inner, output));
      expect(network.input).toMatchObject({ type: "uint8", scale: input.scales[0], zeroPoint: input.zeroPoint - 128 });
      expect(network.notes).toHaveLength(2);
      const step = (byte: number, from: Quantization, to: Quantization, low: number, high: number) =>
        clamp(
          Number(rescale(BigInt(byte - from.zeroPoint), quantizeMultiplier(from.scales[0] / to.scales[0]))) +
            to.zeroPoint,
          low,
          high,
        );
      const wanted = everyByte.map((byte) => {
        const int8 = step(byte + 128, input, inner, -128, 127);
        return step(Math.max(int8, inner.zeroPoint), inner, output, 0, 255) - 128;
      });
      expect(run(network, everyByte)).toEqual(wanted);
    }
  });

  it("is refused elsewhere", () => {
    const file = oneInput("quantize", at(0.1, 0), at(0.1, 0));
    const tensors = file.tensors.map((tensor, i) => (i === 1 ? { ...tensor, type: "int16" } : tensor));
    expect(() => imported({ ...file, tensors })).toThrow(
      'operator 0 QUANTIZE ("y"): is from int8 to int16; int8 to int8, and float32 or uint8 at the network\'s ends can be imported',
    );
  });
});

describe("of two values, or of a value and a constant", () => {
  const shape = [1, 3, 4, 5];
  const [first, second, output] = [at(1 / 50, 11), at(1 / 35, -70), at(1 / 20, -5)];
  type Binary = "add" | "sub" | "mul" | "maximum" | "minimum";

  interface Operands {
    readonly operator: Binary;
    /** Shape of the constant in the file. */
    readonly constant: Shape;
    readonly constantFirst?: boolean;
    readonly map?: Shape;
    readonly activation?: number;
  }

  function binaryFile({ operator, constant, constantFirst = false, map = shape, activation }: Operands): Uint8Array {
    const isExtreme = operator === "maximum" || operator === "minimum";
    const model = new TfliteModel(operator);
    const x = model.value("x", map, first);
    const c = model.constant("c", constant, random(sizeOf(constant), 9), isExtreme ? first : second);
    const y = model.value("y", map, isExtreme ? first : output);
    const options: Record<number, Field> = activation === undefined ? {} : { 0: { byte: activation } };
    model.operator(operator, constantFirst ? [c, x] : [x, c], y, () => options);
    return model.encode([x], [y]);
  }

  /** TensorFlow Lite's ADD, SUB and MUL of two bytes. */
  function byteOf(operator: Binary, a: number, b: number, [p, q]: readonly Quantization[]): number {
    if (operator === "maximum") return Math.max(a, b);
    if (operator === "minimum") return Math.min(a, b);
    const [[from], [other], [to]] = [p.scales, q.scales, output.scales];
    const [x, y] = [BigInt(a - p.zeroPoint), BigInt(b - q.zeroPoint)];
    if (operator === "mul")
      return clamp(Number(rescale(x * y, quantizeMultiplier((from * other) / to))) + output.zeroPoint);
    const twice = 2 * Math.max(from, other);
    const term = (difference: bigint, scale: number) => rescale(difference << 20n, quantizeMultiplier(scale / twice));
    const [s, t] = [term(x, from), term(y, other)];
    const sum = operator === "add" ? s + t : s - t;
    return clamp(Number(rescale(sum, quantizeMultiplier(twice / (2 ** 20 * to)))) + output.zeroPoint);
  }

  /** Index of the constant's element for element i of the map. */
  function placeOf(i: number, map: Shape, own: Shape): number {
    const aligned = [...new Array<number>(map.length - own.length).fill(1), ...own];
    let [place, rest, size] = [0, i, sizeOf(map)];
    for (const [axis, count] of map.entries()) {
      size /= count;
      const at = Math.floor(rest / size);
      rest %= size;
      place = place * aligned[axis] + (aligned[axis] === 1 ? 0 : at);
    }
    return place;
  }

  const constants: Shape[] = [[], [5], [1], [1, 1, 1, 5], [3, 4, 5], [4, 1], [1, 3, 1, 5], [1, 3, 4, 1]];
  for (const operator of ["add", "sub", "mul", "maximum", "minimum"] as const)
    it(`${operator}: every shape that broadcasts, on either side, byte for byte`, () => {
      const input = random(sizeOf(shape), 5);
      for (const constant of constants)
        for (const constantFirst of [false, true]) {
          const network = importTflite(binaryFile({ operator, constant, constantFirst }), "b.tflite");
          const c = random(sizeOf(constant), 9);
          const wanted = input.map((x, i) => {
            const other = c[placeOf(i, shape, constant)];
            return constantFirst
              ? byteOf(operator, other, x, [second, first])
              : byteOf(operator, x, other, [first, second]);
          });
          expect(run(network, input), `${constant} ${constantFirst}`).toEqual(wanted);
        }
    });

  it("sub: halves of the second term are rounded before it is taken off", () => {
    // All pairs of bytes, at scales whose ratio is not a power of two.
    const map = [1, 256, 1, 256];
    const model = new TfliteModel("pairs");
    const x = model.value("x", [1, 256, 1, 1], first);
    const c = model.constant("c", [256], everyByte, second);
    const y = model.value("y", map, output);
    model.operator("sub", [x, c], y);
    const found = run(importTflite(model.encode([x], [y]), "pairs.tflite"), everyByte);
    expect(found).toEqual(
      Int8Array.from({ length: 65536 }, (_, i) => byteOf("sub", (i >> 8) - 128, (i & 255) - 128, [first, second])),
    );
  });

  it("applies the operator's own activation, and takes vectors", () => {
    const operands = { operator: "sub", constant: [6], map: [1, 6], activation: activations.relu } as const;
    const input = random(6, 2);
    const c = random(6, 9);
    expect(run(importTflite(binaryFile(operands), "v.tflite"), input)).toEqual(
      input.map((x, i) => Math.max(output.zeroPoint, byteOf("sub", x, c[i], [first, second]))),
    );
  });

  it("is refused by name where it has no int8 arithmetic here", () => {
    const model = new TfliteModel("refused");
    const x = model.value("x", shape, first);
    const c = model.constant("c", [5], random(5, 1), second);
    const [y, z] = [model.value("y", shape, output), model.value("z", [5], output)];
    model.operator("maximum", [x, c], y);
    model.operator("add", [c, c], z);
    expect(() => importTflite(model.encode([x], [y]), "r.tflite")).toThrow(
      /2 of 2 operators cannot be imported: operator 0 MAXIMUM \("y"\): has values of scale 0\.0199\d* zero point 11 and 0\.02857\d* and -70; one can be imported; operator 1 ADD \("z"\): is of two constants/,
    );
  });

  it("is the same network when it is kept, exported and imported again, and when constant channels are folded", () => {
    for (const operator of ["add", "sub", "mul", "maximum", "minimum"] as const) {
      const { network } = importTflite(binaryFile({ operator, constant: [5] }), "b.tflite");
      const { json, safetensors } = encodeQuantized(network);
      expect(decodeQuantized(json, safetensors)).toEqual(network);
      const again = importTflite(quantizedToTflite(network), "again.tflite").network;
      expect(lowerToInteger(again)).toEqual(lowerToInteger(network));
      const builder = new GraphBuilder("folded");
      let y = builder.conv2d("a", builder.input("x", shape), { filters: 6, bias: true });
      const names = { add: "add", sub: "subtract", mul: "multiply", maximum: "maximum", minimum: "minimum" } as const;
      y = builder[names[operator]]("b", y, builder.constant("c", [1, 1, 1, operator === "add" ? 1 : 6]));
      const graph = builder.build([builder.conv2d("d", builder.relu6("r", y), { filters: 4, bias: true })]);
      const q = randomlyQuantized(graph, 8);
      // Makes two channels constant.
      for (const name of ["a.weight"]) q.weights[name].data.fill(0, 0, 10);
      const values = { ...q.values };
      if (operator === "maximum" || operator === "minimum") values.a = values.b = values.r = values.c;
      const net = { ...q, values };
      const { network: folded, removed } = foldConstantChannels(net);
      // With a single constant for all channels, they can only be removed together.
      if (operator !== "add") expect(removed, operator).toBeGreaterThan(0);
      for (const seed of [1, 2]) {
        const input = random(sizeOf(shape), seed);
        expect(run({ network: folded } as ImportedNetwork, input)).toEqual(
          run({ network: net } as ImportedNetwork, input),
        );
      }
    }
  });
});
