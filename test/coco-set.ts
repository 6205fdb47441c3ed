/** A small COCO data set, for tests of the format. */
import type { MemoryFile } from "./memory-set.js";

export const picture: MemoryFile = [100, 80];
const categories = [
  { id: 3, name: "bolt", supercategory: "none" },
  { id: 17, name: "nut", supercategory: "none" },
];

interface Parts {
  readonly images?: readonly object[];
  readonly annotations?: readonly object[];
  readonly categories?: readonly object[];
}

/** By default, a bolt in the first of two pictures. */
export function json({ images, annotations, categories: own = categories }: Parts = {}): string {
  return JSON.stringify({
    info: {},
    images: images ?? [
      { id: 1, file_name: "a.jpg", width: 100, height: 80 },
      { id: 2, file_name: "b.jpg", width: 100, height: 80 },
    ],
    annotations: annotations ?? [{ id: 1, image_id: 1, category_id: 3, bbox: [10, 20, 30, 40], iscrowd: 0 }],
    categories: own,
  });
}

export const box = (more: object) => ({ image_id: 1, category_id: 3, bbox: [10, 20, 30, 40], ...more });
export const pair = (folder: string) => ({ [`${folder}a.jpg`]: picture, [`${folder}b.jpg`]: picture });
