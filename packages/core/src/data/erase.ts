/** Random erasing (Zhong et al., AAAI 2020): covers a rectangle with noise. */
import { exp, log, type Random } from "../tensor/index.js";
import type { BoxLabel, Picture } from "./types.js";

const leastArea = 0.02;
const mostArea = 0.2;
const mostAspect = 3.3;

/**
 * Fills a random rectangle with noise in place: 2 to 20 % of the picture, with an aspect ratio from 0.3 to 3.3.
 * @returns the boxes, except those with less than `minVisible` (0..1) of their area left
 */
export function erase(picture: Picture, labels: BoxLabel[], minVisible: number, random: Random): BoxLabel[] {
  const { width, height, channels, data } = picture;
  const area = random.uniform(leastArea, mostArea);
  const aspect = exp(random.uniform(-1, 1) * log(mostAspect));
  const across = sidePixels(Math.sqrt(area * aspect), width);
  const down = sidePixels(Math.sqrt(area / aspect), height);
  const left = random.integer(width - across + 1);
  const top = random.integer(height - down + 1);
  for (let y = top; y < top + down; y++) {
    const from = (y * width + left) * channels;
    for (let i = from; i < from + across * channels; i += 4) {
      const noise = random.uint32();
      for (let k = 0; k < 4 && i + k < from + across * channels; k++) data[i + k] = noise >>> (8 * k);
    }
  }
  return labels.filter((box) => {
    const x = overlap(box.x * width, box.width * width, left, across);
    const y = overlap(box.y * height, box.height * height, top, down);
    return x * y <= (1 - minVisible) * box.width * width * box.height * height;
  });
}

function sidePixels(fraction: number, side: number): number {
  return Math.min(side, Math.max(1, Math.round(fraction * side)));
}

function overlap(centre: number, length: number, start: number, extent: number): number {
  return Math.max(0, Math.min(centre + length / 2, start + extent) - Math.max(centre - length / 2, start));
}
