/** Operators that our own exporter does not write, in files made for the tests, compared with brute force. */
import { describe, expect, it } from "vitest";
import { quantizeMultiplier, rescale } from "../../../../../test/conformance/references/integer.js";
import type { Field } from "../../export/tflite/flatbuffer.js";
import { TfliteModel } from "../../export/tflite/model.js";
import { IntegerEngine, runInteger } from "../../inference/index.js";
import type { QuantizedNetwork } from "../../quantization/index.js";
import { Random, type Shape, sizeOf } from "../../tensor/index.js";
import { importTflite } from "./index.js";
import { type Operator, slots } from "./schema.js";

const input = { scale: 0.5, zeroPoint: 3 };
const output = { scale: 0.125, zeroPoint: -7 };
const quantization = ({ scale, zeroPoint }: typeof input) => ({ scales: [scale], zeroPoint });

function randomBytes(shape: Shape): Int8Array {
  const random = new Random(2, 8);
  return new Int8Array(sizeOf(shape)).map(() => random.integer(256) - 128);
}

/** Coordinates of all elements, in their order. */
function places(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}

/** TensorFlow Lite Micro's MEAN. */
function expectedMean(shape: Shape, axes: readonly number[], bytes: Int8Array): number[] {
  const kept = shape
    .map((_, axis) => axis)
    .filter((axis) => !axes.some((each) => (each + shape.length) % shape.length === axis));
  const sums = new Map<string, number>();
  places(shape).forEach((place, i) => {
    const key = kept.map((axis) => place[axis]).join();
    sums.set(key, (sums.get(key) ?? 0) + bytes[i] - input.zeroPoint);
  });
  const count = sizeOf(shape) / sums.size;
  const { multiplier, shift } = quantizeMultiplier(input.scale / output.scale);
  const bits = Math.min(Math.floor(Math.log2(count)), 31 + shift);
  const by = { multiplier: (multiplier << BigInt(bits)) / BigInt(count), shift: shift - bits };
  return [...sums.values()].map((sum) =>
    Math.max(-128, Math.min(127, Number(rescale(BigInt(sum), by)) + output.zeroPoint)),
  );
}

/** The output of both int8 implementations, which must agree. */
function every(network: QuantizedNetwork, bytes: Int8Array): Int8Array {
  const made = runInteger(network, bytes);
  expect(new IntegerEngine(network).run(bytes)).toEqual(made);
  return made[0];
}

/** A network around one operator; its second output is the operator's input. */
function one(
  kind: Operator,
  shape: Shape,
  made: Shape,
  constants: readonly (readonly number[])[],
  options: Record<number, Field> = {},
): QuantizedNetwork {
  const model = new TfliteModel(kind);
  const [x, source] = ["x", "s"].map((name) => model.value(name, shape, quantization(input)));
  const y = model.value("y", made, quantization(input));
  model.operator("quantize", [x], source);
  const given = constants.map((values, i) => model.constant(`c${i}`, [values.length], Int32Array.from(values)));
  model.operator(kind, [source, ...given], y, () => options);
  return importTflite(model.encode([x], [y, source]), `${kind}.tflite`).network;
}

