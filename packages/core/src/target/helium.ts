/**
 * Replaces the portable kernels by Helium kernels where these exist. Rows stay NHWC; windows of other sizes keep the
 * portable kernel.
 */
import { isLinear, type NodeOf } from "../graph/index.js";
import type { Value } from "./layout.js";
import type { Step } from "./steps.js";

/**
 * Outputs per channel that share a channel's words: PHINETS_HELIUM_RUN and PHINETS_HELIUM_SHORT_RUN of
 * phinets_helium.h.
 */
const [longRun, shortRun] = [16, 8];
/** Windows that lie in scratch at a time: PHINETS_HELIUM_WINDOWS. */
const windows = 8;

/** Number of outputs computed in each run of a depthwise row: 4 where 4 are enough, otherwise at least 8. */
export function depthwiseRuns(size: 3 | 5, width: number, stride: number): number[] {
  const most = size === 5 && stride === 2 ? shortRun : longRun;
  return Array.from({ length: Math.ceil(width / most) }, (_, i) => {
    const count = Math.min(most, width - i * most);
    return count <= 4 ? 4 : Math.max(8, count);
  });
}

/** Number of pixels whose windows each round of a row processes. */
export function windowTiles(width: number): number[] {
  return Array.from({ length: Math.ceil(width / windows) }, (_, i) => Math.min(windows, width - i * windows));
}

/** Scratch bytes for a depthwise layer's words, which are made anew for each run. */
export function wordBytes(size: 3 | 5, width: number, stride: number): number {
  const pixels = (Math.max(...depthwiseRuns(size, width, stride)) - 1) * stride + size;
  return size === 3 ? 64 * pixels : 144 * pixels + 48;
}

/**
 * The step with its Helium kernel, or unchanged where there is none.
 * @param values of the program
 */
export function onHelium(step: Step, values: ReadonlyMap<string, Value>): Step {
  const { kernel, node } = step;
  const output = values.get(step.output)!;
  switch (kernel) {
    case "add":
    case "multiply":
    case "mean":
    case "average_map":
    case "lookup":
      return { ...step, kernel: `helium_${kernel}` };
    case "pointwise":
      return { ...step, kernel: "helium_product" };
    case "conv2d": {
      const { attributes } = node as NodeOf<"conv2d">;
      const input = values.get(step.reads[0].value)!;
      const products = attributes.kernel[0] * attributes.kernel[1] * input.channels;
      return { ...step, kernel: "helium_conv2d", scratchBytes: Math.min(windows, output.width) * products };
    }
    case "depthwise": {
      if (node === undefined || !isLinear(node) || node.op !== "conv2d") return step;
      const { kernel: sides, stride } = node.attributes;
      const [size] = sides;
      if (sides[1] !== size || (size !== 3 && size !== 5) || stride[1] > 2) return step;
      const scratchBytes = wordBytes(size, output.width, stride[1]);
      return { ...step, kernel: `helium_depthwise${size}`, scratchBytes };
    }
    default:
      return step;
  }
}
