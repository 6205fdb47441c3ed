/** One instruction of the int8 engine for each integer node, with its constants in the engine's memory. */
import type { int8Opcodes } from "../../kernels/index.js";
import {
  foldedBias,
  type IntegerAdd,
  type IntegerConv2d,
  type IntegerDense,
  type IntegerGlobalAveragePool,
  type IntegerLinear,
  type IntegerLookup,
  type IntegerMaxPool,
  type IntegerMultiply,
  type IntegerNode,
  type IntegerPad,
  multiplyByQuantizedMultiplier,
} from "../../quantization/index.js";
import { sizeOf } from "../../tensor/index.js";
import { rescalingBlocks } from "./requantization.js";
import { packPanels, padToEight, sumBounds } from "./weights.js";

export interface Instruction {
  readonly opcode: keyof typeof int8Opcodes;
  readonly words: readonly number[];
}

/** Where an instruction's memory is. */
export interface Places {
  readonly inputs: readonly number[];
  readonly output: number;
  /** Of a look-up that follows at once, applied to the output in place; 0: none. */
  readonly table: number;
  readonly scratch: number;
}

/** Puts constants into memory: their address. */
export type Store = (bytes: ArrayBufferView) => number;

/** Bytes of windows that are multiplied at a time: they and a panel of weights stay in the first-level cache. */
const blockBytes = 16384;

export function instructionOf(node: IntegerNode, places: Places, store: Store): Instruction | undefined {
  switch (node.op) {
    case "input":
    case "flatten":
      return undefined;
    case "conv2d":
      return node.depthwise ? depthwise(node, places, store) : convolution(node, places, store);
    case "dense":
      return dense(node, places, store);
    case "add":
      return add(node, places, store);
    case "multiply":
      return multiply(node, places, store);
    case "globalAveragePool":
      return globalAveragePool(node, places, store);
    case "lookup":
      return lookup(node, places, store);
    case "maxPool":
      return maxPool(node, places);
    case "pad":
      return pad(node, places);
  }
}

/** Bytes of scratch that the node's kernel needs. */
export function scratchBytesOf(node: IntegerNode): number {
  if (node.op === "dense") return 4 * pitchOf(sizeOf(node.inputShapes[0])) + slackBytes;
  if (node.op !== "conv2d") return 0;
  if (node.depthwise) {
    const { height, width, channels } = paddedMap(node);
    return height * width * channels + slackBytes;
  }
  if (node.groups > 1) return 0;
  const pitch = pitchOf(windowOf(node));
  return blockOf(pitch) * pitch + slackBytes;
}

/** Vectors may read and write so far behind the last element. */
export const slackBytes = 64;

const pitchOf = (window: number): number => 4 * ((window + 1) >> 1);
const blockOf = (pitch: number): number => Math.max(4, 4 * Math.floor(blockBytes / pitch / 4));
const windowOf = ({ kernel, inputShapes }: IntegerConv2d): number => kernel[0] * kernel[1] * inputShapes[0][3];

interface Constants {
  readonly bias: number;
  readonly quant: number;
  readonly way: number;
  readonly clamps: readonly number[];
}

function constantsOf(node: IntegerLinear & { readonly outputZeroPoint: number }, store: Store): Constants {
  const bias = foldedBias(node);
  const blocks = rescalingBlocks({ ...node, bounds: sumBounds(node.weights, bias) });
  return {
    bias: store(padToEight(bias)),
    quant: store(blocks.bytes),
    way: blocks.way,
    clamps: [node.outputZeroPoint, node.clampMin, node.clampMax],
  };
}

function convolution(node: IntegerConv2d, { inputs, output, table, scratch }: Places, store: Store): Instruction {
  const { kernel, stride, padding, groups } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth, filters] = node.outputShape;
  const { bias, quant, way, clamps } = constantsOf(node, store);
  if (groups > 1) {
    const weights = store(node.weights);
    const geometry = [height, width, channels, ...kernel, ...stride, padding.top, padding.left, outHeight, outWidth];
    const words = [inputs[0], output, filters, groups, weights, bias, quant, ...clamps, table, ...geometry];
    return { opcode: "groupedConvolution", words: [...words, node.inputZeroPoint] };
  }
  const window = windowOf(node);
  const weights = store(packPanels(node.weights, filters, window));
  const plain = window === channels && stride[0] === 1 && stride[1] === 1 && outHeight === height && outWidth === width;
  return {
    opcode: "linear",
    words: [
      ...[inputs[0], output, outHeight * outWidth, window, filters, weights, bias, quant, ...clamps, table, scratch],
      ...[blockOf(pitchOf(window)), Number(plain), height, width, channels, ...kernel, ...stride],
      ...[padding.top, padding.left, outWidth, node.inputZeroPoint, way],
    ],
  };
}