describe("dilated convolutions", () => {
  it.each([
    ["conv2d", [1, 9, 8, 4], [2, 3], 5],
    ["conv2d", [1, 7, 9, 6], [3, 1], 4],
    ["depthwiseConv2d", [1, 9, 9, 5], [2, 2], 5],
  ] as const)("%s of %j, %j apart", (kind, shape, dilation, filters) => {
    const [, height, width, channels] = shape;
    const depthwise = kind === "depthwiseConv2d";
    const model = new TfliteModel("dilated");
    const x = model.value("x", shape, quantization(input));
    const y = model.value("y", [1, height, width, filters], quantization(output));
    const kernel = depthwise ? [1, 3, 3, filters] : [filters, 3, 3, channels];
    const weights = randomBytes(kernel).map((byte) => Math.max(-127, byte));
    const biases = Int32Array.from({ length: filters }, (_, i) => 300 * i - 700);
    const scales = Array.from({ length: filters }, (_, i) => 0.001 * (i + 1));
    const w = model.constant("w", kernel, weights, { scales, zeroPoint: 0, dimension: depthwise ? 3 : 0 });
    const at = depthwise ? slots.depthwise : slots.conv2d;
    model.operator(kind, [x, w, model.constant("b", [filters], biases)], y, () => ({
      ...{ [at.padding]: { byte: 0 }, [at.strideWidth]: { int32: 1 }, [at.strideHeight]: { int32: 1 } },
      ...{ [at.dilationHeight]: { int32: dilation[0] }, [at.dilationWidth]: { int32: dilation[1] } },
      ...(depthwise && { [slots.depthwise.depthMultiplier]: { int32: 1 } }),
    }));
    const { network, notes } = importTflite(model.encode([x], [y]), "dilated.tflite");
    const bytes = randomBytes(shape);
    const expected = places([height, width, filters]).map(([row, column, f]) => {
      let sum = biases[f];
      for (const [ky, kx] of places([3, 3])) {
        const [r, q] = [row + (ky - 1) * dilation[0], column + (kx - 1) * dilation[1]];
        if (r < 0 || q < 0 || r >= height || q >= width) continue;
        for (const c of depthwise ? [f] : Array.from({ length: channels }, (_, c) => c)) {
          const weight = depthwise
            ? weights[(ky * 3 + kx) * filters + f]
            : weights[((f * 3 + ky) * 3 + kx) * channels + c];
          sum += (bytes[(r * width + q) * channels + c] - input.zeroPoint) * weight;
        }
      }
      const by = quantizeMultiplier((input.scale * Math.fround(scales[f])) / output.scale);
      return Math.max(-128, Math.min(127, Number(rescale(BigInt(sum), by)) + output.zeroPoint));
    });
    expect(runInteger(network, bytes)).toEqual([Int8Array.from(expected)]);
    expect(notes[0]).toContain(`is dilated ${dilation.join("x")}: zeros stand between its weights`);
  });
});

