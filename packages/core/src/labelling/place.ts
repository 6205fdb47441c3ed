/** Boxes kept inside the picture and large enough to be seen, in pixels of the upright picture. */
import type { PictureSize, PixelBox } from "../data/index.js";

export type Place = Pick<PixelBox, "left" | "top" | "width" | "height">;

/** Minimum width and height of a box in pixels; less in a smaller picture. */
export const leastSide = 2;

/** The box between two corners, given in any order. */
export function placeBetween(
  a: readonly [x: number, y: number],
  b: readonly [x: number, y: number],
  size: PictureSize,
) {
  const [left, width] = spanOf(a[0], b[0], size.width);
  const [top, height] = spanOf(a[1], b[1], size.height);
  return { left, top, width, height };
}

/** The box moved by this much, stopping at the picture's edges. */
export function movedBy(place: Place, across: number, down: number, size: PictureSize): Place {
  const { width, height } = place;
  const left = clamp(place.left + across, 0, Math.max(0, size.width - width));
  return { left, top: clamp(place.top + down, 0, Math.max(0, size.height - height)), width, height };
}

/** The edges to move: -1 left or top, 1 right or bottom, 0 neither. */
export type Handle = readonly [across: -1 | 0 | 1, down: -1 | 0 | 1];

/** The box with the handle's edges moved. An edge stops before the opposite edge and at the picture's edge. */
export function resizedBy(place: Place, handle: Handle, by: readonly [number, number], size: PictureSize): Place {
  const [left, width] = stretched([place.left, place.width], handle[0], by[0], size.width);
  const [top, height] = stretched([place.top, place.height], handle[1], by[1], size.height);
  return { left, top, width, height };
}

function stretched(
  [start, length]: readonly [number, number],
  edge: -1 | 0 | 1,
  by: number,
  side: number,
): [number, number] {
  const least = Math.min(leastSide, side);
  if (edge === 0) return [start, length];
  const end = start + length;
  if (edge < 0) {
    const moved = clamp(start + by, 0, Math.max(0, end - least));
    return [moved, end - moved];
  }
  return [start, clamp(end + by, Math.min(side, start + least), side) - start];
}

function spanOf(a: number, b: number, side: number): [number, number] {
  const least = Math.min(leastSide, side);
  const [low, high] = [clamp(Math.min(a, b), 0, side), clamp(Math.max(a, b), 0, side)];
  if (high - low >= least) return [low, high - low];
  return [clamp(low, 0, side - least), least];
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
