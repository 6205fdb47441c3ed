/** Folders of idx files, as MNIST and Fashion-MNIST come: train-* and t10k-* (or test-*), plain or gzipped. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Sample } from "@phinets/core/data";
import { PhinetsError } from "@phinets/core/tensor";
import { readIdxImages, readIdxLabels } from "./idx-files.js";
import type { FoundDataset } from "./open.js";

export function openIdx(root: string): FoundDataset {
  const names = readdirSync(root).sort();
  const samplesOf = (prefix: string): Sample[] => {
    const images = names.find((name) => new RegExp(`^(${prefix}).*idx3-ubyte(\\.gz)?$`).test(name));
    const labels = names.find((name) => new RegExp(`^(${prefix}).*idx1-ubyte(\\.gz)?$`).test(name));
    if (images === undefined && labels === undefined) return [];
    if (images === undefined || labels === undefined) {
      throw new PhinetsError(
        "data.idx",
        `${root}: has ${images ?? labels} but no ${images === undefined ? "pictures (idx3-ubyte)" : "labels (idx1-ubyte)"} beside it`,
        root,
      );
    }
    const file = join(root, images);
    const { count } = readIdxImages(file);
    const classes = readIdxLabels(join(root, labels));
    if (classes.length !== count) {
      throw new PhinetsError(
        "data.idx",
        `${join(root, labels)}: has ${classes.length} labels for the ${count} pictures of ${images}; get both files again`,
        join(root, labels),
      );
    }
    return Array.from(classes, (c, n) => ({ file: `${file}#${n}`, class: c }));
  };
  const splits = { train: samplesOf("train"), val: samplesOf("val"), test: samplesOf("t10k|test") };
  let highest = -1;
  for (const sample of [...splits.train, ...splits.val, ...splits.test])
    highest = Math.max(highest, sample.class ?? -1);
  return {
    index: { task: "classify", classes: Array.from({ length: highest + 1 }, (_, n) => String(n)), splits },
    nameOf: (sample) => sample.file.slice(root.length),
  };
}
