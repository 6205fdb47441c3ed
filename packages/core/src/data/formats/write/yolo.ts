/**
 * Writes YOLO in Ultralytics' layout (docs.ultralytics.com/datasets/detect): data.yaml, and `SPLIT/images` beside
 * `SPLIT/labels`. Fractions have the shortest decimal form that reads back as the same double.
 */
import { stemOf } from "../../files/tree.js";
import { type SplitName, splitNames } from "../../types.js";
import { PictureNames } from "./names.js";
import { type DatasetWriter, refuse, WriteLog } from "./writer.js";

export const yoloWriter: DatasetWriter = {
  id: "yolo",
  task: "detect",
  needsSizes: false,
  write({ index }) {
    const log = new WriteLog();
    const names = new PictureNames();
    const files: { path: string; text: string }[] = [];
    const pictures: { from: string; to: string }[] = [];
    const used = splitNames.filter((split) => index.splits[split].length > 0);
    if (!used.includes("train"))
      refuse("a YOLO data set has pictures to train on, and this one has none; --to coco takes it");
    for (const split of used) {
      for (const { file, labels = [] } of index.splits[split]) {
        const name = names.nameFor(file, split);
        const rows = labels.flatMap((label) => {
          const { ignore, x, y, width, height } = label;
          if (ignore === undefined) return [`${[label.class, x, y, width, height].join(" ")}\n`];
          log.changed(`${ignore === "crowd" ? "crowd regions" : "difficult boxes"} are left out: YOLO has none`, file);
          return [];
        });
        log.lost(labels, file);
        pictures.push({ from: file, to: `${split}/images/${name}` });
        files.push({ path: `${split}/labels/${stemOf(name)}.txt`, text: rows.join("") });
      }
    }
    const places = Object.fromEntries(used.map((split) => [split, [`${split}/images`]]));
    files.push({ path: "data.yaml", text: yoloDescription(places, index.classes) });
    return { files, pictures, changes: log.changes, notes: log.notes };
  },
};

/** The data.yaml of pictures in these folders. */
export function yoloDescription(
  places: Readonly<Partial<Record<SplitName, readonly string[]>>>,
  classes: readonly string[],
): string {
  const path = (text: string) => (/^[\w.-]+(\/[\w.-]+)*$/.test(text) ? text : quoted(text));
  const lines = splitNames.flatMap((split) => {
    const folders = places[split] ?? [];
    if (folders.length === 0) return [];
    return folders.length === 1
      ? [`${split}: ${path(folders[0])}\n`]
      : [`${split}:\n`, ...folders.map((folder) => `  - ${path(folder)}\n`)];
  });
  return [...lines, "names:\n", ...classes.map((name, n) => `  ${n}: ${quoted(name)}\n`)].join("");
}

/** YAML's double quotes accept JSON's escapes; characters that YAML does not print must be escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
