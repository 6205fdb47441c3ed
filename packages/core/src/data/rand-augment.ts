/**
 * RandAugment (Cubuk et al., CVPR workshops 2020): applies a few operations drawn uniformly from a list, all with the
 * same magnitude. Ranges are AutoAugment's (Cubuk et al., CVPR 2019, table 6), reached at magnitude 10. The arithmetic
 * is in integers, so the bits are the same everywhere. Geometric operations are combined into one map, so that pixels
 * are resampled once.
 */
import type { Random } from "../tensor/index.js";
import type { Picture, PictureSize } from "./types.js";
import { type Affine, aboutMiddle, compose, rotation } from "./warp.js";

const moves = ["rotate", "shearX", "shearY", "translateX", "translateY"] as const;
const colourNames = [
  "autoContrast",
  "equalize",
  "solarize",
  "posterize",
  "colour",
  "contrast",
  "brightness",
  "sharpness",
] as const;
const operations = [...moves, ...colourNames];

/** Operations per picture. */
const operationCount = 2;

export interface ColourOperation {
  readonly name: (typeof colourNames)[number];
  /** -1..1: magnitude / 10 with a random sign. */
  readonly strength: number;
}

export interface DrawnOperations {
  readonly move: Affine;
  readonly colours: readonly ColourOperation[];
}

/**
 * Draws two operations; none at magnitude 0.
 * @param magnitude 0..10
 * @param before geometric map to apply first
 */
export function drawOperations(magnitude: number, before: Affine, size: PictureSize, random: Random): DrawnOperations {
  let move = before;
  const colours: ColourOperation[] = [];
  for (let n = 0; n < operationCount; n++) {
    const name = operations[random.integer(operations.length)];
    const strength = random.uniform() < 0.5 ? -magnitude / 10 : magnitude / 10;
    if (magnitude === 0) continue;
    if (isColour(name)) colours.push({ name, strength });
    else move = compose(move, moveOf(name, strength, size));
  }
  return { move, colours };
}

function isColour(name: (typeof operations)[number]): name is ColourOperation["name"] {
  return (colourNames as readonly string[]).includes(name);
}

function moveOf(name: (typeof moves)[number], strength: number, size: PictureSize): Affine {
  switch (name) {
    case "rotate":
      return rotation(30 * strength, size);
    case "shearX":
      return aboutMiddle(size, { xx: 1, xy: 0.3 * strength, yx: 0, yy: 1 });
    case "shearY":
      return aboutMiddle(size, { xx: 1, xy: 0, yx: 0.3 * strength, yy: 1 });
    case "translateX":
      return { xx: 1, xy: 0, x0: 0.45 * strength * size.width, yx: 0, yy: 1, y0: 0 };
    case "translateY":
      return { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0.45 * strength * size.height };
  }
}

/** Applies the operations in place, in order. */
export function applyColours(picture: Picture, colours: readonly ColourOperation[]): void {
  for (const { name, strength } of colours) {
    const factor = Math.round(256 * (1 + 0.9 * strength)); // 256 = unchanged
    const { data } = picture;
    switch (name) {
      case "autoContrast":
        eachChannel(picture, stretchTable);
        break;
      case "equalize":
        eachChannel(picture, equalizeTable);
        break;
      case "solarize": {
        const threshold = 256 - Math.round(256 * Math.abs(strength));
        lookUp(
          data,
          table((v) => (v < threshold ? v : 255 - v)),
        );
        break;
      }
      case "posterize": {
        const dropped = Math.round(4 * Math.abs(strength));
        lookUp(
          data,
          table((v) => (v >> dropped) << dropped),
        );
        break;
      }
      case "brightness":
        lookUp(
          data,
          table((v) => blend(0, v, factor)),
        );
        break;
      case "contrast": {
        const mean = meanLuma(picture);
        lookUp(
          data,
          table((v) => blend(mean, v, factor)),
        );
        break;
      }
      case "colour":
        saturate(picture, factor);
        break;
      case "sharpness":
        sharpen(picture, factor);
        break;
    }
  }
}

/** Interpolates from `from` (factor 0) to `to` (factor 256) and extrapolates beyond, clipped to 0..255. */
function blend(from: number, to: number, factor: number): number {
  const value = from + (((to - from) * factor + 128) >> 8);
  return Math.min(255, Math.max(0, value));
}

function table(of: (value: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, v) => of(v));
}

function lookUp(data: Uint8Array, values: Uint8Array): void {
  for (let i = 0; i < data.length; i++) data[i] = values[data[i]];
}

function eachChannel({ data, channels }: Picture, tableOf: (histogram: Int32Array) => Uint8Array): void {
  for (let c = 0; c < channels; c++) {
    const histogram = new Int32Array(256);
    for (let i = c; i < data.length; i += channels) histogram[data[i]]++;
    const values = tableOf(histogram);
    for (let i = c; i < data.length; i += channels) data[i] = values[data[i]];
  }
}

/** Maps the darkest value to 0 and the brightest to 255. */
function stretchTable(histogram: Int32Array): Uint8Array {
  let low = 0;
  let high = 255;
  while (low < 255 && histogram[low] === 0) low++;
  while (high > low && histogram[high] === 0) high--;
  const range = high - low;
  if (range === 0) return table((v) => v);
  return table((v) => {
    const inside = Math.min(Math.max(v, low), high) - low;
    return Math.floor((inside * 510 + range) / (2 * range));
  });
}

/** Histogram equalisation: the cumulative histogram, with its first value mapped to 0. */
function equalizeTable(histogram: Int32Array): Uint8Array {
  const total = histogram.reduce((sum, n) => sum + n, 0);
  const first = histogram.find((n) => n > 0) ?? 0;
  const rest = total - first;
  if (rest === 0) return table((v) => v);
  let sum = -first;
  return table((v) => {
    sum += histogram[v];
    return Math.floor((Math.max(0, sum) * 510 + rest) / (2 * rest));
  });
}

function luma(r: number, g: number, b: number): number {
  return (77 * r + 150 * g + 29 * b + 128) >> 8;
}

function meanLuma({ data, channels }: Picture): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += channels) {
    sum += channels === 3 ? luma(data[i], data[i + 1], data[i + 2]) : data[i];
  }
  return Math.floor(sum / (data.length / channels) + 0.5);
}

/** Leaves grey pictures unchanged. */
function saturate({ data, channels }: Picture, factor: number): void {
  if (channels !== 3) return;
  for (let i = 0; i < data.length; i += 3) {
    const grey = luma(data[i], data[i + 1], data[i + 2]);
    for (let c = 0; c < 3; c++) data[i + c] = blend(grey, data[i + c], factor);
  }
}

/**
 * Blends with a 3 x 3 mean whose centre counts five times: away from it (factor above 256) or towards it. The border is
 * unchanged.
 */
function sharpen({ data, width, height, channels }: Picture, factor: number): void {
  const source = data.slice();
  const row = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      let sum = 4 * source[i];
      for (let k = i - row; k <= i + row; k += row) sum += source[k - channels] + source[k] + source[k + channels];
      data[i] = blend(Math.floor((2 * sum + 13) / 26), source[i], factor);
    }
  }
}
