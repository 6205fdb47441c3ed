/**
 * Integer convolution and dense kernels. Padding is stored as a border of the input's zero point, so that the input
 * offset folds into the bias and the inner loops have no conditions: sum w (x - z) = sum w x - z sum w, exactly, in
 * int32.
 */
import { foldedBias, type IntegerConv2d, type IntegerDense, type IntegerLinear } from "../quantization/index.js";
import { copyInto, type Kernel } from "./integer-elementwise.js";
import { requantizeRow } from "./requantize-row.js";

export function convolutionKernel(node: IntegerConv2d, y: Int8Array, x: Int8Array): Kernel {
  const { kernel, stride, padding } = node;
  const [, height, width, channels] = node.inputShapes[0];
  const [, outHeight, outWidth, filters] = node.outputShape;
  const { top, bottom, left, right } = padding;
  const pitch = (width + left + right) * channels;
  const padded = top + bottom + left + right > 0 ? new Int8Array((height + top + bottom) * pitch) : x;
  if (padded !== x) padded.fill(node.inputZeroPoint);
  const map: PaddedMap = { data: padded, pitch, channels };
  const loop = node.depthwise
    ? depthwiseLoop(node, map, y)
    : node.groups === 1
      ? fullLoop(node, map, y, {
          outHeight,
          outWidth,
          filters,
          rows: kernel[0],
          rowLength: kernel[1] * channels,
          stride,
        })
      : groupedLoop(node, map, y);
  if (padded === x) return loop;
  return () => {
    copyInto(x, height, width * channels, padded, top * pitch + left * channels, pitch);
    loop();
  };
}

export function denseKernel(node: IntegerDense, y: Int8Array, x: Int8Array): Kernel {
  const features = x.length;
  return fullLoop(node, { data: x, pitch: features, channels: features }, y, {
    outHeight: 1,
    outWidth: 1,
    filters: y.length,
    rows: 1,
    rowLength: features,
    stride: [1, 1],
  });
}

/** A map with its padding: pixel (row, column) starts at row * pitch + column * channels. */
interface PaddedMap {
  readonly data: Int8Array;
  readonly pitch: number;
  readonly channels: number;
}

interface FullWindow {
  readonly outHeight: number;
  readonly outWidth: number;
  readonly filters: number;
  /** The window is `rows` runs of `rowLength` bytes, `pitch` apart; a filter is the same runs end to end. */
  readonly rows: number;
  readonly rowLength: number;
  readonly stride: readonly [number, number];
}

/** Every filter reads every channel: four filters at a time over the same input run. */
function fullLoop(
  node: IntegerLinear & { readonly outputZeroPoint: number },
  { data, pitch, channels }: PaddedMap,
  y: Int8Array,
  { outHeight, outWidth, filters, rows, rowLength, stride }: FullWindow,
): Kernel {
  const { weights } = node;
  const start = foldedBias(node);
  const filterLength = rows * rowLength;
  const sums = new Int32Array(filters);
  const store = requantizeRow(node);
  return () => {
    let o = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++, o += filters) {
        const origin = oy * stride[0] * pitch + ox * stride[1] * channels;
        let f = 0;
        for (; f + 4 <= filters; f += 4) {
          let s0 = start[f];
          let s1 = start[f + 1];
          let s2 = start[f + 2];
          let s3 = start[f + 3];
          for (let row = 0; row < rows; row++) {
            let w = f * filterLength + row * rowLength;
            const first = origin + row * pitch;
            const last = first + rowLength;
            for (let i = first; i < last; i++, w++) {
              const x = data[i];
              s0 = (s0 + Math.imul(x, weights[w])) | 0;
              s1 = (s1 + Math.imul(x, weights[w + filterLength])) | 0;
              s2 = (s2 + Math.imul(x, weights[w + 2 * filterLength])) | 0;
              s3 = (s3 + Math.imul(x, weights[w + 3 * filterLength])) | 0;
            }
          }
          sums[f] = s0;
          sums[f + 1] = s1;
          sums[f + 2] = s2;
          sums[f + 3] = s3;
        }
        for (; f < filters; f++) {
          let sum = start[f];
          for (let row = 0; row < rows; row++) {
            const w = f * filterLength + row * rowLength;
            const first = origin + row * pitch;
            for (let i = 0; i < rowLength; i++) sum = (sum + Math.imul(data[first + i], weights[w + i])) | 0;
          }
          sums[f] = sum;
        }
        store(sums, y, o);
      }
  };
}

/** One filter per channel, with weights reordered to [tap, channel]. */
function depthwiseLoop(node: IntegerConv2d, { data, pitch, channels }: PaddedMap, y: Int8Array): Kernel {
  const { kernel, stride, weights } = node;
  const [, outHeight, outWidth] = node.outputShape;
  const start = foldedBias(node);
  const size = kernel[0] * kernel[1];
  const byTap = new Int8Array(weights.length);
  for (let c = 0; c < channels; c++) for (let t = 0; t < size; t++) byTap[t * channels + c] = weights[c * size + t];
  const offsets = Int32Array.from({ length: size }, (_, t) => {
    const column = t % kernel[1];
    return ((t - column) / kernel[1]) * pitch + column * channels;
  });
  const store = requantizeRow(node);
  const sums = new Int32Array(channels);
  return () => {
    let o = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++, o += channels) {
        const origin = oy * stride[0] * pitch + ox * stride[1] * channels;
        sums.set(start);
        let t = 0;
        for (; t + 3 <= size; t += 3) {
          const x0 = origin + offsets[t];
          const x1 = origin + offsets[t + 1];
          const x2 = origin + offsets[t + 2];
          const w0 = t * channels;
          const w1 = w0 + channels;
          const w2 = w1 + channels;
          for (let c = 0; c < channels; c++)
            sums[c] +=
              Math.imul(data[x0 + c], byTap[w0 + c]) +
              Math.imul(data[x1 + c], byTap[w1 + c]) +
              Math.imul(data[x2 + c], byTap[w2 + c]);
        }
        for (; t < size; t++) {
          const x0 = origin + offsets[t];
          const w0 = t * channels;
          for (let c = 0; c < channels; c++) sums[c] += Math.imul(data[x0 + c], byTap[w0 + c]);
        }
        store(sums, y, o);
      }
  };
}

/** Other numbers of groups are rare, so this loop is simple. */
function groupedLoop(node: IntegerConv2d, { data, pitch, channels }: PaddedMap, y: Int8Array): Kernel {
  const { kernel, stride, groups, weights } = node;
  const [, outHeight, outWidth, filters] = node.outputShape;
  const start = foldedBias(node);
  const groupChannels = channels / groups;
  const groupFilters = filters / groups;
  const sums = new Int32Array(filters);
  const store = requantizeRow(node);
  return () => {
    let o = 0;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++, o += filters) {
        const pixel = oy * stride[0] * pitch + ox * stride[1] * channels;
        for (let f = 0; f < filters; f++) {
          const origin = pixel + Math.floor(f / groupFilters) * groupChannels;
          let sum = start[f];
          let w = f * kernel[0] * kernel[1] * groupChannels;
          for (let ky = 0; ky < kernel[0]; ky++)
            for (let kx = 0; kx < kernel[1]; kx++) {
              const at = origin + ky * pitch + kx * channels;
              for (let c = 0; c < groupChannels; c++) sum = (sum + Math.imul(data[at + c], weights[w++])) | 0;
            }
          sums[f] = sum;
        }
        store(sums, y, o);
      }
  };
}