describe("SLICE, STRIDED_SLICE, SPLIT, SPLIT_V and UNPACK", () => {
  type Constants = readonly (readonly number[])[];
  interface Part {
    readonly kind: "slice" | "split" | "splitV" | "stridedSlice" | "unpack";
    readonly shape: Shape;
    /** Constant inputs before the operator's input, and after it. */
    readonly before?: Constants;
    readonly after?: Constants;
    readonly options?: Record<number, number>;
    readonly made: readonly Shape[];
  }
  function write({ kind, shape, before = [], after = [], options = {}, made }: Part) {
    const model = new TfliteModel(kind);
    const constants = (list: Constants, side: string) =>
      list.map((values, i) => model.constant(`${side}${i}`, [values.length], Int32Array.from(values)));
    const x = model.value("x", shape, quantization(input));
    const outputs = made.map((each, i) => model.value(`y${i}`, each, quantization(input)));
    const inputs = [...constants(before, "before"), x, ...constants(after, "after")];
    model.operator(kind, inputs, outputs, () =>
      Object.fromEntries(Object.entries(options).map(([slot, int32]) => [slot, { int32 }])),
    );
    return importTflite(model.encode([x], outputs), `${kind}.tflite`).network;
  }
  const at = slots.stridedSlice;

  const parts: readonly (readonly [string, Part, (place: readonly number[]) => number])[] = [
    [
      "channels of a map",
      {
        kind: "slice",
        shape: [1, 4, 5, 6],
        after: [
          [0, 0, 0, 2],
          [1, -1, 5, 3],
        ],
        made: [[1, 4, 5, 3]],
      },
      ([, , , c]) => (c >= 2 && c < 5 ? 0 : -1),
    ],
    [
      "every other pixel, from the end",
      {
        kind: "stridedSlice",
        shape: [1, 5, 6, 3],
        after: [
          [0, -4, 0, 0],
          [1, 9, 0, 2],
          [1, 2, 3, 1],
        ],
        options: { [at.endMask]: 0b0100, [at.beginMask]: 0b0001 },
        made: [[1, 2, 2, 2]],
      },
      ([, r, q, c]) => (r >= 1 && (r - 1) % 2 === 0 && q % 3 === 0 && c < 2 ? 0 : -1),
    ],
    [
      "one row, its axis left out",
      {
        kind: "stridedSlice",
        shape: [1, 7, 5],
        after: [
          [0, 3, 0],
          [1, 4, 5],
          [1, 1, 1],
        ],
        options: { [at.shrinkAxisMask]: 0b010 },
        made: [[1, 5]],
      },
      ([, r]) => (r === 3 ? 0 : -1),
    ],
    [
      "halves of the channels",
      {
        kind: "split",
        shape: [1, 3, 4, 6],
        before: [[-1]],
        options: { [slots.split.count]: 2 },
        made: [
          [1, 3, 4, 3],
          [1, 3, 4, 3],
        ],
      },
      ([, , , c]) => Math.floor(c / 3),
    ],
    [
      "rows of three heights",
      {
        kind: "splitV",
        shape: [1, 6, 4, 2],
        after: [[1, -1, 2], [1]],
        made: [
          [1, 1, 4, 2],
          [1, 3, 4, 2],
          [1, 2, 4, 2],
        ],
      },
      ([, r]) => (r < 1 ? 0 : r < 4 ? 1 : 2),
    ],
    [
      "elements of a vector",
      {
        kind: "splitV",
        shape: [1, 7],
        after: [[3, 4], [1]],
        made: [
          [1, 3],
          [1, 4],
        ],
      },
      ([, i]) => (i < 3 ? 0 : 1),
    ],
    [
      "columns, their axis left out",
      {
        kind: "unpack",
        shape: [1, 3, 2, 4],
        options: { [slots.unpack.count]: 2, [slots.unpack.axis]: 2 },
        made: [
          [1, 3, 4],
          [1, 3, 4],
        ],
      },
      ([, , q]) => q,
    ],
  ];

  it.each(parts)("%s", (_, part, outputOf) => {
    const network = write(part);
    const bytes = randomBytes(part.shape);
    const expected = part.made.map((_, i) =>
      Int8Array.from(places(part.shape).flatMap((place, at) => (outputOf(place) === i ? [bytes[at]] : []))),
    );
    expect(runInteger(network, bytes)).toEqual(expected);
  });

  it("are refused by name where they turn around or leave the tensor", () => {
    const shape = [1, 4, 4, 2];
    const after = [
      [0, 3, 0, 0],
      [1, 0, 4, 2],
      [1, -1, 1, 1],
    ];
    expect(() => write({ kind: "stridedSlice", shape, after, made: [[1, 3, 4, 2]] })).toThrow(
      'operator 0 STRIDED_SLICE ("y0"): has stride -1; at least 1 can be imported',
    );
    const beyond = [
      [0, 3, 0, 0],
      [1, 2, 4, 2],
    ];
    expect(() => write({ kind: "slice", shape, after: beyond, made: [[1, 2, 4, 2]] })).toThrow(
      'operator 0 SLICE ("y0"): takes 2 from 3 on along axis 1 of [1,4,4,2]',
    );
  });
});

