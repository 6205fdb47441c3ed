/** Files with open sizes, in which converters write 1 for every size that depends on the input's. */
import { describe, expect, it } from "vitest";
import { type TensorIndex, TfliteModel } from "../../export/tflite/model.js";
import { runFloat, runInteger } from "../../inference/index.js";
import { Random, type Shape, sizeOf, tensor } from "../../tensor/index.js";
import { importFloatTflite, importTflite } from "./index.js";
import { paddings, slots } from "./schema.js";

const quantization = { scales: [0.5], zeroPoint: 3 };
const probability = { scales: [1 / 256], zeroPoint: -128 };
const sized: Shape = [1, 14, 10, 3];

/** A network of most operators that change sizes. With `open`, only constants state their sizes. */
function write({ open = false, input = sized, shapes = false, float = false } = {}): Uint8Array {
  const model = new TfliteModel("open");
  const random = new Random(3, 4);
  const at = float ? undefined : quantization;
  const value = (name: string, shape: Shape, of: typeof at = at) =>
    model.value(
      name,
      open ? shape.map((size, axis) => (axis === shape.length - 1 ? size : 1)) : shape,
      float ? undefined : of,
    );
  const ints = (name: string, shape: Shape, values: readonly number[]) =>
    model.constant(name, shape, Int32Array.from(values));
  const weights = (name: string, shape: Shape, dimension: number) => {
    const data = Array.from({ length: sizeOf(shape) }, () => random.integer(255) - 127);
    return float
      ? model.constant(
          name,
          shape,
          Float32Array.from(data, (each) => each / 500),
        )
      : model.constant(name, shape, Int8Array.from(data), { scales: [0.002], zeroPoint: 0, dimension });
  };
  const window = (at: Record<"padding" | "strideWidth" | "strideHeight", number>, padding: number, stride: number) => ({
    [at.padding]: { byte: padding },
    ...{ [at.strideWidth]: { int32: stride }, [at.strideHeight]: { int32: stride } },
  });
  const made = (
    kind: Parameters<TfliteModel["operator"]>[0],
    inputs: TensorIndex[],
    name: string,
    shape: Shape,
    options = {},
    of = at,
  ) => model.operator(kind, inputs, value(name, shape, of), () => options);

  const x = model.value("x", open ? [-1, -1, -1, 3] : input, at);
  const a = made(
    "conv2d",
    [x, weights("wa", [4, 3, 3, 3], 0)],
    "a",
    [1, 7, 5, 4],
    window(slots.conv2d, paddings.same, 2),
  );
  const b = made("depthwiseConv2d", [a, weights("wb", [1, 3, 3, 4], 3)], "b", [1, 5, 3, 4], {
    ...window(slots.depthwise, paddings.valid, 1),
    [slots.depthwise.depthMultiplier]: { int32: 1 },
  });
  const pool = { [slots.pool.filterWidth]: { int32: 2 }, [slots.pool.filterHeight]: { int32: 2 } };
  let c = made("maxPool2d", [b], "c", [1, 4, 2, 4], { ...window(slots.pool, paddings.valid, 1), ...pool });
  c = made("add", [c, c], "sum", [1, 4, 2, 4]);
  if (!float) {
    c = made("pad", [c, ints("sides", [4, 2], [0, 0, 1, 0, 0, 2, 0, 0])], "padded", [1, 5, 4, 4]);
    c = made(
      "stridedSlice",
      [
        c,
        ...[
          [0, 0, 1, 0],
          [1, 5, 4, 4],
          [1, 1, 1, 1],
        ].map((list, i) => ints(`cut${i}`, [4], list)),
      ],
      "cut",
      [1, 5, 3, 4],
      { [slots.stridedSlice.endMask]: { int32: 0b1111 } },
    );
    c = made("concatenation", [c, b], "joined", [1, 5, 3, 8], { [slots.concatenation.axis]: { int32: -1 } });
    // Twice its height and width, computed as Keras does.
    const size = model.operator("shape", [c], model.integers("size", [4]));
    const sides = model.operator(
      "stridedSlice",
      [size, ints("from", [1], [1]), ints("to", [1], [3]), ints("by", [1], [1])],
      model.integers("sides2", [2]),
    );
    const twice = model.operator("mul", [sides, ints("two", [2], [2, 2])], model.integers("twice", [2]));
    c = made("resizeNearest", [c, shapes ? twice : ints("fixed", [2], [10, 6])], "larger", [1, 10, 6, 8]);
    c = made("logistic", [c], "gate", [1, 10, 6, 8], {}, probability);
  }
  const features = float ? 32 : 480;
  const flat = (() => {
    const batch = model.operator(
      "stridedSlice",
      [
        model.operator("shape", [c], model.integers("all", [4])),
        ints("at", [1], [0]),
        ints("end", [1], [1]),
        ints("step", [1], [1]),
      ],
      model.integers("batch", []),
      () => ({ [slots.stridedSlice.shrinkAxisMask]: { int32: 1 } }),
    );
    const target = model.operator("pack", [batch, ints("rest", [], [-1])], model.integers("target", [2]));
    return made(
      "reshape",
      [c, shapes ? target : ints("target2", [2], [1, features])],
      "flat",
      [1, features],
      {},
      float ? undefined : probability,
    );
  })();
  const y = made("fullyConnected", [flat, weights("wy", [5, features], 0)], "y", [1, 5]);
  return model.encode([x], [y]);
}

