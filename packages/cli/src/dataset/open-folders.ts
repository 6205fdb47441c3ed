/** Class folders on disk. */
import { join, relative, sep } from "node:path";
import { type ClassFolders, parseClassFolders, type Sample } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { listPicturesBelow } from "./listing.js";
import type { FoundDataset } from "./open.js";

export function openClassFolders(root: string): FoundDataset {
  const pictures = listPicturesBelow(root);
  if (pictures.length === 0) {
    throw new PhinetsError(
      "data.empty",
      `${root}: the data set is empty: no pictures, no data.yaml, no idx files; put the pictures of each class into a folder of its name`,
      root,
    );
  }
  const found: ClassFolders = parseClassFolders(pictures, root);
  const placed = (samples: readonly Sample[]) =>
    samples.map((sample) => ({ ...sample, file: join(root, sample.file) }));
  const { train, val, test } = found.splits;
  return {
    index: {
      task: "classify",
      classes: found.classes,
      splits: { train: placed(train), val: placed(val), test: placed(test) },
    },
    nameOf: (sample) => relative(root, sample.file).split(sep).join("/"),
  };
}
