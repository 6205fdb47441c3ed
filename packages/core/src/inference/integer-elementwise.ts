/** Integer kernels without weights. Each function prepares its tables once and returns the loop that fills `y`. */
import {
  type IntegerAdd,
  type IntegerAveragePool,
  type IntegerExtreme,
  type IntegerGlobalAveragePool,
  type IntegerLookup,
  type IntegerMaxPool,
  type IntegerMaxWindow,
  type IntegerMultiply,
  type IntegerPad,
  type IntegerSoftmax,
  multiplyByQuantizedMultiplier,
  repeatedInputs,
  softmaxRow,
} from "../quantization/index.js";
import { repeatInto, type Shape } from "../tensor/index.js";
import { type RequantizeRow, type RowRequantization, requantizeRow } from "./requantize-row.js";

/** Reads its inputs and fills its output. */
export type Kernel = () => void;

/** Wraps a kernel for two inputs of the output's shape: smaller inputs are repeated before it runs. */
export function withRepeats<N extends IntegerAdd | IntegerMultiply | IntegerExtreme>(
  kernel: (node: N, y: Int8Array, a: Int8Array, b: Int8Array) => Kernel,
): (node: N, y: Int8Array, a: Int8Array, b: Int8Array) => Kernel {
  return (node, y, ...inputs) => {
    const repeated = repeatedInputs(node);
    const wide = inputs.map((x, i) => (repeated.includes(i) ? new Int8Array(y.length) : x));
    const run = kernel(node, y, wide[0], wide[1]);
    return () => {
      for (const i of repeated) repeatInto(inputs[i], node.inputShapes[i], wide[i], node.outputShape);
      run();
    };
  };
}

export function extremeKernel({ largest }: IntegerExtreme, y: Int8Array, a: Int8Array, b: Int8Array): Kernel {
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = a[i] > b[i] === largest ? a[i] : b[i];
  };
}

/** An input has only 256 values, so a table holds their rescaled forms. */
export function addKernel(node: IntegerAdd, y: Int8Array, a: Int8Array, b: Int8Array): Kernel {
  const [scaledA, scaledB] = ([0, 1] as const).map((i) =>
    Int32Array.from({ length: 256 }, (_, q) =>
      multiplyByQuantizedMultiplier(
        (q - 128 - node.inputZeroPoints[i]) << node.leftShift,
        node.inputMultipliers[i],
        node.inputShifts[i],
      ),
    ),
  );
  const { sums, store } = sameForAll(node);
  const { sign } = node;
  return () => {
    for (let row = 0; row < y.length; row += sums.length) {
      for (let c = 0; c < sums.length; c++) sums[c] = scaledA[a[row + c] + 128] + sign * scaledB[b[row + c] + 128];
      store(sums, y, row);
    }
  };
}

export function multiplyKernel(node: IntegerMultiply, y: Int8Array, a: Int8Array, b: Int8Array): Kernel {
  const [zeroA, zeroB] = node.inputZeroPoints;
  const { sums, store } = sameForAll(node);
  return () => {
    for (let row = 0; row < y.length; row += sums.length) {
      const other = node.broadcast ? 0 : row;
      for (let c = 0; c < sums.length; c++) sums[c] = (a[row + c] - zeroA) * (b[other + c] - zeroB);
      store(sums, y, row);
    }
  };
}

export function globalAveragePoolKernel(node: IntegerGlobalAveragePool, y: Int8Array, x: Int8Array): Kernel {
  const { sums, store } = sameForAll(node);
  const start = -node.count * node.inputZeroPoint;
  return () => {
    sums.fill(start);
    for (let row = 0; row < x.length; row += sums.length) for (let c = 0; c < sums.length; c++) sums[c] += x[row + c];
    store(sums, y, 0);
  };
}

