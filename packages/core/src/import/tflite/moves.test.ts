/** Operators that our own files do not have, in files written for the purpose: against brute force. */
import { describe, expect, it } from "vitest";
import { quantizeMultiplier, rescale } from "../../../../../test/conformance/references/integer.js";
import { TfliteModel } from "../../export/tflite/model.js";
import { runInteger } from "../../inference/index.js";
import { Random, type Shape, sizeOf } from "../../tensor/index.js";
import { importTflite } from "./index.js";
import { slots } from "./schema.js";

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
    const expected = [...sums.values()].map((sum) =>
      Math.max(-128, Math.min(127, Number(rescale(BigInt(sum), by)) + output.zeroPoint)),
    );
    expect(runInteger(network, bytes)).toEqual([Int8Array.from(expected)]);
  });

  it("is refused where what is left does not lie together", () => {
    expect(() => mean([1, 4, 3, 5], [3], [1, 4, 3, 1])).toThrow(
      'operator 0 MEAN ("y"): is over axes 3 of [1,4,3,5]; those before all that are left, such as height and width of a map, can be imported',
    );
  });
});
