/**
 * Writes YOLO as Ultralytics documents it (docs.ultralytics.com/datasets/detect): data.yaml, and `SPLIT/images` beside
 * `SPLIT/labels`. Fractions have the shortest decimals that are the same double again.
 */
import { stemOf } from "../../files/tree.js";
import { splitNames } from "../../types.js";
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
    const yaml = [
      ...used.map((split) => `${split}: ${split}/images\n`),
      "names:\n",
      ...index.classes.map((name, n) => `  ${n}: ${quoted(name)}\n`),
    ];
    files.push({ path: "data.yaml", text: yaml.join("") });
    return { files, pictures, changes: log.changes, notes: log.notes };
  },
};

/** Double quotes of YAML take JSON's escapes; characters that YAML does not print have to be escaped too. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