/** A row of sums, one per channel, and its requantisation where all channels share one multiplier. */
function sameForAll(
  node: Omit<RowRequantization, "multipliers" | "shifts"> & {
    readonly multiplier: number;
    readonly shift: number;
    readonly outputShape: Shape;
  },
): { sums: Int32Array; store: RequantizeRow } {
  const channels = node.outputShape.at(-1)!;
  const multipliers = new Int32Array(channels).fill(node.multiplier);
  const shifts = new Int8Array(channels).fill(node.shift);
  return { sums: new Int32Array(channels), store: requantizeRow({ ...node, multipliers, shifts }) };
}

export function lookupKernel({ table }: IntegerLookup, y: Int8Array, x: Int8Array): Kernel {
  return () => {
    for (let i = 0; i < y.length; i++) y[i] = table[x[i] + 128];
  };
}

export function maxPoolKernel(node: IntegerMaxPool, y: Int8Array, x: Int8Array): Kernel {
  const { size, stride } = node;
  const [, , width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  return () => {
    let o = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++)
        for (let c = 0; c < channels; c++) {
          let largest = -128;
          for (let ky = 0; ky < size; ky++)
            for (let kx = 0; kx < size; kx++) {
              const q = x[((oy * stride + ky) * width + ox * stride + kx) * channels + c];
              if (q > largest) largest = q;
            }
          y[o++] = largest;
        }
  };
}

export function averagePoolKernel(node: IntegerAveragePool, y: Int8Array, x: Int8Array): Kernel {
  const { kernel, stride, padding } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  const sums = new Int32Array(channels);
  return () => {
    let o = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++) {
        sums.fill(0);
        let count = 0;
        const [top, left] = [oy * stride[0] - padding.top, ox * stride[1] - padding.left];
        for (let row = Math.max(0, top); row < Math.min(height, top + kernel[0]); row++)
          for (let column = Math.max(0, left); column < Math.min(width, left + kernel[1]); column++) {
            count++;
            const at = (row * width + column) * channels;
            for (let c = 0; c < channels; c++) sums[c] += x[at + c];
          }
        const half = count >> 1;
        for (const sum of sums) y[o++] = Math.trunc((sum > 0 ? sum + half : sum - half) / count);
      }
  };
}

export function softmaxKernel(node: IntegerSoftmax, y: Int8Array, x: Int8Array): Kernel {
  const length = node.outputShape.at(-1)!;
  return () => {
    for (let row = 0; row < y.length; row += length) softmaxRow(node.exponentials, x, y, row, length);
  };
}

export function maxWindowKernel(node: IntegerMaxWindow, y: Int8Array, x: Int8Array): Kernel {
  const { kernel, stride, padding } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth] = node.outputShape;
  return () => {
    y.fill(-128);
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++) {
        const to = (oy * outWidth + ox) * channels;
        const [top, left] = [oy * stride[0] - padding.top, ox * stride[1] - padding.left];
        for (let row = Math.max(0, top); row < Math.min(height, top + kernel[0]); row++)
          for (let column = Math.max(0, left); column < Math.min(width, left + kernel[1]); column++) {
            const from = (row * width + column) * channels;
            for (let c = 0; c < channels; c++) y[to + c] = Math.max(y[to + c], x[from + c]);
          }
      }
  };
}

export function padKernel(node: IntegerPad, y: Int8Array, x: Int8Array): Kernel {
  const { top, left } = node.padding;
  const [, height, width, channels] = node.inputShapes[0];
  const outWidth = node.outputShape[2];
  y.fill(node.outputZeroPoint); // the border is written only once
  return () => copyInto(x, height, width * channels, y, (top * outWidth + left) * channels, outWidth * channels);
}

/** Copies `rows` rows of `length` bytes to places `pitch` bytes apart. */
export function copyInto(
  from: Int8Array,
  rows: number,
  length: number,
  to: Int8Array,
  offset: number,
  pitch: number,
): void {
  for (let row = 0; row < rows; row++) to.set(from.subarray(row * length, (row + 1) * length), offset + row * pitch);
}
