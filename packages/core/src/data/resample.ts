/**
 * Bilinear resampling of 8-bit pictures, with the same bits on every machine.
 *
 * Pixel centres are at half coordinates. When shrinking, the triangle filter is widened by the scale (antialiasing), as
 * in PIL's `resize(BILINEAR)` and PyTorch's `interpolate(antialias=True)`; unlike PIL the arithmetic is float64 with
 * one float32 rounding between the two passes, and 8-bit results are rounded half up. The filter is separable: rows
 * first, then columns. Sums run from the first tap to the last; kernels/assembly-resample computes two of them at a
 * time.
 */
import { createResampleModule, type ResampleModule } from "../kernels/resample-module.js";
import type { Picture, SourceRect } from "./types.js";

/** For each output position of one axis, the input positions that it reads and their weights. */
interface Taps {
  /** First input position, or -1 if the output's centre is outside the picture. */
  readonly start: Int32Array;
  readonly count: Int32Array;
  /** `[outputs, stride]`; each row sums to 1. */
  readonly weights: Float64Array;
  readonly stride: number;
}

/**
 * Taps along one axis of `inputs` pixels, where the range [origin, origin + length) becomes `outputs` pixels. Weights
 * are renormalised over the taps inside the picture, so that its border is not mixed with the fill.
 */
function computeTaps(inputs: number, origin: number, length: number, outputs: number, mirrored: boolean): Taps {
  const scale = length / outputs;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(2 * support) + 1;
  const start = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const weights = new Float64Array(outputs * stride);
  for (let position = 0; position < outputs; position++) {
    const o = mirrored ? outputs - 1 - position : position;
    const centre = origin + (position + 0.5) * scale;
    if (!(centre >= 0 && centre <= inputs)) {
      start[o] = -1;
      continue;
    }
    const first = Math.max(0, Math.floor(centre - support + 0.5));
    const last = Math.min(inputs, Math.floor(centre + support + 0.5)); // exclusive
    let sum = 0;
    let n = 0;
    for (let i = first; i < last; i++) {
      const distance = Math.abs(i + 0.5 - centre) / support;
      const weight = distance < 1 ? 1 - distance : 0;
      weights[o * stride + n++] = weight;
      sum += weight;
    }
    for (let i = 0; i < n; i++) weights[o * stride + i] /= sum;
    start[o] = first;
    count[o] = n;
  }
  return { start, count, weights, stride };
}

/** The range of inputs that any output reads. Empty if all outputs are outside the picture. */
function reachOf({ start, count }: Taps): { readonly first: number; readonly end: number } {
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let i = 0; i < start.length; i++) {
    if (start[i] < 0) continue;
    first = Math.min(first, start[i]);
    end = Math.max(end, start[i] + count[i]);
  }
  return { first: Math.min(first, end), end };
}

/** Bytes of the picture held in the module's memory at a time, small enough for a core's cache. */
const bandBytes = 128 * 1024;
const pageBytes = 65536;
/** Vector instructions read and write slightly past the last value. */
const slack = 64;

const align = (bytes: number) => Math.ceil(bytes / 32) * 32;

let module: ResampleModule | undefined;

/**
 * Resamples the rectangle `rect` of the picture (in fractional picture pixels, possibly beyond its edges) into the
 * rectangle `region` of `target` (whole pixels, inside it). Output pixels whose centre is outside the picture become
 * `fill`.
 * @param mirrored whether left and right are swapped
 * @throws PhinetsError `kernels.simd` if the runtime lacks WebAssembly SIMD.
 */
export function resampleInto(
  picture: Picture,
  rect: SourceRect,
  target: Picture,
  region: SourceRect,
  fill: number,
  mirrored: boolean,
): void {
  const { channels } = picture;
  const columns = computeTaps(picture.width, rect.x, rect.width, region.width, mirrored);
  const rows = computeTaps(picture.height, rect.y, rect.height, region.height, false);
  const { first: left, end: right } = reachOf(columns);
  const { first: top, end: bottom } = reachOf(rows);
  const length = region.width * channels;
  const rowBytes = picture.width * channels;
  const usedBytes = (right - left) * channels;
  const band = Math.max(2, 2 * Math.floor(Math.min(bandBytes / rowBytes, bottom - top + 1) / 2));
  const stride = align(4 * length);

  module ??= createResampleModule();
  const { memory } = module;
  let end = 0;
  const place = (bytes: number): number => {
    const address = end;
    end = align(end + bytes + slack);
    return address;
  };
  const pixels = place(band * rowBytes);
  const pairs = place(16 * (usedBytes + 7));
  const columnTaps = place(8 * (region.width + columns.weights.length));
  const rowWeights = place(8 * rows.weights.length);
  const line = place(stride / 4);
  const scratch = place((bottom - top + 1) * stride);
  if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / pageBytes));
  const { buffer } = memory;
  const bytes = new Uint8Array(buffer);
  new Int32Array(buffer, columnTaps, region.width).set(columns.start.map((first) => (first < 0 ? -1 : first - left)));
  new Int32Array(buffer, columnTaps + 4 * region.width, region.width).set(columns.count);
  new Float64Array(buffer, columnTaps + 8 * region.width, columns.weights.length).set(columns.weights);
  new Float64Array(buffer, rowWeights, rows.weights.length).set(rows.weights);

  for (let y = top; y < bottom; y += band) {
    const count = Math.min(band, bottom - y);
    bytes.set(picture.data.subarray(y * rowBytes, (y + count) * rowBytes), pixels);
    module.across(
      pixels,
      count,
      rowBytes,
      left * channels,
      usedBytes,
      channels,
      pairs,
      columnTaps,
      region.width,
      columns.stride,
      fill,
      scratch + (y - top) * stride,
      stride,
    );
  }
  for (let y = 0; y < region.height; y++) {
    const to = ((region.y + y) * target.width + region.x) * channels;
    if (rows.start[y] < 0) {
      target.data.fill(fill, to, to + length);
      continue;
    }
    const from = scratch + (rows.start[y] - top) * stride;
    module.down(from, stride, rows.count[y], rowWeights + 8 * y * rows.stride, line);
    target.data.set(bytes.subarray(line, line + length), to);
  }
}