function dense(node: IntegerDense, { inputs, output, table, scratch }: Places, store: Store): Instruction {
  const features = sizeOf(node.inputShapes[0]);
  const units = sizeOf(node.outputShape);
  const weights = store(packPanels(node.weights, units, features));
  const { bias, quant, way, clamps } = constantsOf(node, store);
  const geometry = [1, 1, features, 1, 1, 1, 1, 0, 0, 1, node.inputZeroPoint, way];
  const words = [inputs[0], output, 1, features, units, weights, bias, quant, ...clamps, table, scratch, 4, 1];
  return { opcode: "linear", words: [...words, ...geometry] };
}

function paddedMap({ inputShapes, padding }: IntegerConv2d): { height: number; width: number; channels: number } {
  const [, height, width, channels] = inputShapes[0];
  return { height: height + padding.top + padding.bottom, width: width + padding.left + padding.right, channels };
}

function depthwise(node: IntegerConv2d, { inputs, output, table, scratch }: Places, store: Store): Instruction {
  const { kernel, stride, padding } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const padded = paddedMap(node);
  const taps = kernel[0] * kernel[1];
  const pairs = (taps + 1) >> 1;
  // The last tap of an odd number has itself beside it, with a weight of 0.
  const offsets = Int32Array.from({ length: 2 * pairs }, (_, t) => {
    const tap = Math.min(t, taps - 1);
    return (Math.floor(tap / kernel[1]) * padded.width + (tap % kernel[1])) * channels;
  });
  const { bias, quant, way, clamps } = constantsOf(node, store);
  return {
    opcode: "depthwise",
    words: [
      ...[inputs[0], output, height, width, channels, ...kernel, ...stride, padding.top, padding.left],
      ...[padded.height, padded.width, outHeight, outWidth, store(packPanels(node.weights, channels, taps))],
      ...[bias, quant, ...clamps, table, scratch, store(offsets), pairs, node.inputZeroPoint, way],
    ],
  };
}

function add(node: IntegerAdd, { inputs, output, table }: Places, store: Store): Instruction {
  const tables = ([0, 1] as const).map((i) =>
    store(
      Int32Array.from({ length: 256 }, (_, q) =>
        multiplyByQuantizedMultiplier(
          (q - 128 - node.inputZeroPoints[i]) << node.leftShift,
          node.inputMultipliers[i],
          node.inputShifts[i],
        ),
      ),
    ),
  );
  const scaling = [node.multiplier, node.shift, node.outputZeroPoint, node.clampMin, node.clampMax];
  return { opcode: "add", words: [...inputs, output, sizeOf(node.outputShape), ...tables, ...scaling, table] };
}

/** Blocks of eight channels that are alike. */
function sameForAll(multiplier: number, shift: number, bound: number) {
  const eight = { length: 8 };
  return rescalingBlocks({
    multipliers: Array.from(eight, () => multiplier),
    shifts: Array.from(eight, () => shift),
    bounds: Array.from(eight, () => bound),
  });
}

function multiply(node: IntegerMultiply, { inputs, output, table }: Places, store: Store): Instruction {
  const channels = node.outputShape.at(-1)!;
  const blocks = sameForAll(node.multiplier, node.shift, 255 * 255);
  const clamps = [node.outputZeroPoint, node.clampMin, node.clampMax];
  const map = [sizeOf(node.outputShape) / channels, channels, Number(node.broadcast), ...node.inputZeroPoints];
  const words = [...inputs, output, ...map, store(blocks.bytes), ...clamps, table, blocks.way];
  return { opcode: "multiply", words };
}

function globalAveragePool(node: IntegerGlobalAveragePool, places: Places, store: Store): Instruction {
  const { inputs, output, table } = places;
  const { count } = node;
  const blocks = sameForAll(node.multiplier, node.shift, 256 * count);
  const clamps = [node.outputZeroPoint, node.clampMin, node.clampMax];
  const start = -count * node.inputZeroPoint;
  const words = [inputs[0], output, count, node.outputShape.at(-1)!, start, store(blocks.bytes), ...clamps, table];
  return { opcode: "globalAveragePool", words: [...words, blocks.way] };
}

function lookup(node: IntegerLookup, { inputs, output }: Places, store: Store): Instruction {
  return { opcode: "lookup", words: [inputs[0], output, sizeOf(node.outputShape), store(byUnsigned(node.table))] };
}

/** A table of int8 in the order of unsigned bytes: 0..127, then -128..-1. */
export function byUnsigned(table: Int8Array): Int8Array {
  return Int8Array.from(table, (_, u) => table[u ^ 128]);
}

function maxPool({ size, stride, inputShapes, outputShape }: IntegerMaxPool, places: Places): Instruction {
  const [, , width, channels] = inputShapes[0];
  const { inputs, output, table } = places;
  return {
    opcode: "maxPool",
    words: [inputs[0], output, width, channels, size, stride, outputShape[1], outputShape[2], table],
  };
}

function pad(node: IntegerPad, { inputs, output }: Places): Instruction {
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const { top, left } = node.padding;
  const words = [inputs[0], output, height, width * channels, outHeight, outWidth * channels, top, left * channels];
  return { opcode: "pad", words: [...words, node.outputZeroPoint] };
}
