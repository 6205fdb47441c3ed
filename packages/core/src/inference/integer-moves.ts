/** Integer kernels that move bytes. Each function returns the loop that fills `y`. */
import type { IntegerConcat, IntegerResize, IntegerSlice } from "../quantization/index.js";
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

export function resizeKernel({ rows, columns, inputShapes }: IntegerResize, y: Int8Array, x: Int8Array): Kernel {
  const [, , width, channels] = inputShapes[0];
  return () => {
    let o = 0;
    for (const row of rows)
      for (const column of columns)
        for (let c = 0; c < channels; c++) {
          const at = (line: number, pixel: number): number => x[(line * width + pixel) * channels + c];
          const across = (line: number): number =>
            at(line, column.lower) * (1024 - column.weight) + at(line, column.upper) * column.weight;
          const sum = across(row.lower) * (1024 - row.weight) + across(row.upper) * row.weight;
          y[o++] = Math.trunc((sum > 0 ? sum + 2 ** 19 : sum - 2 ** 19) / 2 ** 20);
        }
  };
}

export function sliceKernel(
  { begin, step, inputShapes, outputShape }: IntegerSlice,
  y: Int8Array,
  x: Int8Array,
): Kernel {
  const [, , width, channels] = inputShapes[0];
  const [, outHeight, outWidth, outChannels] = outputShape;
  return () => {
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++) {
        const pixel = (begin[0] + row * step[0]) * width + begin[1] + column * step[1];
        const from = pixel * channels + begin[2];
        y.set(x.subarray(from, from + outChannels), (row * outWidth + column) * outChannels);
      }
  };
}
