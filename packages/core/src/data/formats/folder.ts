/**
 * Class folders: `ROOT/CLASS/picture.jpg`, or `ROOT/SPLIT/CLASS/picture.jpg` with the splits train, val (valid,
 * validation) and test.
 */
import { PhinetsError } from "../../tensor/index.js";
import type { Sample, SplitName } from "../types.js";

export interface ClassFolders {
  readonly classes: readonly string[];
  /** Samples as found; without split folders all are in `train`. `file` is the path as listed. */
  readonly splits: Readonly<Record<SplitName, readonly Sample[]>>;
  /** Whether the data set named its own splits. */
  readonly hasSplits: boolean;
}

const splitFolders: Readonly<Record<string, SplitName>> = {
  train: "train",
  val: "val",
  valid: "val",
  validation: "val",
  test: "test",
};

/** The split that a folder of this name holds, or undefined. */
export function splitOfFolder(name: string): SplitName | undefined {
  return Object.hasOwn(splitFolders, name) ? splitFolders[name] : undefined;
}

/**
 * Classes and samples from the pictures' paths. Class names are the folders' names, in the order of their code units.
 * @param pictures paths relative to the root, with `/`
 * @param root name for messages
 */
export function parseClassFolders(pictures: readonly string[], root: string): ClassFolders {
  const hasSplits = pictures.some(
    (path) => path.split("/").length > 2 && splitOfFolder(path.split("/")[0]) === "train",
  );
  const found: { split: SplitName; name: string; file: string }[] = [];
  for (const file of [...pictures].sort(byCodeUnits)) {
    const parts = file.split("/");
    const split = hasSplits ? splitOfFolder(parts[0]) : "train";
    if (split === undefined) {
      throw new PhinetsError(
        "data.folder",
        `${root}/${file}: lies outside train, val and test; move it into one of them`,
        `${root}/${file}`,
      );
    }
    const rest = hasSplits ? parts.slice(1) : parts;
    if (rest.length < 2) {
      throw new PhinetsError(
        "data.folder",
        `${root}/${file}: lies in no class folder; move it to ${hasSplits ? `${parts[0]}/` : ""}CLASS/${rest.at(-1)}`,
        `${root}/${file}`,
      );
    }
    found.push({ split, name: rest[0], file });
  }
  const names = (chosen: typeof found) => [...new Set(chosen.map((entry) => entry.name))].sort(byCodeUnits);
  const classes = names(found.filter((entry) => entry.split === "train"));
  const splits: Record<SplitName, Sample[]> = { train: [], val: [], test: [] };
  for (const { split, name, file } of found) {
    const index = classes.indexOf(name);
    if (index < 0) {
      throw new PhinetsError(
        "data.class",
        `${root}/${file}: class "${name}" has no folder in train; the classes are ${classes.join(", ")}`,
        `${root}/${file}`,
      );
    }
    splits[split].push({ file, class: index });
  }
  return { classes, splits, hasSplits };
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
