/** Moves boxes when a picture is cropped. */
import { boxIntoRect } from "./resize.js";
import type { BoxLabel, PictureSize, SourceRect } from "./types.js";

/**
 * Boxes of `picture` mapped to its rectangle `rect` shown at `size`: clipped to it, mirrored if requested, and dropped
 * if too little remains.
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
