/**
 * Bilinear resampling of 8-bit pictures, the same bits on every machine.
 *
 * Pixel centres lie at half coordinates. When shrinking, the triangle filter is widened by the scale (antialiasing), as
 * in PIL's `resize(BILINEAR)` and PyTorch's `interpolate(antialias=True)`; unlike PIL the arithmetic is float64 with one
 * float32 rounding between the two passes, and 8-bit results are rounded half up. Separable: rows first, then columns.
 */
import type { Picture, SourceRect } from "./types.js";

/** For each output position of one axis: which input positions it reads, and their weights. */
interface Taps {
  /** First input position, or -1 where the output's centre lies outside the picture. */
  readonly start: Int32Array;
  readonly count: Int32Array;
  /** `[outputs, stride]`; each row sums to 1. */
  readonly weights: Float64Array;
  readonly stride: number;
}

/**
 * Taps along one axis of `inputs` pixels, of which the stretch [origin, origin + length) becomes `outputs` pixels. The
 * weights are renormalised over the taps that lie in the picture, so that a picture's border is not mixed with the fill.
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

let scratch = new Float32Array(0);
let accumulator = new Float64Array(0);

/**
 * Resamples the rectangle `rect` of the picture (in its pixels, fractional, possibly beyond its edges) into the rectangle
 * `region` of `target` (whole pixels, inside it). Output pixels whose centre lies outside the picture become `fill`.
 * @param mirrored left and right are swapped
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
  const length = region.width * channels;
  let top = picture.height;
  let bottom = 0;
  for (let y = 0; y < region.height; y++) {
    if (rows.start[y] < 0) continue;
    if (rows.start[y] < top) top = rows.start[y];
    if (rows.start[y] + rows.count[y] > bottom) bottom = rows.start[y] + rows.count[y];
  }
  const needed = Math.max(0, bottom - top);
  if (scratch.length < needed * length) scratch = new Float32Array(needed * length);
  if (accumulator.length < length) accumulator = new Float64Array(length);
  if (channels === 3) acrossRgb(picture, top, needed, columns, region.width, fill, scratch);
  else acrossAny(picture, top, needed, columns, region.width, fill, scratch);
  for (let y = 0; y < region.height; y++) {
    const to = ((region.y + y) * target.width + region.x) * channels;
    if (rows.start[y] < 0) target.data.fill(fill, to, to + length);
    else down(scratch, (rows.start[y] - top) * length, length, rows, y, target.data, to);
  }
}

/** Rows that are worked on together, so that a column's weights are read once for all of them. */
const block = 8;

/** First pass: each of the picture's rows from `top` on, at the new width. Sums run from the first tap to the last. */
function acrossRgb(
  { data, width }: Picture,
  top: number,
  rows: number,
  { start, count, weights, stride }: Taps,
  outputs: number,
  fill: number,
  out: Float32Array,
): void {
  const rowBytes = width * 3;
  const length = outputs * 3;
  for (let from = 0; from < rows; from += block) {
    const end = Math.min(rows, from + block) * length;
    for (let x = 0; x < outputs; x++) {
      let o = from * length + x * 3;
      if (start[x] < 0) {
        for (; o < end; o += length) out[o] = out[o + 1] = out[o + 2] = fill;
        continue;
      }
      const taps = count[x];
      const w = x * stride;
      const w0 = weights[w];
      const w1 = weights[w + 1];
      const w2 = weights[w + 2];
      let i = (top + from) * rowBytes + start[x] * 3;
      if (taps === 2) {
        for (; o < end; o += length, i += rowBytes) {
          out[o] = w0 * data[i] + w1 * data[i + 3];
          out[o + 1] = w0 * data[i + 1] + w1 * data[i + 4];
          out[o + 2] = w0 * data[i + 2] + w1 * data[i + 5];
        }
      } else if (taps === 3) {
        for (; o < end; o += length, i += rowBytes) {
          out[o] = w0 * data[i] + w1 * data[i + 3] + w2 * data[i + 6];
          out[o + 1] = w0 * data[i + 1] + w1 * data[i + 4] + w2 * data[i + 7];
          out[o + 2] = w0 * data[i + 2] + w1 * data[i + 5] + w2 * data[i + 8];
        }
      } else if (taps === 1) {
        for (; o < end; o += length, i += rowBytes) {
          out[o] = w0 * data[i];
          out[o + 1] = w0 * data[i + 1];
          out[o + 2] = w0 * data[i + 2];
        }
      } else {
        const w3 = weights[w + 3];
        for (; o < end; o += length, i += rowBytes) {
          let r = w0 * data[i] + w1 * data[i + 3] + w2 * data[i + 6] + w3 * data[i + 9];
          let g = w0 * data[i + 1] + w1 * data[i + 4] + w2 * data[i + 7] + w3 * data[i + 10];
          let b = w0 * data[i + 2] + w1 * data[i + 5] + w2 * data[i + 8] + w3 * data[i + 11];
          for (let n = 4, j = i + 12; n < taps; n++, j += 3) {
            const weight = weights[w + n];
            r += weight * data[j];
            g += weight * data[j + 1];
            b += weight * data[j + 2];
          }
          out[o] = r;
          out[o + 1] = g;
          out[o + 2] = b;
        }
      }
    }
  }
}

