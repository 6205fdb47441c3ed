/** Integer kernels that move bytes. Each function returns the loop that fills `y`. */
import type { IntegerConcat } from "../quantization/index.js";
import { sizeOf } from "../tensor/index.js";
import { copyInto, type Kernel } from "./integer-elementwise.js";

export function concatKernel(node: IntegerConcat, y: Int8Array, ...inputs: Int8Array[]): Kernel {
  const { axis, inputShapes, outputShape } = node;
  const rows = sizeOf(outputShape.slice(0, axis));
  const pitch = sizeOf(outputShape.slice(axis));
  return () => {
    let at = 0;
    inputs.forEach((x, i) => {
      const length = sizeOf(inputShapes[i].slice(axis));
      copyInto(x, rows, length, y, at, pitch);
      at += length;
    });
  };
}
