/** Instructions that move bytes from one map to another. */
import type { ResizeTap } from "../../graph/index.js";
import type { IntegerConcat, IntegerResize, IntegerSlice } from "../../quantization/index.js";
import type { Shape } from "../../tensor/index.js";
import type { Constants } from "./constants.js";
import type { Instruction, Places } from "./instructions.js";
import { layoutOf } from "./layout.js";

/** Row, column and channel. */
type Position = readonly [row: number, column: number, channel: number];

interface Block {
  readonly size: Position;
  /** Position of its first element in the input, and the step between elements. */
  readonly from: Position;
  readonly step: Position;
  /** Position of its first element in the output. */
  readonly to: Position;
}

/** Size of a map; `[1, features]` is a map of one pixel. */
const mapOf = (shape: Shape): Position =>
  shape.length === 4 ? [shape[1], shape[2], shape[3]] : [1, 1, shape[shape.length - 1]];

export function concat(node: IntegerConcat, { inputs, output }: Places): Instruction[] {
  const axis = node.outputShape.length === 4 ? node.axis - 1 : 2;
  let before = 0;
  return node.inputShapes.map((shape, i) => {
    const size = mapOf(shape);
    const to: Position = [axis === 0 ? before : 0, axis === 1 ? before : 0, axis === 2 ? before : 0];
    before += size[axis];
    return move([inputs[i], shape], [output, node.outputShape], { size, from: [0, 0, 0], step: [1, 1, 1], to });
  });
}

export function slice(node: IntegerSlice, { inputs, output }: Places): Instruction {
  const { begin, step, inputShapes, outputShape } = node;
  const block = { size: mapOf(outputShape), from: begin, step: [...step, 1], to: [0, 0, 0] } as const;
  return move([inputs[0], inputShapes[0]], [output, outputShape], block);
}

type Map = readonly [address: number, shape: Shape];

/** Copies a block of one map into another. */
function move([x, inputShape]: Map, [y, outputShape]: Map, { size, from, step, to }: Block): Instruction {
  const [, inputWidth] = mapOf(inputShape);
  const [, outputWidth] = mapOf(outputShape);
  const source = [from[0] * inputWidth + from[1], step[0] * inputWidth, step[1], from[2], step[2]];
  const target = [to[0] * outputWidth + to[1], outputWidth, to[2], layoutOf(outputShape).planeBytes];
  return { opcode: "move", words: [x, y, ...size, ...source, layoutOf(inputShape).planeBytes, ...target] };
}

export function resize(node: IntegerResize, { inputs, output }: Places, constants: Constants): Instruction {
  const [from, to] = [layoutOf(node.inputShapes[0]), layoutOf(node.outputShape)];
  const [, , width] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const taps = [node.rows, node.columns].map((each) => constants.store(wordsOf(each)));
  const words = [inputs[0], output, width, from.planes, outHeight, outWidth, ...taps];
  return { opcode: "resize", words: [...words, from.planeBytes, to.planeBytes] };
}

const wordsOf = (taps: readonly ResizeTap[]): Int32Array =>
  Int32Array.from(taps.flatMap(({ lower, upper, weight }) => [lower, upper, weight]));
