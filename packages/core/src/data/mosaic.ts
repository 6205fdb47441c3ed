/** Mosaic (Bochkovskiy et al., "YOLOv4", 2020, section 3.3): joins parts of four pictures and their boxes. */
import type { Random } from "../tensor/index.js";
import { type AugmentedPicture, type AugmentOptions, disturb, drawVariant, paint } from "./augment.js";
import { moveBoxes } from "./move-boxes.js";
import type { BoxLabel, Picture, PictureSize } from "./types.js";

/** The parts meet at a point at least this fraction of the side away from each edge. */
const leastShare = 0.25;

/**
 * Joins four pictures around a random point, each augmented as by `augment`. A picture appears at a random scale
 * between its size without mosaic and the smallest that fills its part, so objects shrink at most by the part's share
 * of the side, and only visible pixels are resampled.
 * @param pictures four pictures with the same number of channels
 */
export function mosaic(
  pictures: readonly { readonly picture: Picture; readonly labels: readonly BoxLabel[] }[],
  options: AugmentOptions,
  random: Random,
  size: PictureSize,
): AugmentedPicture {
  const { minSidePixels = 2, minVisible = 0.25 } = options;
  const { width, height } = size;
  const { channels } = pictures[0].picture;
  const x = Math.round(random.uniform(leastShare, 1 - leastShare) * width);
  const y = Math.round(random.uniform(leastShare, 1 - leastShare) * height);
  const result = { width, height, channels, data: new Uint8Array(width * height * channels) };
  const labels: BoxLabel[] = [];
  for (const [n, { picture, labels: boxes }] of pictures.entries()) {
    const variant = drawVariant(picture, options, random, size);
    const region = {
      x: n % 2 === 0 ? 0 : x,
      y: n < 2 ? 0 : y,
      width: n % 2 === 0 ? x : width - x,
      height: n < 2 ? y : height - y,
    };
    const across = region.width / width;
    const down = region.height / height;
    const scale = random.uniform(Math.max(across, down), 1);
    const { rect } = variant;
    const seen = { width: (rect.width * across) / scale, height: (rect.height * down) / scale };
    const part = {
      x: place(rect.x, rect.width, picture.width, seen.width, random),
      y: place(rect.y, rect.height, picture.height, seen.height, random),
      ...seen,
    };
    if (region.width === 0 || region.height === 0) continue; // happens for inputs of one or two pixels
    paint(picture, { ...variant, rect: part }, result, region, options);
    for (const box of moveBoxes(boxes, picture, part, region, variant.mirrored, minSidePixels, minVisible)) {
      labels.push({
        ...box,
        x: (region.x + box.x * region.width) / width,
        y: (region.y + box.y * region.height) / height,
        width: box.width * across,
        height: box.height * down,
      });
    }
  }
  return disturb({ picture: result, labels }, options, random);
}

/** Start of a window of length `seen`: inside the crop and, if possible, inside the picture. */
function place(start: number, length: number, side: number, seen: number, random: Random): number {
  const low = Math.max(start, 0);
  const high = Math.min(start + length, side);
  return high - low >= seen ? random.uniform(low, high - seen) : random.uniform(start, start + length - seen);
}
