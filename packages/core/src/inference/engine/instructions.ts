/** Turns each step into instructions of the int8 engine, and stores its constants in the engine's memory. */
import type { int8Opcodes } from "../../kernels/index.js";
import type {
  IntegerAveragePool,
  IntegerConstant,
  IntegerExtreme,
  IntegerGlobalAveragePool,
  IntegerLookup,
  IntegerMaxPool,
  IntegerMaxWindow,
  IntegerPad,
  IntegerSoftmax,
} from "../../quantization/index.js";
import { add } from "./add.js";
import type { Constants } from "./constants.js";
import type { Step } from "./fusion.js";
import { layoutOf, outputWords } from "./layout.js";
import { convolution, dense } from "./linear.js";
import { concat, resize, slice } from "./moves.js";
import { multiply } from "./multiply.js";
import { repeated } from "./repeat.js";
import { efforts, panelOf } from "./requantization.js";

export interface Instruction {
  readonly opcode: keyof typeof int8Opcodes;
  readonly words: readonly number[];
}

/** Addresses of an instruction's memory. */
export interface Places {
  readonly inputs: readonly number[];
  readonly output: number;
  /** Table of a look-up applied to the output in place; 0 for none. */
  readonly table: number;
  readonly scratch: number;
}

/** The instructions of a step; none for an input or a flattened map of one pixel. */
export function instructionsOf(step: Step, places: Places, constants: Constants): Instruction[] {
  const { node } = step;
  switch (node.op) {
    case "input":
      return [];
    case "flatten":
    case "reshape":
      return flatten(step, places);
    case "conv2d":
      return [convolution({ ...step, node }, places, constants)];
    case "dense":
      return [dense(node, places, constants)];
    case "add":
      return repeated(node, places, (wide) => add(node, wide, constants));
    case "multiply":
      return repeated(node, places, (wide) => multiply(node, wide, constants));
    case "extreme":
      return repeated(node, places, (wide) => extreme(node, wide));
    case "constant":
      return [constant(node, places, constants)];
    case "globalAveragePool":
      return [globalAveragePool(node, places, constants)];
    case "lookup":
      return [lookup(node, places, constants)];
    case "maxPool":
      return [maxPool(node, places)];
    case "averagePool":
    case "maxWindow":
      return [windowPool(node, places)];
    case "softmax":
      return [softmax(node, places, constants)];
    case "pad":
      return [pad(node, places)];
    case "resize":
      return [resize(node, places, constants)];
    case "slice":
      return [slice(node, places)];
    case "concat":
      return concat(node, places);
  }
}

/** Whether a reshape from one pixel to one pixel leaves the bytes as they are. */
export const isAlias = ({ node }: Step): boolean =>
  (node.op === "flatten" || node.op === "reshape") &&
  layoutOf(node.inputShapes[0]).pixels === 1 &&
  layoutOf(node.outputShape).pixels === 1;

function flatten(step: Step, { inputs, output, scratch }: Places): Instruction[] {
  if (isAlias(step)) return [];
  const from = layoutOf(step.node.inputShapes[0]);
  const to = layoutOf(step.node.outputShape);
  return [
    { opcode: "fromPlanes", words: [inputs[0], scratch, from.pixels, from.channels, from.planeBytes] },
    { opcode: "toPlanes", words: [scratch, output, to.pixels, to.channels, to.planeBytes] },
  ];
}

function extreme(node: IntegerExtreme, { inputs, output }: Places): Instruction {
  return { opcode: "extreme", words: [...inputs, output, layoutOf(node.outputShape).bytes, Number(node.largest)] };
}

function constant({ data, outputShape }: IntegerConstant, { output }: Places, constants: Constants): Instruction {
  const { pixels, channels, planeBytes } = layoutOf(outputShape);
  return { opcode: "toPlanes", words: [constants.store(data), output, pixels, channels, planeBytes] };
}

function globalAveragePool(node: IntegerGlobalAveragePool, places: Places, constants: Constants): Instruction {
  const { inputs, output, table } = places;
  const { count } = node;
  const panel = panelOf({ ...node, low: -256 * count, high: 256 * count }, constants, efforts.none);
  const { planes, planeBytes } = layoutOf(node.inputShapes[0]);
  const words = [inputs[0], output, count, planes, planeBytes, -count * node.inputZeroPoint, panel];
  return { opcode: "globalAveragePool", words: [...words, ...outputWords(node), table] };
}

function lookup(node: IntegerLookup, { inputs, output }: Places, constants: Constants): Instruction {
  const words = [inputs[0], output, layoutOf(node.outputShape).bytes, constants.store(byUnsigned(node.table))];
  return { opcode: "lookup", words };
}

/** An int8 table in the order of unsigned bytes: 0..127, then -128..-1. */
export function byUnsigned(table: Int8Array): Int8Array {
  const turned = new Int8Array(256);
  turned.set(table.subarray(128));
  turned.set(table.subarray(0, 128), 128);
  return turned;
}

function maxPool({ size, stride, inputShapes, outputShape }: IntegerMaxPool, places: Places): Instruction {
  const { inputs, output, table } = places;
  const from = layoutOf(inputShapes[0]);
  const to = layoutOf(outputShape);
  const map = [inputShapes[0][2], from.planes, size, stride, outputShape[1], outputShape[2]];
  return { opcode: "maxPool", words: [inputs[0], output, ...map, from.planeBytes, to.planeBytes, table] };
}

function windowPool(node: IntegerAveragePool | IntegerMaxWindow, places: Places): Instruction {
  const { op, kernel, stride, padding, inputShapes, outputShape } = node;
  const { inputs, output } = places;
  const from = layoutOf(inputShapes[0]);
  const to = layoutOf(outputShape);
  const [, height, width] = inputShapes[0];
  const [, outHeight, outWidth] = outputShape;
  const map = [height, width, from.planes, outHeight, outWidth, ...kernel, ...stride, padding.top, padding.left];
  return { opcode: op, words: [inputs[0], output, ...map, from.planeBytes, to.planeBytes] };
}

function softmax(node: IntegerSoftmax, { inputs, output }: Places, constants: Constants): Instruction {
  const { pixels, channels, planeBytes } = layoutOf(node.outputShape);
  const exponentials = constants.store(node.exponentials);
  return { opcode: "softmax", words: [inputs[0], output, pixels, channels, planeBytes, exponentials] };
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
