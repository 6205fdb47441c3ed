/** Reduces a decoded picture to the size that training or evaluation needs, a fraction of the original, for caching. */
import { withChannels } from "./picture.js";
import { fitPicture, resize } from "./resize.js";
import type { Fit, Picture, PictureSize } from "./types.js";

/** Training pictures are kept at up to this many times the input's size, for jittered crops. */
export const trainingGrowth = 1.5;

export interface ShrinkOptions extends PictureSize {
  /** 1 (grey) or 3 (RGB). Default 3. */
  readonly channels?: number;
  /** Default "stretch". */
  readonly fit?: Fit;
  /** "training": at up to `trainingGrowth` times the input's size. "evaluation": final, at the input's size. */
  readonly use: "training" | "evaluation";
}

/** The picture reduced for training or evaluation at this input size. */
export function shrinkForUse(picture: Picture, options: ShrinkOptions): Picture {
  const { width, height, fit = "stretch", channels = 3 } = options;
  const coloured = withChannels(picture, channels);
  if (options.use === "evaluation") return fitPicture(coloured, { width, height }, fit);
  let across = Math.min(1, (trainingGrowth * width) / picture.width);
  let down = Math.min(1, (trainingGrowth * height) / picture.height);
  if (fit === "letterbox") across = down = Math.min(across, down);
  return resize(coloured, {
    width: Math.max(1, Math.round(picture.width * across)),
    height: Math.max(1, Math.round(picture.height * down)),
  });
}