describe("TRANSPOSE and PADV2", () => {
  function transposed(shape: Shape, order: readonly number[], before?: "logistic") {
    const model = new TfliteModel("transpose");
    const x = model.value("x", shape, quantization(input));
    const probability = { scales: [1 / 256], zeroPoint: -128 };
    const source = before === undefined ? x : model.value("s", shape, probability);
    if (before !== undefined) model.operator(before, [x], source);
    const made = order.map((axis) => shape[axis]);
    const y = model.value("y", made, before === undefined ? quantization(input) : probability);
    model.operator("transpose", [source, model.constant("order", [order.length], Int32Array.from(order))], y);
    const pooled = model.value("z", made, before === undefined ? quantization(input) : probability);
    model.operator("maxPool2d", [y], pooled, () => ({
      [slots.pool.padding]: { byte: 1 },
      ...{ [slots.pool.strideWidth]: { int32: 1 }, [slots.pool.strideHeight]: { int32: 1 } },
      ...{ [slots.pool.filterWidth]: { int32: 1 }, [slots.pool.filterHeight]: { int32: 1 } },
    }));
    return importTflite(model.encode([x], [pooled]), "transpose.tflite");
  }

  it("at the input of NCHW is left out, and said", () => {
    const { network, input: taken, notes } = transposed([1, 3, 4, 5], [0, 2, 3, 1]);
    expect(taken.shape).toEqual([1, 4, 5, 3]);
    expect(notes[0]).toBe(
      "the input is [1,3,4,5] and TRANSPOSE brings its channels to the end: the network takes [1,4,5,3]",
    );
    const bytes = randomBytes([1, 4, 5, 3]);
    expect(runInteger(network, bytes)).toEqual([bytes]);
  });

  it("of what has one element only is another shape of the same bytes", () => {
    const { network } = transposed([1, 1, 6, 4], [0, 2, 1, 3], "logistic");
    expect(network.graph.shapes[network.graph.outputs[0]]).toEqual([1, 6, 1, 4]);
  });

  it.each([
    [
      [1, 3, 4, 5],
      [0, 2, 3, 1],
    ],
    [
      [1, 4, 5, 3],
      [0, 3, 1, 2],
    ],
    [
      [1, 3, 4, 5],
      [0, 2, 1, 3],
    ],
    [
      [1, 3, 4, 5],
      [0, 1, 3, 2],
    ],
    [
      [1, 3, 4, 5],
      [0, 3, 2, 1],
    ],
    [
      [1, 6, 1, 5],
      [0, 3, 1, 2],
    ],
    [
      [1, 6, 5],
      [0, 2, 1],
    ],
  ] as [Shape, number[]][])("within the network, %j by %j", (shape, order) => {
    const made = order.map((axis) => shape[axis]);
    const network = one("transpose", shape, made, [order]);
    const bytes = randomBytes(shape);
    const expected = places(made).map((place) => {
      const source = shape.map((_, axis) => place[order.indexOf(axis)]);
      return bytes[source.reduce((at, i, axis) => at * shape[axis] + i, 0)];
    });
    expect(every(network, bytes)).toEqual(Int8Array.from(expected));
  });

  it("of too many parts is refused", () => {
    expect(() => one("transpose", [1, 200, 200, 2], [1, 200, 200, 2], [[0, 2, 1, 3]])).toThrow(
      'operator 1 TRANSPOSE ("y"): exchanges axes of 200 and 200 elements, the shorter part by part; up to 128 can be imported',
    );
  });

  it("PADV2 of zeros pads, of another value is refused", () => {
    const write = (value: number) => {
      const model = new TfliteModel("pad");
      const x = model.value("x", [1, 2, 3, 2], quantization(input));
      const y = model.value("y", [1, 3, 5, 2], quantization(input));
      const sides = model.constant("sides", [4, 2], Int32Array.of(0, 0, 1, 0, 2, 0, 0, 0));
      const border = model.constant("value", [1], Int8Array.of(value), quantization(input));
      model.operator("padV2", [x, sides, border], y);
      return importTflite(model.encode([x], [y]), "pad.tflite").network;
    };
    const bytes = randomBytes([1, 2, 3, 2]);
    const expected = places([3, 5, 2]).map(([r, q, c]) =>
      r < 1 || q < 2 ? input.zeroPoint : bytes[((r - 1) * 3 + q - 2) * 2 + c],
    );
    expect(runInteger(write(input.zeroPoint), bytes)).toEqual([Int8Array.from(expected)]);
    expect(() => write(5)).toThrow('operator 0 PADV2 ("y"): pads with 5, where 0 is 3; zeros can be imported');
  });
});

