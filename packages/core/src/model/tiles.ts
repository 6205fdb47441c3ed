/**
 * Finds small objects in large pictures: the network runs on overlapping tiles, each enlarged to its input, and on the
 * whole picture, and the results are joined. After slicing aided inference (Akyon et al., ICIP 2022).
 */
import type { Detection } from "../detection/index.js";

export interface Tiles {
  readonly columns: number;
  readonly rows: number;
}

export interface Tile {
  /** top-left corner and size in pixels of the picture, fractions of pixels allowed */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Share of a tile's side that overlaps its neighbour. */
const tileOverlap = 0.2;
/**
 * A box that shares more than this part of the smaller area with a better box is the same object, cut off by a tile's
 * edge.
 */
const mostInside = 0.65;

/** The tiles of a picture, row by row; neighbours overlap by a fifth. */
export function tilesOf({ width, height }: { width: number; height: number }, { columns, rows }: Tiles): Tile[] {
  const side = (all: number, count: number) => all / (count - (count - 1) * tileOverlap);
  const [across, down] = [side(width, columns), side(height, rows)];
  return Array.from({ length: columns * rows }, (_, i) => ({
    x: (i % columns) * across * (1 - tileOverlap),
    y: Math.floor(i / columns) * down * (1 - tileOverlap),
    width: across,
    height: down,
  }));
}

/** Joins the boxes of all tiles, in pixels of the picture, without duplicates; best first, at most `most`. */
export function joinTiles(boxes: readonly Detection[], iou: number, most: number): Detection[] {
  const kept: Detection[] = [];
  for (const box of [...boxes].sort((a, b) => b.score - a.score)) {
    if (kept.length === most) break;
    if (!kept.some((better) => better.class === box.class && isSame(better, box, iou))) kept.push(box);
  }
  return kept;
}

function isSame(a: Detection, b: Detection, iou: number): boolean {
  const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (!(across > 0 && down > 0)) return false;
  const common = across * down;
  const [areaA, areaB] = [a.width * a.height, b.width * b.height];
  return common > iou * (areaA + areaB - common) || common > mostInside * Math.min(areaA, areaB);
}
