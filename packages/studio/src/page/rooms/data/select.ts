/** Selects pictures by a filter and summarises a catalogue's boxes. Pure functions on arrays. */
import { boxFields, type Catalogue, splitOf } from "../../../shared/data.js";

/** Ranges of the square root of a box's area as a fraction of the picture. */
export const sizeClasses = [
  { id: "tiny", title: "tiny, below 5 %", most: 0.05 },
  { id: "small", title: "small, 5 to 15 %", most: 0.15 },
  { id: "medium", title: "medium, 15 to 40 %", most: 0.4 },
  { id: "large", title: "large, above 40 %", most: Number.POSITIVE_INFINITY },
] as const;

export type SizeClass = (typeof sizeClasses)[number]["id"];

export interface Filter {
  readonly split?: "train" | "val" | "test";
  /** -1: pictures without objects. */
  readonly class?: number;
  readonly size?: SizeClass;
  /** Part of a file's path, ignoring case. */
  readonly name?: string;
  /** Only unlabelled pictures. */
  readonly unlabelled?: boolean;
  /** Only these pictures, in this order. */
  readonly only?: readonly number[];
}

export function sizeClassOf(width: number, height: number): SizeClass {
  const side = Math.sqrt(width * height);
  return sizeClasses.find(({ most }) => side < most)!.id;
}

/** Numbers of the pictures that match a filter. */
export function select(catalogue: Catalogue, filter: Filter): number[] {
  const { files } = catalogue;
  const all = filter.only ?? files.keys();
  const name = filter.name?.toLowerCase();
  const unlabelled = filter.unlabelled ? new Set(catalogue.unlabelled) : undefined;
  const found: number[] = [];
  for (const n of all) {
    if (filter.split !== undefined && splitOf(catalogue, n) !== filter.split) continue;
    if (unlabelled !== undefined && !unlabelled.has(n)) continue;
    if (name && !files[n].toLowerCase().includes(name)) continue;
    if (shows(catalogue, n, filter)) found.push(n);
  }
  return found;
}

/** Whether a single box has both the class and the size. */
function shows({ labels, starts, boxes }: Catalogue, n: number, { class: wanted, size }: Filter): boolean {
  if (wanted === undefined && size === undefined) return true;
  if (wanted === -1) return labels[n] < 0 && starts[n] === starts[n + 1];
  if (labels[n] >= 0) return size === undefined && labels[n] === wanted;
  for (let i = starts[n]; i < starts[n + 1]; i++) {
    const at = i * boxFields;
    if (wanted !== undefined && boxes[at] !== wanted) continue;
    if (size === undefined || sizeClassOf(boxes[at + 3], boxes[at + 4]) === size) return true;
  }
  return false;
}

/** Number of boxes (or classified pictures) of each class. */
export function countClasses({ classes, labels, boxes }: Catalogue): number[] {
  const counts = classes.map(() => 0);
  for (let at = 0; at < boxes.length; at += boxFields) counts[boxes[at]]++;
  for (const label of labels) if (label >= 0) counts[label]++;
  return counts;
}

export function countSizes({ boxes }: Catalogue): Record<SizeClass, number> {
  const counts = { tiny: 0, small: 0, medium: 0, large: 0 };
  for (let at = 0; at < boxes.length; at += boxFields) counts[sizeClassOf(boxes[at + 3], boxes[at + 4])]++;
  return counts;
}

/** Side of the grid in which `heatOf` counts. */
export const heatSide = 32;

/**
 * Counts per cell, `[heatSide, heatSide]`, row by row. "position": number of boxes that cover the cell. "shape": number
 * of boxes by width (to the right) and height (down).
 */
export function heatOf({ boxes }: Catalogue, what: "position" | "shape", wanted?: number): Float64Array {
  const heat = new Float64Array(heatSide * heatSide);
  const cell = (share: number) => Math.max(0, Math.min(heatSide - 1, Math.floor(share * heatSide)));
  for (let at = 0; at < boxes.length; at += boxFields) {
    if (wanted !== undefined && boxes[at] !== wanted) continue;
    const [x, y, width, height] = [boxes[at + 1], boxes[at + 2], boxes[at + 3], boxes[at + 4]];
    if (what === "shape") {
      heat[cell(height) * heatSide + cell(width)]++;
      continue;
    }
    const [right, bottom] = [cell(x + width / 2), cell(y + height / 2)];
    for (let row = cell(y - height / 2); row <= bottom; row++)
      for (let column = cell(x - width / 2); column <= right; column++) heat[row * heatSide + column]++;
  }
  return heat;
}