describe("MEAN", () => {
  function mean(shape: Shape, axes: readonly number[], made: Shape) {
    const model = new TfliteModel("mean");
    const x = model.value("x", shape, quantization(input));
    const y = model.value("y", made, quantization(output));
    const over = model.constant("axes", [axes.length], Int32Array.from(axes));
    model.operator("mean", [x, over], y, () => ({
      [slots.reducer.keepDims]: { byte: Number(made.length === shape.length) },
    }));
    return importTflite(model.encode([x], [y]), "mean.tflite").network;
  }

  it.each([
    [[1, 4, 3, 5], [1], [1, 3, 5]],
    [[1, 4, 3, 5], [1, 2, 3], [1]],
    [
      [1, 4, 3, 5],
      [-3, -2],
      [1, 5],
    ],
    [[1, 4, 1, 5], [1], [1, 1, 1, 5]],
    [[1, 6, 5], [1], [1, 5]],
    [
      [1, 6, 5],
      [-1, 1],
      [1, 1, 1],
    ],
    [[1, 7], [1], [1]],
  ] as [Shape, number[], Shape][])("of %j over %j is %j", (shape, axes, made) => {
    const network = mean(shape, axes, made);
    const bytes = randomBytes(shape);
    const expected = expectedMean(shape, axes, bytes);
    expect(runInteger(network, bytes)).toEqual([Int8Array.from(expected)]);
  });

  it.each([
    [[1, 4, 3, 5], [3], [1, 4, 3, 1]],
    [[1, 4, 3, 5], [2], [1, 4, 5]],
    [
      [1, 4, 3, 5],
      [-1, 1],
      [1, 3],
    ],
    [
      [1, 4, 3, 6],
      [2, 3],
      [1, 4, 1, 1],
    ],
    [[1, 3, 8], [2], [1, 3, 1]],
  ] as [Shape, number[], Shape][])("of %j over %j, what is left lying apart, is %j", (shape, axes, made) => {
    const bytes = randomBytes(shape);
    const network = mean(shape, axes, made);
    expect(every(network, bytes)).toEqual(Int8Array.from(expectedMean(shape, axes, bytes)));
  });
});

