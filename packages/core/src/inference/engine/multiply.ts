/** Products of two int8: an instruction, or constants for a product taken on the way into a pointwise convolution. */
import type { IntegerMultiply } from "../../quantization/index.js";
import { findFloatConstants, thorough } from "./float-rescaling.js";
import type { Instruction, Places, Store } from "./instructions.js";
import { floatWord, layoutOf, natural, outputWords } from "./layout.js";
import { alikePanel } from "./requantization.js";

/** |a - zero| times |b - zero| is at most 255^2. */
const largestProduct = 255 * 255;

export function multiply(node: IntegerMultiply, { inputs, output, table }: Places, store: Store): Instruction {
  const { planes, planeBytes } = layoutOf(node.outputShape);
  const panel = store(alikePanel(node, { low: -largestProduct, high: largestProduct }, natural));
  const words = [...inputs, output, planes, planeBytes, ...node.inputZeroPoints, panel, ...outputWords(node)];
  return { opcode: "multiply", words: [...words, Number(node.broadcast), table] };
}

/** Words 19..25 of a `linear` that scales what it gathers; undefined where float32 is not right for all products. */
export function scalingWords(node: IntegerMultiply): number[] | undefined {
  const bounds = { low: -largestProduct, high: largestProduct };
  const found = findFloatConstants({ ...node, ...bounds, zeroPoint: node.outputZeroPoint }, thorough);
  if (found === undefined || found.wrong.length > 0) return undefined;
  return [...node.inputZeroPoints, floatWord(found.factor), floatWord(found.half), ...outputWords(node)];
}
