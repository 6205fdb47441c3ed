/** One instruction of the int8 engine for each step, with its constants in the engine's memory. */
import type { int8Opcodes } from "../../kernels/index.js";
import type { IntegerGlobalAveragePool, IntegerLookup, IntegerMaxPool, IntegerPad } from "../../quantization/index.js";
import { add } from "./add.js";
import type { Step } from "./fusion.js";
import { layoutOf, natural, outputWords } from "./layout.js";
import { convolution, dense } from "./linear.js";
import { multiply } from "./multiply.js";
import { alikePanel } from "./requantization.js";

export interface Instruction {
  readonly opcode: keyof typeof int8Opcodes;
  readonly words: readonly number[];
}

/** Where an instruction's memory is. */
export interface Places {
  readonly inputs: readonly number[];
  readonly output: number;
  /** Of a look-up applied to the output in place; 0: none. */
  readonly table: number;
  readonly scratch: number;
}

/** Puts constants into memory: their address. */
export type Store = (bytes: ArrayBufferView) => number;

/** Undefined for what is no work: an input, a flattened map of one pixel. */
export function instructionsOf(step: Step, places: Places, store: Store): Instruction[] {
  const { node } = step;
  switch (node.op) {
    case "input":
      return [];
    case "flatten":
      return flatten(step, places);
    case "conv2d":
      return [convolution({ ...step, node }, places, store)];
    case "dense":
      return [dense(node, places, store)];
    case "add":
      return [add(node, places, store)];
    case "multiply":
      return [multiply(node, places, store)];
    case "globalAveragePool":
      return [globalAveragePool(node, places, store)];
    case "lookup":
      return [lookup(node, places, store)];
    case "maxPool":
      return [maxPool(node, places)];
    case "pad":
      return [pad(node, places)];
  }
}

/** A flattened map of one pixel is the same bytes. */
export const isAlias = ({ node }: Step): boolean => node.op === "flatten" && layoutOf(node.inputShapes[0]).pixels === 1;

function flatten(step: Step, { inputs, output, scratch }: Places): Instruction[] {
  if (isAlias(step)) return [];
  const from = layoutOf(step.node.inputShapes[0]);
  const to = layoutOf(step.node.outputShape);
  return [
    { opcode: "fromPlanes", words: [inputs[0], scratch, from.pixels, from.channels, from.planeBytes] },
    { opcode: "toPlanes", words: [scratch, output, 1, to.channels, to.planeBytes] },
  ];
}

function globalAveragePool(node: IntegerGlobalAveragePool, places: Places, store: Store): Instruction {
  const { inputs, output, table } = places;
  const { count } = node;
  const panel = alikePanel({ ...node, fewSums: true }, { low: -256 * count, high: 256 * count }, natural);
  const { planes, planeBytes } = layoutOf(node.inputShapes[0]);
  const words = [inputs[0], output, count, planes, planeBytes, -count * node.inputZeroPoint, store(panel)];
  return { opcode: "globalAveragePool", words: [...words, ...outputWords(node), table] };
}

function lookup(node: IntegerLookup, { inputs, output }: Places, store: Store): Instruction {
  const words = [inputs[0], output, layoutOf(node.outputShape).bytes, store(byUnsigned(node.table))];
  return { opcode: "lookup", words };
}

/** A table of int8 in the order of unsigned bytes: 0..127, then -128..-1. */
export function byUnsigned(table: Int8Array): Int8Array {
  return Int8Array.from(table, (_, u) => table[u ^ 128]);
}

function maxPool({ size, stride, inputShapes, outputShape }: IntegerMaxPool, places: Places): Instruction {
  const { inputs, output, table } = places;
  const from = layoutOf(inputShapes[0]);
  const to = layoutOf(outputShape);
  const map = [inputShapes[0][2], from.planes, size, stride, outputShape[1], outputShape[2]];
  return { opcode: "maxPool", words: [inputs[0], output, ...map, from.planeBytes, to.planeBytes, table] };
}

function pad(node: IntegerPad, { inputs, output }: Places): Instruction {
  const from = layoutOf(node.inputShapes[0]);
  const to = layoutOf(node.outputShape);
  const [, height, width] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const { top, left } = node.padding;
  const words = [inputs[0], output, height, width, outHeight, outWidth, top, left, node.outputZeroPoint];
  return { opcode: "pad", words: [...words, from.planes, from.planeBytes, to.planeBytes] };
}
