/** Names that data sets give their splits. */
import type { SplitName } from "../types.js";

const words: Readonly<Record<string, SplitName>> = {
  train: "train",
  training: "train",
  val: "val",
  valid: "val",
  validate: "val",
  validation: "val",
  dev: "val",
  test: "test",
  testing: "test",
};

/**
 * The split that a folder, list or column of this name holds: `train`, `Training`, `train2017`, `seg_train`,
 * `obj_train_data`, `test_set`, `MOT15-train` and the like; undefined for a name of anything else.
 */
export function splitOf(name: string): SplitName | undefined {
  const parts = name
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((part) => part !== "");
  const found = parts.filter((part) => Object.hasOwn(words, part));
  const other = parts.filter((part) => !Object.hasOwn(words, part) && !companions.has(part));
  return found.length === 1 && other.length === 0 ? words[found[0]] : undefined;
}

/** Words that stand beside a split's name without meaning a class. */
const companions = new Set([
  "seg",
  "obj",
  "set",
  "data",
  "dataset",
  "images",
  "image",
  "img",
  "imgs",
  "pictures",
  "folder",
  "split",
  "mot",
  "the",
]);

/**
 * The split that a file's name mentions beside other words: train of `instances_train2017.json`, val of
 * `validation-annotations-bbox.csv`; undefined where it mentions none or several.
 */
export function splitIn(name: string): SplitName | undefined {
  const parts = name.toLowerCase().split(/[^a-z]+/);
  const found = new Set(parts.filter((part) => Object.hasOwn(words, part)).map((part) => words[part]));
  return found.size === 1 ? [...found][0] : undefined;
}