function acrossAny(
  { data, width, channels }: Picture,
  top: number,
  rows: number,
  { start, count, weights, stride }: Taps,
  outputs: number,
  fill: number,
  out: Float32Array,
): void {
  for (let y = 0, o = 0; y < rows; y++) {
    const input = (top + y) * width * channels;
    for (let x = 0; x < outputs; x++) {
      for (let c = 0; c < channels; c++, o++) {
        let sum = start[x] < 0 ? fill : 0;
        for (let n = 0; n < count[x]; n++) sum += weights[x * stride + n] * data[input + (start[x] + n) * channels + c];
        out[o] = sum;
      }
    }
  }
}

/**
 * Second pass: one output row. Weights sum to 1 within rounding, so v + 0.5 stays below 256 and the truncation rounds
 * half up.
 */
function down(
  across: Float32Array,
  base: number,
  length: number,
  { count, weights, stride }: Taps,
  y: number,
  out: Uint8Array,
  to: number,
): void {
  const taps = count[y];
  const w0 = weights[y * stride];
  const w1 = weights[y * stride + 1];
  const w2 = weights[y * stride + 2];
  const end = base + length;
  const second = length;
  const third = 2 * length;
  let i = base;
  let o = to;
  if (taps === 1) {
    for (; i < end; i++, o++) out[o] = w0 * across[i] + 0.5;
  } else if (taps === 2) {
    for (; i < end; i++, o++) out[o] = w0 * across[i] + w1 * across[i + second] + 0.5;
  } else if (taps === 3) {
    for (; i < end; i++, o++) out[o] = w0 * across[i] + w1 * across[i + second] + w2 * across[i + third] + 0.5;
  } else if (taps === 4) {
    const w3 = weights[y * stride + 3];
    const fourth = 3 * length;
    for (; i < end; i++, o++) {
      out[o] = w0 * across[i] + w1 * across[i + second] + w2 * across[i + third] + w3 * across[i + fourth] + 0.5;
    }
  } else {
    const sums = accumulator;
    const w3 = weights[y * stride + 3];
    const fourth = 3 * length;
    for (let n = 0; n < length; n++, i++) {
      sums[n] = w0 * across[i] + w1 * across[i + second] + w2 * across[i + third] + w3 * across[i + fourth];
    }
    for (let tap = 4; tap < taps; tap++) {
      const weight = weights[y * stride + tap];
      const from = base + tap * length;
      for (let n = 0; n < length; n++) sums[n] += weight * across[from + n];
    }
    for (let n = 0; n < length; n++) out[to + n] = sums[n] + 0.5;
  }
}
