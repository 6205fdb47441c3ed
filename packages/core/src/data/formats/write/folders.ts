/** Writes class folders: `SPLIT/CLASS/picture`, or `CLASS/picture` if there is only one split. */
import { byCodeUnits, foldName } from "../../files/tree.js";
import { type DatasetIndex, splitNames } from "../../types.js";
import { splitOf } from "../splits.js";
import { PictureNames, whyUnfit } from "./names.js";
import { type DatasetWriter, refuse, WriteLog } from "./writer.js";

/** Names that readers take for folders of pictures or labels of all classes. */
const container = /^(images?|imgs?|jpegimages|pictures|photos|labels?|annotations?|masks?|image_?sets)$/i;

export const foldersWriter: DatasetWriter = {
  id: "folders",
  task: "classify",
  needsSizes: false,
  write({ index }) {
    const { classes, splits } = index;
    const log = new WriteLog();
    checkNames(classes);
    const names = new PictureNames();
    const used = splitNames.filter((split) => splits[split].length > 0);
    const pictures: { from: string; to: string }[] = [];
    const there = new Set<number>();
    for (const split of used) {
      for (const { file, class: label } of splits[split]) {
        if (label === undefined) continue;
        there.add(label);
        if (splits.train.length === 0)
          log.changed("pictures of no training split are split anew when they are read", file);
        const folder = used.length > 1 || split !== "train" ? `${split}/${classes[label]}` : classes[label];
        pictures.push({ from: file, to: `${folder}/${names.nameFor(file, folder)}` });
      }
    }
    checkTrained(index);
    const empty = classes.filter((_, n) => !there.has(n));
    if (empty.length > 0) log.note(`classes without a picture have no folder and are lost: ${empty.join(", ")}`);
    const kept = classes.filter((_, n) => there.has(n));
    if (kept.some((name, n) => n > 0 && byCodeUnits(kept[n - 1], name) > 0))
      log.note("the classes are numbered in the order of their folders' names from now on, which is another order");
    return { files: [], pictures, changes: log.changes, notes: log.notes };
  },
};

/**
 * Throws if a class of another split has no training pictures: readers take the classes from the training split's
 * folders.
 */
function checkTrained({ classes, splits }: DatasetIndex): void {
  if (splits.train.length === 0) return;
  const trained = new Set(splits.train.map((sample) => sample.class));
  for (const split of splitNames) {
    const stray = splits[split].find(({ class: label }) => label !== undefined && !trained.has(label));
    if (stray === undefined) continue;
    const name = JSON.stringify(classes[stray.class!]);
    refuse(
      `class ${name} has pictures in ${split} and none in train, whose folders are the classes; add some to train`,
    );
  }
}

function checkNames(classes: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of classes) {
    const fail = (problem: string) =>
      refuse(`class ${JSON.stringify(name)} cannot be a folder's name: ${problem}; rename it`);
    const why = whyUnfit(name);
    if (why !== undefined) fail(`it ${why}`);
    if (splitOf(name) !== undefined) fail("it would be taken for a split");
    if (container.test(name)) fail("it would be taken for a folder of all pictures or labels");
    const twin = seen.get(foldName(name));
    if (twin !== undefined) fail(`it and "${twin}" differ in case only`);
    seen.set(foldName(name), name);
  }
}
