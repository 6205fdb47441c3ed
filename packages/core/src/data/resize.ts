/**
 * Bilinear resampling of 8-bit pictures, the same bits on every machine.
 *
 * Pixel centres lie at half coordinates. When shrinking, the triangle filter is widened by the scale (antialiasing), as
 * in PIL's `resize(BILINEAR)` and PyTorch's `interpolate(antialias=True)`; unlike PIL the arithmetic is float64 with one
 * float32 rounding between the two passes, and 8-bit results are rounded half up. Separable: rows first, then columns.
 */
import { PhinetsError } from "../tensor/index.js";
import type { BoxLabel, Fit, Picture, PictureSize } from "./types.js";
import { letterboxGrey } from "./types.js";

/** A rectangle in a picture's pixels; may be fractional and may exceed the picture. */
export interface SourceRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

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
function computeTaps(inputs: number, origin: number, length: number, outputs: number): Taps {
  const scale = length / outputs;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(2 * support) + 1;
  const start = new Int32Array(outputs);
  const count = new Int32Array(outputs);
  const weights = new Float64Array(outputs * stride);
  for (let o = 0; o < outputs; o++) {
    const centre = origin + (o + 0.5) * scale;
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

let wholeTaps = new Map<string, Taps>();

/** Taps of a whole axis, kept: a data set has few picture sizes. */
function tapsOfWhole(inputs: number, outputs: number): Taps {
  const key = `${inputs}>${outputs}`;
  let taps = wholeTaps.get(key);
  if (taps === undefined) {
    if (wholeTaps.size >= 64) wholeTaps = new Map();
    taps = computeTaps(inputs, 0, inputs, outputs);
    wholeTaps.set(key, taps);
  }
  return taps;
}

let scratch = new Float32Array(0);
let accumulator = new Float64Array(0);

/** Both passes; `store` receives each finished output row (float64, 0..255) and its index. */
function resample(
  picture: Picture,
  columns: Taps,
  rows: Taps,
  size: PictureSize,
  fill: number,
  store: (row: Float64Array, y: number, length: number) => void,
): void {
  const { width, channels, data } = picture;
  const length = size.width * channels;
  let top = picture.height;
  let bottom = 0;
  for (let y = 0; y < size.height; y++) {
    if (rows.start[y] < 0) continue;
    if (rows.start[y] < top) top = rows.start[y];
    if (rows.start[y] + rows.count[y] > bottom) bottom = rows.start[y] + rows.count[y];
  }
  const rowsNeeded = Math.max(0, bottom - top);
  if (scratch.length < rowsNeeded * length) scratch = new Float32Array(rowsNeeded * length);
  if (accumulator.length < length) accumulator = new Float64Array(length);
  const across = scratch;
  const sums = accumulator;
  for (let y = 0; y < rowsNeeded; y++) {
    const input = (top + y) * width * channels;
    if (channels === 3) acrossRgb(data, input, columns, size.width, fill, across, y * length);
    else acrossAny(data, input, columns, size.width, channels, fill, across, y * length);
  }
  for (let y = 0; y < size.height; y++) {
    if (rows.start[y] < 0) {
      sums.fill(fill, 0, length);
    } else {
      const base = (rows.start[y] - top) * length;
      const w0 = rows.weights[y * rows.stride];
      for (let i = 0; i < length; i++) sums[i] = w0 * across[base + i];
      for (let n = 1; n < rows.count[y]; n++) {
        const weight = rows.weights[y * rows.stride + n];
        const from = base + n * length;
        for (let i = 0; i < length; i++) sums[i] += weight * across[from + i];
      }
    }
    store(sums, y, length);
  }
}

function acrossRgb(
  data: Uint8Array,
  input: number,
  taps: Taps,
  outputs: number,
  fill: number,
  out: Float32Array,
  offset: number,
): void {
  const { start, count, weights, stride } = taps;
  for (let x = 0, o = offset; x < outputs; x++, o += 3) {
    if (start[x] < 0) {
      out[o] = out[o + 1] = out[o + 2] = fill;
      continue;
    }
    let r = 0;
    let g = 0;
    let b = 0;
    let w = x * stride;
    const end = w + count[x];
    for (let i = input + start[x] * 3; w < end; w++, i += 3) {
      const weight = weights[w];
      r += weight * data[i];
      g += weight * data[i + 1];
      b += weight * data[i + 2];
    }
    out[o] = r;
    out[o + 1] = g;
    out[o + 2] = b;
  }
}

function acrossAny(
  data: Uint8Array,
  input: number,
  taps: Taps,
  outputs: number,
  channels: number,
  fill: number,
  out: Float32Array,
  offset: number,
): void {
  const { start, count, weights, stride } = taps;
  for (let x = 0, o = offset; x < outputs; x++) {
    for (let c = 0; c < channels; c++, o++) {
      let sum = start[x] < 0 ? fill : 0;
      for (let n = 0; n < count[x]; n++) sum += weights[x * stride + n] * data[input + (start[x] + n) * channels + c];
      out[o] = sum;
    }
  }
}

function checkSizes(picture: Picture, size: PictureSize): void {
  if (picture.data.length !== picture.width * picture.height * picture.channels || picture.data.length === 0) {
    throw new PhinetsError(
      "data.resize",
      `resize: a ${picture.width}x${picture.height} picture of ${picture.channels} channels needs ${picture.width * picture.height * picture.channels} bytes and at least one, not ${picture.data.length}`,
    );
  }
  for (const side of [size.width, size.height]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new PhinetsError(
        "data.resize",
        `resize: ${size.width}x${size.height} is not a size; sides are integers of at least 1`,
      );
    }
  }
}

function toBytes(picture: Picture, columns: Taps, rows: Taps, size: PictureSize, fill: number): Picture {
  const data = new Uint8Array(size.width * size.height * picture.channels);
  resample(picture, columns, rows, size, fill, (row, y, length) => {
    // Weights sum to 1 within rounding, so v + 0.5 stays below 256 and the truncation rounds half up.
    for (let i = 0, o = y * length; i < length; i++, o++) data[o] = row[i] + 0.5;
  });
  return { width: size.width, height: size.height, channels: picture.channels, data };
}

/** The whole picture at another size, 8 bits; the same object when the size is already right. */
export function resize(picture: Picture, size: PictureSize): Picture {
  checkSizes(picture, size);
  if (picture.width === size.width && picture.height === size.height) return picture;
  return toBytes(picture, tapsOfWhole(picture.width, size.width), tapsOfWhole(picture.height, size.height), size, 0);
}

/** As `resize`, unrounded: float32 `[height, width, channels]`, 0..255. */
export function resizeFloat(picture: Picture, size: PictureSize): Float32Array {
  checkSizes(picture, size);
  const out = new Float32Array(size.width * size.height * picture.channels);
  const columns = tapsOfWhole(picture.width, size.width);
  const rows = tapsOfWhole(picture.height, size.height);
  resample(picture, columns, rows, size, 0, (row, y, length) => {
    for (let i = 0, o = y * length; i < length; i++, o++) out[o] = row[i];
  });
  return out;
}

/**
 * Resamples the rectangle `rect` of the picture (in its pixels, fractional, possibly beyond its edges) to `size`. Output
 * pixels whose centre lies outside the picture are `fill`; the others read picture pixels only, so
 * `crop(p, whole(p), size)` equals `resize(p, size)`.
 * @param fill grey value 0..255
 */
export function crop(picture: Picture, rect: SourceRect, size: PictureSize, fill = letterboxGrey): Picture {
  checkSizes(picture, size);
  if (!(rect.width > 0 && rect.height > 0 && Number.isFinite(rect.x + rect.y + rect.width + rect.height))) {
    throw new PhinetsError(
      "data.crop",
      `crop: rectangle x ${rect.x}, y ${rect.y}, ${rect.width} x ${rect.height} is empty; sides are above 0 pixels`,
    );
  }
  const columns = computeTaps(picture.width, rect.x, rect.width, size.width);
  const rows = computeTaps(picture.height, rect.y, rect.height, size.height);
  return toBytes(picture, columns, rows, size, fill);
}

/**
 * The source rectangle that `fit` maps onto an input of `size`: the picture itself for `stretch`; for `letterbox` the
 * picture with the bars that give it the input's shape, centred.
 */
export function fitRect(picture: PictureSize, size: PictureSize, fit: Fit): SourceRect {
  const { width, height } = picture;
  if (fit === "stretch" || width * size.height === height * size.width) return { x: 0, y: 0, width, height };
  if (width * size.height > height * size.width) {
    const tall = (width * size.height) / size.width;
    return { x: 0, y: (height - tall) / 2, width, height: tall };
  }
  const wide = (height * size.width) / size.height;
  return { x: (width - wide) / 2, y: 0, width: wide, height };
}

/** The picture as the network sees it without augmentation: resized, with bars where `fit` is letterbox. */
export function fitPicture(picture: Picture, size: PictureSize, fit: Fit): Picture {
  const rect = fitRect(picture, size, fit);
  if (rect.width === picture.width && rect.height === picture.height) return resize(picture, size);
  return crop(picture, rect, size);
}

/** A box in fractions of the picture, as fractions of `rect` (may then exceed 0..1). */
export function boxIntoRect<B extends Omit<BoxLabel, "class">>(box: B, picture: PictureSize, rect: SourceRect): B {
  return {
    ...box,
    x: (box.x * picture.width - rect.x) / rect.width,
    y: (box.y * picture.height - rect.y) / rect.height,
    width: (box.width * picture.width) / rect.width,
    height: (box.height * picture.height) / rect.height,
  };
}

/** Inverse of `boxIntoRect`: a box in fractions of `rect` (what a network sees) as fractions of the picture. */
export function boxFromRect<B extends Omit<BoxLabel, "class">>(box: B, picture: PictureSize, rect: SourceRect): B {
  return {
    ...box,
    x: (box.x * rect.width + rect.x) / picture.width,
    y: (box.y * rect.height + rect.y) / picture.height,
    width: (box.width * rect.width) / picture.width,
    height: (box.height * rect.height) / picture.height,
  };
}
