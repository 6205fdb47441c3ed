/** Recognises the names of splits. */
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
 * The split named by a folder, list or column: `train`, `Training`, `train2017`, `seg_train`, `obj_train_data`,
 * `test_set`, `MOT15-train` and the like; undefined for any other name.
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

/** Words that may accompany a split's name without being a class. */
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
 * The split mentioned in a file name among other words: train in `instances_train2017.json`, val in
 * `validation-annotations-bbox.csv`; undefined if it mentions none or several.
 */
export function splitIn(name: string): SplitName | undefined {
  const parts = name.toLowerCase().split(/[^a-z]+/);
  const found = new Set(parts.filter((part) => Object.hasOwn(words, part)).map((part) => words[part]));
  return found.size === 1 ? [...found][0] : undefined;
}
