/**
 * Repeats inputs of element-wise kernels that are smaller than the output, in scratch, before the kernel reads them.
 */
import {
  type IntegerAdd,
  type IntegerExtreme,
  type IntegerMultiply,
  repeatedInputs,
} from "../../quantization/index.js";
import type { Instruction, Places } from "./instructions.js";
import { alignment, layoutOf, slackBytes } from "./layout.js";

type Elementwise = IntegerAdd | IntegerMultiply | IntegerExtreme;

/** Bytes of a repeated input; pairs of pixels are stored completely. */
const wideBytes = ({ outputShape }: Elementwise): number =>
  Math.ceil((layoutOf(outputShape).bytes + slackBytes) / alignment) * alignment;

export const repeatScratchBytes = (node: Elementwise): number => repeatedInputs(node).length * wideBytes(node);

/** The kernel's instruction, preceded by those that repeat its inputs. */
export function repeated(node: Elementwise, places: Places, kernel: (wide: Places) => Instruction): Instruction[] {
  const inputs = [...places.inputs];
  const before = repeatedInputs(node).map((i, n): Instruction => {
    const shape = node.inputShapes[i];
    const [, height, width, channels] = shape.length === 4 ? shape : [1, 1, 1, shape[1]];
    const [, rows, columns] = node.outputShape.length === 4 ? node.outputShape : [1, 1, 1];
    const [from, to] = [layoutOf(shape), layoutOf(node.outputShape)];
    const isOneChannel = channels === 1 && to.channels > 1;
    const [rowBytes, pixelBytes] = [height === 1 ? 0 : 8 * width, width === 1 ? 0 : 8];
    inputs[i] = places.scratch + n * wideBytes(node);
    const planes = [to.planes, isOneChannel ? 0 : from.planeBytes, to.planeBytes];
    const map = [rows, columns, rowBytes, pixelBytes, Number(isOneChannel)];
    return { opcode: "repeat", words: [places.inputs[i], inputs[i], ...planes, ...map] };
  });
  return [...before, kernel({ ...places, inputs })];
}