describe("blocks, borders and stacks", () => {
  it.each([
    ["depthToSpace", [1, 3, 2, 12], 2],
    ["depthToSpace", [1, 2, 3, 9], 3],
    ["spaceToDepth", [1, 6, 4, 3], 2],
    ["spaceToDepth", [1, 3, 9, 2], 3],
  ] as const)("%s of %j in blocks of %i", (kind, shape, block) => {
    const [, h, w, c] = shape;
    const isDepth = kind === "depthToSpace";
    const made = isDepth ? [1, h * block, w * block, c / block ** 2] : [1, h / block, w / block, c * block ** 2];
    const network = one(kind, shape, made, [], { [slots.blocks.size]: { int32: block } });
    const bytes = randomBytes(shape);
    const [space, depth] = isDepth ? [made, shape] : [shape, made];
    const expected = new Int8Array(bytes.length);
    for (const [, r, q, k] of places(space)) {
      const [y, x] = [Math.floor(r / block), Math.floor(q / block)];
      const channel = ((r % block) * block + (q % block)) * space[3] + k;
      const [inSpace, inDepth] = [(r * space[2] + q) * space[3] + k, (y * depth[2] + x) * depth[3] + channel];
      if (isDepth) expected[inSpace] = bytes[inDepth];
      else expected[inDepth] = bytes[inSpace];
    }
    expect(every(network, bytes)).toEqual(expected);
  });

  it.each([
    ["reflect", 0],
    ["symmetric", 1],
  ] as const)("MIRROR_PAD, %s", (_, mode) => {
    const [shape, made] = [
      [1, 4, 3, 2],
      [1, 7, 7, 2],
    ];
    const sides = [0, 0, 2, 1, 2, 2, 0, 0];
    const network = one("mirrorPad", shape, made, [sides], { [slots.mirrorPad.mode]: { byte: mode } });
    const bytes = randomBytes(shape);
    const inside = (i: number, size: number) => (i < 0 ? -i - mode : i >= size ? 2 * size - 2 + mode - i : i);
    const expected = places(made).map(([, r, q, c]) => bytes[(inside(r - 2, 4) * 3 + inside(q - 2, 3)) * 2 + c]);
    expect(every(network, bytes)).toEqual(Int8Array.from(expected));
    expect(() => one("mirrorPad", shape, [1, 4, 3, 3], [[0, 0, 0, 0, 0, 0, 0, 1]])).toThrow(
      "height and width of a map",
    );
    expect(() => one("mirrorPad", shape, [1, 12, 3, 2], [[0, 0, 8, 0, 0, 0, 0, 0]])).toThrow("mirrors 8 and 0 of 4");
  });

  it.each([
    [
      [1, 3, 2, 4],
      [0, 0, 1, 0, 0, 2, 3, 1],
      [1, 4, 4, 8],
    ],
    [
      [1, 3, 2, 4],
      [0, 0, 0, 0, 0, 0, 0, 5],
      [1, 3, 2, 9],
    ],
    [
      [1, 6],
      [0, 0, 2, 3],
      [1, 11],
    ],
    [
      [1, 3, 4],
      [0, 0, 1, 1, 0, 2],
      [1, 5, 6],
    ],
  ] as [Shape, number[], Shape][])("PAD of %j by %j is %j", (shape, sides, made) => {
    const bytes = randomBytes(shape);
    const expected = places(made).map((place) => {
      const source = place.map((i, axis) => i - sides[2 * axis]);
      const isInside = source.every((i, axis) => i >= 0 && i < shape[axis]);
      return isInside ? bytes[source.reduce((at, i, axis) => at * shape[axis] + i, 0)] : input.zeroPoint;
    });
    expect(every(one("pad", shape, made, [sides]), bytes)).toEqual(Int8Array.from(expected));
  });

  it.each([
    [[1, 3, 4], 2, [1, 3, 2, 4]],
    [[1, 3, 4], -1, [1, 3, 4, 2]],
    [[3, 4], 0, [2, 3, 4]],
  ] as [Shape, number, Shape][])("PACK of two %j along %i is %j", (shape, axis, made) => {
    const model = new TfliteModel("pack");
    const x = model.value("x", shape[0] === 1 ? shape : [1, ...shape], quantization(input));
    const source = shape[0] === 1 ? x : model.value("s", shape, quantization(input));
    if (source !== x) model.operator("reshape", [x], source);
    const y = model.value("y", made, quantization(input));
    model.operator("pack", [source, source], y, () => ({ [slots.pack.axis]: { int32: axis } }));
    const bytes = randomBytes(shape);
    const along = (axis + made.length) % made.length;
    const expected = places(made).map(
      (place) => bytes[place.filter((_, each) => each !== along).reduce((at, i, each) => at * shape[each] + i, 0)],
    );
    expect(every(importTflite(model.encode([x], [y]), "pack.tflite").network, bytes)).toEqual(Int8Array.from(expected));
  });

  it("ARG_MAX at the output is refused with what to do", () => {
    expect(() => one("argMax", [1, 5], [1], [[1]])).toThrow(
      'operator 1 ARG_MAX ("y"): gives an index, which is no int8; convert the network up to its scores: who reads them takes the largest',
    );
  });
});