const bytes = Int8Array.from({ length: sizeOf(sized) }, (_, i) => ((i * 37) % 256) - 128);

describe("an input whose sizes are not fixed", () => {
  it("has those that are given: the network is that of a file of these sizes", () => {
    const fixed = importTflite(write(), "fixed.tflite");
    const open = importTflite(write({ open: true, shapes: true }), "open.tflite", { shape: { sizes: sized } });
    expect(open.network.graph.shapes[open.network.graph.outputs[0]]).toEqual([1, 5]);
    expect(open.input.shape).toEqual(sized);
    expect(runInteger(open.network, bytes)).toEqual(runInteger(fixed.network, bytes));
    expect(new Set(runInteger(fixed.network, bytes)[0]).size).toBeGreaterThan(2);
    const named = importTflite(write({ open: true }), "open.tflite", { shape: { name: "x", sizes: sized } });
    expect(runInteger(named.network, bytes)).toEqual(runInteger(fixed.network, bytes));
  });

  it("of floats likewise", () => {
    const image = tensor(
      "float32",
      sized,
      Float32Array.from(bytes, (byte) => byte / 128),
    );
    const outputs = [write({ float: true }), write({ float: true, open: true, shapes: true })].map((file) => {
      const { graph, weights } = importFloatTflite(file, "net.tflite", { shape: { sizes: sized } });
      return runFloat(graph, weights, { image })[graph.outputs[0]].data;
    });
    expect(outputs[1]).toEqual(outputs[0]);
    expect(new Set(outputs[0]).size).toBe(5);
  });

  it.each<[string, Parameters<typeof importTflite>[2], string]>([
    ["without them", {}, 'its input "x" is [?,?,?,3], whose sizes are not all fixed; give them: --shape 1,96,96,3'],
    [
      "of other channels",
      { shape: { sizes: [1, 14, 10, 4] } },
      '--shape is [1,14,10,4], and its input "x" is [?,?,?,3]; fixed sizes stay',
    ],
    ["of another rank", { shape: { sizes: [14, 10, 3] } }, "--shape is [14,10,3]"],
    ["of another input", { shape: { name: "y", sizes: sized } }, '--shape is of the input "y", and its input is "x"'],
    ["too large", { shape: { sizes: [1, 2 ** 20, 10, 3] } }, "sizes of 1 to 65536 can be imported"],
    [
      "that its weights are not for",
      { shape: { sizes: [1, 16, 10, 3] } },
      'FULLY_CONNECTED ("y"): has weights of 480 features for [1,576]; give the --shape that they are for',
    ],
    [
      "below its windows",
      { shape: { sizes: [1, 2, 10, 3] } },
      'operator 1 DEPTHWISE_CONV_2D ("b"): makes [1,-1,3,4] of [1,1,5,4] and [1,3,3,4]; give a larger --shape',
    ],
  ])("is refused %s", (_, options, message) => {
    expect(() => importTflite(write({ open: true, shapes: true }), "open.tflite", options)).toThrow(message);
  });

  it("that is fixed stays: another is refused", () => {
    const file = write();
    expect(importTflite(file, "fixed.tflite", { shape: { sizes: sized } }).input.shape).toEqual(sized);
    expect(() => importTflite(file, "fixed.tflite", { shape: { sizes: [1, 28, 20, 3] } })).toThrow(
      '--shape is [1,28,20,3], and its input "x" is [1,14,10,3]; fixed sizes stay',
    );
  });
});
