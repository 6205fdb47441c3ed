/**
 * Pictures whose names begin with their class and a dot, such as `bolt.1a2b.jpg` (Edge Impulse, Kaggle's cats and
 * dogs).
 */
import { isPictureFile } from "../files/picture-names.js";
import type { Survey } from "../files/survey.js";
import { baseName, byCodeUnits, extensionOf, folderOf, stemOf } from "../files/tree.js";
import { type Sample, type SplitName, splitNames } from "../types.js";
import type { FoundDataset } from "./format.js";
import { splitOf } from "./splits.js";

/**
 * The class in a picture's name: `bolt` for `training/bolt.1a2b.jpg`. It must contain a letter, to exclude dates and
 * numbers.
 */
function classOf(picture: string): string | undefined {
  const match = /^([^.]+)\.[^.]/.exec(stemOf(baseName(picture)));
  return match !== null && /\p{L}/u.test(match[1]) ? match[1] : undefined;
}

/**
 * The classes, if every picture's name has one, there are at least two classes of at least two pictures each, all
 * pictures are in the root or in split folders, and there are no label files; otherwise undefined.
 */
export function classNamesInFileNames(survey: Survey): string[] | undefined {
  const { pictures, files, root } = survey;
  const labels = files.some(
    (file) =>
      !isPictureFile(file) &&
      /^\.(txt|xml|json|csv|tsv|ya?ml|labels)$/.test(extensionOf(file)) &&
      !/readme/i.test(file),
  );
  if (labels || pictures.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const picture of pictures) {
    const folder = folderOf(picture).slice(root === "" ? 0 : root.length + 1);
    const name = folder === root || folder === "" || splitOf(folder) !== undefined ? classOf(picture) : undefined;
    if (name === undefined) return undefined;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const consistent = counts.size >= 2 && [...counts.values()].every((count) => count >= 2);
  return consistent ? [...counts.keys()].sort(byCodeUnits) : undefined;
}

export function openNamedFiles(survey: Survey): FoundDataset {
  const classes = classNamesInFileNames(survey) ?? [];
  const indexes = new Map(classes.map((name, n) => [name, n]));
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  let own = false;
  for (const picture of survey.pictures) {
    const folder = folderOf(picture);
    const split = folder === survey.root ? undefined : splitOf(baseName(folder));
    own ||= split !== undefined;
    splits[split ?? "train"].push({ file: survey.tree.locate(picture), class: indexes.get(classOf(picture) ?? "") });
  }
  return { task: "classify", classes, splits, named: splitNames.filter((split) => own && splits[split].length > 0) };
}
