/** The part of a recipe that sets how training pictures are augmented. */
import { PhinetsError, showValue } from "../tensor/index.js";

/**
 * A strength that is left out takes the default of its task. Defaults are listed for detection, for classification of
 * colour pictures, and for classification of grey pictures such as digits, in this order.
 */
export interface AugmentRecipe {
  /** Probability of a left-right flip, 0..1. Default 0.5, 0.5, 0. */
  readonly flip?: number;
  /** Each of the crop's edges moves by up to this fraction of the side, 0..0.49. Default 0.25, 0, 0. */
  readonly jitter?: number;
  /** The crop moves by up to this fraction of the side, 0..1. Default 0, 0.125, 0.07. */
  readonly shift?: number;
  /** Objects are scaled up or down by a factor of up to this, 1..10. Default 1 = off. */
  readonly zoom?: number;
  /** Rotation by up to this many degrees either way, 0..180. Default 0. */
  readonly rotate?: number;
  /** Hue rotation by up to this many degrees either way, 0..180. Default 18, 18, 0. */
  readonly hue?: number;
  /** Saturation changes by a factor of up to this, 1..10. Default 1.5, 1.25, 1 = off. */
  readonly saturation?: number;
  /** Exposure changes by a factor of up to this, 1..10. Default 1.5, 1.25, 1 = off. */
  readonly exposure?: number;
  /** Magnitude of RandAugment's two operations, 0..10. Default 0 = off. */
  readonly randAugment?: number;
  /** Probability of an erased rectangle, 0..1. Default 0. */
  readonly erase?: number;
  /** Detection: probability of a mosaic of four pictures, 0..1. Default 0. */
  readonly mosaic?: number;
  /**
   * Classification: alpha of the Beta(alpha, alpha) distribution that draws the share by which a picture and its target
   * are blended with another's, 0..32. Detection: probability of blending a picture about evenly with another, keeping
   * the boxes of both, 0..1. Default 0.
   */
  readonly mixup?: number;
}

const ranges: Readonly<Record<keyof AugmentRecipe, readonly [least: number, most: number]>> = {
  flip: [0, 1],
  jitter: [0, 0.49],
  shift: [0, 1],
  zoom: [1, 10],
  rotate: [0, 180],
  hue: [0, 180],
  saturation: [1, 10],
  exposure: [1, 10],
  randAugment: [0, 10],
  erase: [0, 1],
  mosaic: [0, 1],
  mixup: [0, 32],
};

export const augmentOptions = Object.keys(ranges) as readonly (keyof AugmentRecipe)[];

/** Throws `training.option` naming an option that is out of range or does not apply to the task. */
export function checkAugmentRecipe(
  task: "detect" | "classify",
  recipe: AugmentRecipe & { readonly augment: boolean },
): void {
  for (const name of augmentOptions) {
    const value = recipe[name];
    if (value === undefined) continue;
    if (!recipe.augment) {
      throw new PhinetsError("training.option", `${name} is ${value}, but augment is off; leave out one of them`, name);
    }
    const [least, top] = ranges[name];
    const most = name === "mixup" && task === "detect" ? 1 : top;
    if (typeof value === "number" && value >= least && value <= most) continue;
    throw new PhinetsError(
      "training.option",
      `${name} is ${showValue(value)}; a number in ${least}..${most} is needed`,
      name,
    );
  }
  if (task === "classify" && (recipe.mosaic ?? 0) > 0) {
    throw new PhinetsError(
      "training.option",
      `mosaic is ${recipe.mosaic}; it is for data sets with boxes, leave it out`,
      "mosaic",
    );
  }
}
