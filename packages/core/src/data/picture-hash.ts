/**
 * Detects pictures that look alike by a reduction to 9 x 8 grey cells and its difference hash: 64 bits, each of which
 * tells whether a cell is darker than the one to its right (N. Krawetz, "Kind of Like That", 2013). docs/decisions.md
 * documents the thresholds and their error rates.
 */
import { addTo } from "./files/values.js";
import type { Picture, PictureSize } from "./types.js";

const columns = 9;
const rows = 8;

/**
 * Pictures with a side shorter than this many pixels are not compared: digits and icons of one kind have nearly the
 * same 9 x 8 cells.
 */
export const leastComparedSide = 64;

/**
 * Means of 9 x 8 grey cells, `[8, 9]`, 0..255; undefined for a picture too small to compare.
 * @param picture decoded picture, possibly shrunk during decoding
 * @param source size of the original picture
 */
export function greyCells(picture: Picture, source: PictureSize = picture): Uint8Array | undefined {
  if (Math.min(source.width, source.height) < leastComparedSide) return undefined;
  const { width, height, channels, data } = picture;
  const sums = new Float64Array(columns * rows);
  const counts = new Float64Array(columns * rows);
  const columnOf = Uint8Array.from({ length: width }, (_, x) => Math.floor((x * columns) / width));
  for (let y = 0, at = 0; y < height; y++) {
    const row = columns * Math.floor((y * rows) / height);
    for (let x = 0; x < width; x++, at += channels) {
      const cell = row + columnOf[x];
      sums[cell] += channels === 1 ? data[at] : (77 * data[at] + 150 * data[at + 1] + 29 * data[at + 2]) / 256;
      counts[cell]++;
    }
  }
  return Uint8Array.from(sums, (sum, i) => Math.round(sum / Math.max(1, counts[i])));
}

/** 64 bits as two 32-bit integers. */
export type PictureHash = readonly [number, number];

export function differenceHash(cells: Uint8Array): PictureHash {
  const halves: [number, number] = [0, 0];
  for (let bit = 0; bit < 64; bit++) {
    const at = (bit >> 3) * columns + (bit & 7);
    if (cells[at] < cells[at + 1]) halves[bit >> 5] |= 1 << (bit & 31);
  }
  return halves;
}

/** Number of differing bits, 0..64. */
export function hammingDistance(a: PictureHash, b: PictureHash): number {
  return bitCount(a[0] ^ b[0]) + bitCount(a[1] ^ b[1]);
}

function bitCount(value: number): number {
  let v = value - ((value >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Pearson correlation of two pictures' cells, -1..1; 0 if one of them has a single shade. */
export function correlation(a: Uint8Array, b: Uint8Array): number {
  const n = a.length;
  let [sumA, sumB, squareA, squareB, product] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    sumA += a[i];
    sumB += b[i];
    squareA += a[i] * a[i];
    squareB += b[i] * b[i];
    product += a[i] * b[i];
  }
  const spread = (squareA - (sumA * sumA) / n) * (squareB - (sumB * sumB) / n);
  return spread <= 0 ? 0 : (product - (sumA * sumB) / n) / Math.sqrt(spread);
}

export interface Likeness {
  /** Maximum number of differing hash bits. */
  readonly distance: number;
  /** Minimum correlation of the cells. */
  readonly correlation: number;
}

/** The same picture recompressed, rescaled or brightened. */
export const nearCopy: Likeness = { distance: 6, correlation: 0.98 };

/** Neighbours in a sequence of one camera. Only applied to pictures with consecutive numbers in their names. */
export const sameScene: Likeness = { distance: 12, correlation: 0.9 };

/** Pictures prepared for comparison. Pictures without cells match nothing. */
export class PictureCells {
  readonly hashes: readonly (PictureHash | undefined)[];

  constructor(readonly cells: readonly (Uint8Array | undefined)[]) {
    this.hashes = cells.map((each) => each && differenceHash(each));
  }

  areAlike(a: number, b: number, likeness: Likeness): boolean {
    const [hashA, hashB] = [this.hashes[a], this.hashes[b]];
    if (hashA === undefined || hashB === undefined) return false;
    if (hammingDistance(hashA, hashB) > likeness.distance) return false;
    return correlation(this.cells[a] as Uint8Array, this.cells[b] as Uint8Array) >= likeness.correlation;
  }

  /**
   * Calls `on` with pairs of near copies. Two hashes that differ in 6 bits agree in at least one of 7 bands, so only
   * pictures that share a band are compared. In a band shared by very many pictures, such as those of a fixed camera, a
   * picture is compared only with the next few hundred: enough to join all of them, but not to list every pair.
   */
  eachNearCopy(on: (a: number, b: number) => void): void {
    const bands = nearCopy.distance + 1;
    for (let band = 0; band < bands; band++) {
      const from = Math.floor((64 * band) / bands);
      const to = Math.floor((64 * (band + 1)) / bands);
      const shared = new Map<number, number[]>();
      for (const [n, hash] of this.hashes.entries()) {
        if (hash === undefined) continue;
        const key = bitsOf(hash, from, to);
        addTo(shared, key, n);
      }
      for (const pictures of shared.values()) {
        const reach = pictures.length > crowded ? crowdedReach : pictures.length;
        for (let i = 0; i < pictures.length; i++) {
          const end = Math.min(pictures.length, i + 1 + reach);
          for (let j = i + 1; j < end; j++) {
            if (this.areAlike(pictures[i], pictures[j], nearCopy)) on(pictures[i], pictures[j]);
          }
        }
      }
    }
  }
}

const crowded = 4096;
const crowdedReach = 512;

function bitsOf(hash: PictureHash, from: number, to: number): number {
  let bits = 0;
  for (let bit = from; bit < to; bit++) bits = (bits << 1) | ((hash[bit >> 5] >>> (bit & 31)) & 1);
  return bits;
}
