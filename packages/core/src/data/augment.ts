/**
 * Random changes of training pictures: moved crop edges, shifts, flips and colour. Boxes follow. Colour ranges and the
 * moving crop are those of YOLOv2's training (spec of darknet's data loader: jitter, hue, saturation, exposure).
 */
import type { Random } from "../tensor/index.js";
import { boxIntoRect, cropInto, fitRect } from "./resize.js";
import { type BoxLabel, type Fit, letterboxGrey, type Picture, type PictureSize, type SourceRect } from "./types.js";

export interface AugmentOptions {
  /** How the picture meets the input's shape before anything moves. Default "stretch". */
  readonly fit?: Fit;
  /** Probability of mirroring left and right, 0..1. Default 0.5. */
  readonly flip?: number;
  /** Each of the crop's four edges moves by up to this fraction of the side, in or out, 0..0.49. Default 0.25. */
  readonly jitter?: number;
  /** The whole crop moves by up to this fraction of each side, 0..1, keeping its size. Default 0. */
  readonly shift?: number;
  /** Hue turns by up to this many degrees either way, 0..180. Default 18. Grey pictures have none. */
  readonly hueDegrees?: number;
  /** Saturation is multiplied by a factor from 1 to this, or divided by it. Default 1.5; 1 = off. */
  readonly saturation?: number;
  /** Exposure (the V of HSV) is multiplied by a factor from 1 to this, or divided by it. Default 1.5; 1 = off. */
  readonly exposure?: number;
  /** A box whose visible part is below this many output pixels in width or height is dropped. Default 2. */
  readonly minSidePixels?: number;
  /** A box of which less than this fraction of the area stays in the picture is dropped, 0..1. Default 0.25. */
  readonly minVisible?: number;
  /** Grey value 0..255 of what lies outside the picture. Default 114. */
  readonly fill?: number;
}

/** For detection: all of the defaults above. */
export const detectionAugmentation: AugmentOptions = {};
/** For photographs of one thing: shifts by up to 4 pixels in 32, flips, milder colour. */
export const classificationAugmentation: AugmentOptions = { jitter: 0, shift: 0.125, saturation: 1.25, exposure: 1.25 };
/** For digits and letters: small shifts and nothing that changes what they are. */
export const digitAugmentation: AugmentOptions = {
  flip: 0,
  jitter: 0,
  shift: 0.07,
  hueDegrees: 0,
  saturation: 1,
  exposure: 1,
  fill: 0,
};

export interface AugmentedPicture {
  /** 8 bits, the channels of the source: training sees the same value grid as a deployed network. */
  readonly picture: Picture;
  readonly labels: BoxLabel[];
}

/**
 * A random variant of a picture at the network's input size, with its boxes.
 * @param labels boxes as fractions of `picture`; those returned are fractions of the result, clipped to it
 * @param random drawn from the same number of times whatever the options; key it by (seed, epoch, sample)
 */
export function augment(
  picture: Picture,
  labels: readonly BoxLabel[],
  options: AugmentOptions,
  random: Random,
  size: PictureSize,
): AugmentedPicture {
  const { flip = 0.5, jitter = 0.25, shift = 0, hueDegrees = 18, saturation = 1.5, exposure = 1.5 } = options;
  const { fit = "stretch", fill = letterboxGrey, minSidePixels = 2, minVisible = 0.25 } = options;
  const mirrored = random.uniform() < flip;
  const [left, right, top, bottom] = [0, 0, 0, 0].map(() => random.uniform(-jitter, jitter));
  const [across, down] = [0, 0].map(() => random.uniform(-shift, shift));
  const hueSextants = random.uniform(-hueDegrees, hueDegrees) / 60;
  const saturationFactor = drawFactor(saturation, random);
  const exposureFactor = drawFactor(exposure, random);

  const whole = fitRect(picture, size, fit);
  const rect: SourceRect = {
    x: whole.x + (left + across) * whole.width,
    y: whole.y + (top + down) * whole.height,
    width: whole.width * (1 + right - left),
    height: whole.height * (1 + bottom - top),
  };
  const { width, height } = size;
  const changed = {
    width,
    height,
    channels: picture.channels,
    data: new Uint8Array(width * height * picture.channels),
  };
  cropInto(picture, rect, changed, { x: 0, y: 0, width, height }, fill, mirrored);
  if (changed.channels === 3) jitterColour(changed.data, hueSextants, saturationFactor, exposureFactor);
  else if (exposureFactor !== 1) scaleValues(changed.data, exposureFactor);
  return { picture: changed, labels: moveBoxes(labels, picture, rect, size, mirrored, minSidePixels, minVisible) };
}

