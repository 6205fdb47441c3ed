/**
 * Random augmentation of training pictures: moved crop edges, shifts, flips, rotation, colour, RandAugment, erased
 * rectangles. Boxes are transformed with the picture. Colour ranges and the moving crop are those of YOLOv2's training
 * (darknet's jitter, hue, saturation, exposure). Augmentations of several pictures are in mosaic and mixup.
 */
import { Random } from "../tensor/index.js";
import { jitterColour, scaleValues } from "./colour.js";
import { erase } from "./erase.js";
import { moveBoxes } from "./move-boxes.js";
import { applyColours, drawOperations } from "./rand-augment.js";
import { cropInto, fitRect } from "./resize.js";
import { type BoxLabel, type Fit, letterboxGrey, type Picture, type PictureSize, type SourceRect } from "./types.js";
import { rotation, warp, warpBoxes } from "./warp.js";

/** Plain data, so that it can be posted to a worker. */
export interface AugmentOptions {
  /** How the picture is fitted to the input's shape before augmentation. Default "stretch". */
  readonly fit?: Fit;
  /** Probability of a left-right flip, 0..1. Default 0.5. */
  readonly flip?: number;
  /** Each of the crop's four edges moves by up to this fraction of the side, in or out, 0..0.49. Default 0.25. */
  readonly jitter?: number;
  /** The whole crop moves by up to this fraction of each side, 0..1, keeping its size. Default 0. */
  readonly shift?: number;
  /** Objects are scaled up or down by a factor from 1 to this; 1..10. Default 1 = off. */
  readonly zoom?: number;
  /**
   * Rotation about the centre by up to this many degrees either way, 0..180. Default 0. A box becomes the one around
   * its rotated corners.
   */
  readonly rotateDegrees?: number;
  /** Hue rotation by up to this many degrees either way, 0..180. Default 18. No effect on grey pictures. */
  readonly hueDegrees?: number;
  /** Saturation is multiplied by a factor from 1 to this, or divided by it. Default 1.5; 1 = off. */
  readonly saturation?: number;
  /** Exposure (the V of HSV) is multiplied by a factor from 1 to this, or divided by it. Default 1.5; 1 = off. */
  readonly exposure?: number;
  /** Magnitude of RandAugment's two operations, 0..10. Default 0 = off. */
  readonly randAugment?: number;
  /** Probability that a rectangle of noise covers 2 to 20 % of the picture (random erasing), 0..1. Default 0. */
  readonly erase?: number;
  /** Probability that the picture is a mosaic of parts of four, 0..1. Default 0. Done by `prepareSample`. */
  readonly mosaic?: number;
  /** Probability that the picture is blended with another, 0..1. Default 0. Done by `prepareSample`. */
  readonly mixup?: number;
  /** Shares of blended pictures are drawn from Beta(this, this), 0.01..100. Default 8: about even. */
  readonly mixupAlpha?: number;
  /** A box whose visible part is narrower or lower than this many output pixels is dropped. Default 2. */
  readonly minSidePixels?: number;
  /** A box with less than this fraction of its area in the picture is dropped, 0..1. Default 0.25. */
  readonly minVisible?: number;
  /** Grey value 0..255 outside the picture. Default 114. */
  readonly fill?: number;
}

/** Defaults of these options; options not listed are off. */
export const augmentDefaults = {
  flip: 0.5,
  jitter: 0.25,
  shift: 0,
  zoom: 1,
  hueDegrees: 18,
  saturation: 1.5,
  exposure: 1.5,
};

/** For detection: the defaults above. */
export const detectionAugmentation: AugmentOptions = {};
/** For photographs of one object: shifts by up to 4 pixels in 32, flips, milder colour changes. */
export const classificationAugmentation: AugmentOptions = { jitter: 0, shift: 0.125, saturation: 1.25, exposure: 1.25 };
/** For digits and letters: small shifts, and nothing that would change their meaning. */
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
  /** 8 bits, with the source's channels, so that training sees the same pixel values as a deployed network. */
  readonly picture: Picture;
  readonly labels: BoxLabel[];
}

/**
 * A random variant of a picture at the network's input size, with its boxes.
 * @param labels boxes in fractions of `picture`; returned boxes are in fractions of the result and clipped to it
 * @param random the number of draws is the same for all options; key it by (seed, epoch, sample)
 */
