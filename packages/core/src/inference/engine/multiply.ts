/** Products of two int8 values: an instruction, or constants for a product fused into a pointwise convolution. */
import type { IntegerMultiply } from "../../quantization/index.js";
import type { Constants } from "./constants.js";
import type { Instruction, Places } from "./instructions.js";
import { floatWord, layoutOf, outputWords } from "./layout.js";
import { type Channel, efforts, floatConstantsOf, panelOf } from "./requantization.js";

/** Upper bound of |a - zero| times |b - zero|. */
const largestProduct = 255 * 255;
const channelOf = (node: IntegerMultiply): Channel => ({ ...node, low: -largestProduct, high: largestProduct });

export function multiply(node: IntegerMultiply, { inputs, output, table }: Places, constants: Constants): Instruction {
  const { planes, planeBytes } = layoutOf(node.outputShape);
  const panel = panelOf(channelOf(node), constants);
  const words = [...inputs, output, planes, planeBytes, ...node.inputZeroPoints, panel, ...outputWords(node)];
  return { opcode: "multiply", words: [...words, Number(node.broadcast), table] };
}

/** Words 19..25 of a `linear` that scales its input; undefined where float32 does not give all products exactly. */
export function scalingWords(node: IntegerMultiply, constants: Constants): number[] | undefined {
  const found = floatConstantsOf(channelOf(node), constants, efforts.thorough);
  if (found === undefined || found.wrong.length > 0) return undefined;
  return [...node.inputZeroPoints, floatWord(found.factor), floatWord(found.half), ...outputWords(node)];
}