function drawFactor(most: number, random: Random): number {
  const factor = random.uniform(1, most);
  return random.uniform() < 0.5 ? factor : 1 / factor;
}

/**
 * Boxes of `picture` as they lie in its rectangle `rect` shown at `size`: clipped to it, mirrored if asked, and left out
 * where too little remains.
 */
export function moveBoxes(
  labels: readonly BoxLabel[],
  picture: PictureSize,
  rect: SourceRect,
  size: PictureSize,
  mirrored = false,
  minSidePixels = 0,
  minVisible = 0,
): BoxLabel[] {
  const moved: BoxLabel[] = [];
  for (const label of labels) {
    const box = boxIntoRect(label, picture, rect);
    const left = Math.max(0, box.x - box.width / 2);
    const right = Math.min(1, box.x + box.width / 2);
    const top = Math.max(0, box.y - box.height / 2);
    const bottom = Math.min(1, box.y + box.height / 2);
    const width = right - left;
    const height = bottom - top;
    if (!(width > 0 && height > 0)) continue;
    if (width * size.width < minSidePixels || height * size.height < minSidePixels) continue;
    if (width * height < minVisible * box.width * box.height) continue;
    const x = (left + right) / 2;
    moved.push({ ...box, x: mirrored ? 1 - x : x, y: (top + bottom) / 2, width, height });
  }
  return moved;
}

function scaleValues(data: Uint8Array, factor: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] * factor + 0.5;
    data[i] = Math.min(value, 255);
  }
}

/**
 * Changes RGB pixels in place in hue, saturation and value. In HSV the largest channel is V and the spread
 * d = max - min = S V; hue is counted in sextants of 60 degrees.
 * @param hueSextants turn, in 60 degrees, -3..3
 */
export function jitterColour(data: Uint8Array, hueSextants: number, saturation: number, exposure: number): void {
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i];
    const g = data[i + 1];
    const b = data[i + 2];
    const most = r > g ? Math.max(r, b) : Math.max(g, b);
    const least = r < g ? Math.min(r, b) : Math.min(g, b);
    const spread = most - least;
    let value = most * exposure;
    if (value > 255) value = 255;
    if (spread === 0) {
      data[i] = data[i + 1] = data[i + 2] = value + 0.5;
      continue;
    }
    let s = (spread / most) * saturation;
    if (s > 1) s = 1;
    let hue = hueSextants + (most === r ? (g - b) / spread : most === g ? 2 + (b - r) / spread : 4 + (r - g) / spread);
    if (hue < 0) hue += 6;
    if (hue >= 6) hue -= 6;
    const sextant = hue | 0;
    const f = hue - sextant;
    const d = value * s;
    const high = value + 0.5; // + 0.5: stores truncate
    const low = high - d;
    const falling = high - d * f;
    const rising = low + d * f;
    switch (sextant) {
      case 0:
        data[i] = high;
        data[i + 1] = rising;
        data[i + 2] = low;
        break;
      case 1:
        data[i] = falling;
        data[i + 1] = high;
        data[i + 2] = low;
        break;
      case 2:
        data[i] = low;
        data[i + 1] = high;
        data[i + 2] = rising;
        break;
      case 3:
        data[i] = low;
        data[i + 1] = falling;
        data[i + 2] = high;
        break;
      case 4:
        data[i] = rising;
        data[i + 1] = low;
        data[i + 2] = high;
        break;
      default:
        data[i] = high;
        data[i + 1] = low;
        data[i + 2] = falling;
    }
  }
}