export function augment(
  picture: Picture,
  labels: readonly BoxLabel[],
  options: AugmentOptions,
  random: Random,
  size: PictureSize,
): AugmentedPicture {
  const { minSidePixels = 2, minVisible = 0.25 } = options;
  const { width, height } = size;
  const variant = drawVariant(picture, options, random, size);
  const result = { width, height, channels: picture.channels, data: new Uint8Array(width * height * picture.channels) };
  paint(picture, variant, result, { x: 0, y: 0, width, height }, options);
  const moved = moveBoxes(labels, picture, variant.rect, size, variant.mirrored, minSidePixels, minVisible);
  return disturb({ picture: result, labels: moved }, options, variant.more);
}

/** The random draws for one picture: its visible part and the change of its colours. */
export interface Variant {
  /** In pixels of the picture. */
  readonly rect: SourceRect;
  readonly mirrored: boolean;
  readonly hueSextants: number;
  readonly saturation: number;
  readonly exposure: number;
  /** Generator for further draws. */
  readonly more: Random;
}

export function drawVariant(picture: PictureSize, options: AugmentOptions, random: Random, size: PictureSize): Variant {
  const {
    flip = augmentDefaults.flip,
    jitter = augmentDefaults.jitter,
    shift = augmentDefaults.shift,
    zoom = augmentDefaults.zoom,
    hueDegrees = augmentDefaults.hueDegrees,
    saturation = augmentDefaults.saturation,
    exposure = augmentDefaults.exposure,
  } = options;
  const mirrored = random.uniform() < flip;
  const [left, right, top, bottom] = [0, 0, 0, 0].map(() => random.uniform(-jitter, jitter));
  const [across, down] = [0, 0].map(() => random.uniform(-shift, shift));
  const hueSextants = random.uniform(-hueDegrees, hueDegrees) / 60;
  const saturationFactor = drawFactor(saturation, random);
  const exposureFactor = drawFactor(exposure, random);
  const more = new Random(random.uint32());
  const part = 1 / drawFactor(zoom, more);

  const whole = fitRect(picture, size, options.fit ?? "stretch");
  const width = whole.width * (1 + right - left);
  const height = whole.height * (1 + bottom - top);
  const rect = {
    x: whole.x + (left + across) * whole.width + (width * (1 - part)) / 2,
    y: whole.y + (top + down) * whole.height + (height * (1 - part)) / 2,
    width: width * part,
    height: height * part,
  };
  return { rect, mirrored, hueSextants, saturation: saturationFactor, exposure: exposureFactor, more };
}

/** Paints the part `variant.rect` of the picture, with its colours changed, into the rectangle `region` of `target`. */
export function paint(
  picture: Picture,
  { rect, mirrored, hueSextants, saturation, exposure }: Variant,
  target: Picture,
  region: SourceRect,
  { fill = letterboxGrey }: AugmentOptions,
): void {
  cropInto(picture, rect, target, region, fill, mirrored);
  const { data, channels } = target;
  if (exposure === 1 && (channels !== 3 || (hueSextants === 0 && saturation === 1))) return;
  const row = target.width * channels;
  const rows = region.width === target.width ? region.height : 1; // all rows at once if they are contiguous
  for (let y = region.y; y < region.y + region.height; y += rows) {
    const from = y * row + region.x * channels;
    const pixels = data.subarray(from, from + (rows - 1) * row + region.width * channels);
    if (channels === 3) jitterColour(pixels, hueSextants, saturation, exposure);
    else scaleValues(pixels, exposure);
  }
}

/** Augmentations that follow once the picture has the network's size: rotation, RandAugment, an erased rectangle. */
export function disturb(variant: AugmentedPicture, options: AugmentOptions, random: Random): AugmentedPicture {
  const { rotateDegrees = 0, randAugment = 0, minSidePixels = 2, minVisible = 0.25, fill = letterboxGrey } = options;
  let { picture, labels } = variant;
  const turn = random.uniform(-rotateDegrees, rotateDegrees);
  const { move, colours } = drawOperations(randAugment, rotation(turn, picture), picture, random);
  if (rotateDegrees > 0 || randAugment > 0) {
    picture = warp(picture, move, fill);
    labels = warpBoxes(labels, picture, move, minSidePixels, minVisible);
    applyColours(picture, colours);
  }
  if (random.uniform() < (options.erase ?? 0)) labels = erase(picture, labels, minVisible, random);
  return { picture, labels };
}

function drawFactor(most: number, random: Random): number {
  const factor = random.uniform(1, most);
  return random.uniform() < 0.5 ? factor : 1 / factor;
}
