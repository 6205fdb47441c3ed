/**
 * Writes COCO (cocodataset.org/#format-data): `annotations/instances_SPLIT.json` and a folder of pictures for each
 * split. A bbox is [left, top, width, height] in pixels. Crowd regions have `iscrowd`, difficult boxes `ignore`, the
 * name used in COCO's evaluation code.
 */
import { splitNames } from "../../types.js";
import { PictureNames } from "./names.js";
import { cornersOf, type DatasetWriter, refuse, rounded, WriteLog } from "./writer.js";

export const cocoWriter: DatasetWriter = {
  id: "coco",
  task: "detect",
  needsSizes: true,
  write({ index, sizeOf }) {
    if (sizeOf === undefined) throw new Error("cocoWriter: needs the pictures' sizes");
    const blank = index.classes.find((name) => name.trim() !== name);
    if (blank !== undefined)
      refuse(`class ${JSON.stringify(blank)} has blanks around it, which readers of COCO take away; rename it`);
    const log = new WriteLog();
    const names = new PictureNames();
    const files: { path: string; text: string }[] = [];
    const pictures: { from: string; to: string }[] = [];
    const categories = index.classes.map((name, n) => JSON.stringify({ id: n + 1, name }));
    for (const split of splitNames) {
      if (index.splits[split].length === 0) continue;
      const images: string[] = [];
      const annotations: string[] = [];
      for (const { file, labels = [] } of index.splits[split]) {
        const name = names.nameFor(file, split);
        const size = sizeOf(file);
        const { width, height } = size;
        const imageId = images.length + 1;
        images.push(JSON.stringify({ id: imageId, file_name: name, width, height }));
        log.lost(labels, file);
        for (const label of labels) {
          const corners = cornersOf(label, size, log, file);
          if (corners === undefined) continue;
          const { left, top, right, bottom } = corners;
          const [w, h] = [span(left, right), span(top, bottom)];
          annotations.push(
            JSON.stringify({
              id: annotations.length + 1,
              image_id: imageId,
              category_id: label.class + 1,
              bbox: [left, top, w, h],
              area: rounded(w * h),
              iscrowd: label.ignore === "crowd" ? 1 : 0,
              ...(label.ignore === "difficult" && { ignore: 1 }),
              segmentation: [],
            }),
          );
        }
        pictures.push({ from: file, to: `${split}/${name}` });
      }
      const part = (member: string, rows: readonly string[]) => `"${member}": [\n${rows.join(",\n")}\n]`;
      const parts = [part("images", images), part("annotations", annotations), part("categories", categories)];
      files.push({ path: `annotations/instances_${split}.json`, text: `{\n${parts.join(",\n")}\n}\n` });
    }
    return { files, pictures, changes: log.changes, notes: log.notes };
  },
};

/** A width that, added to the start, does not exceed the end despite rounding. */
function span(start: number, end: number): number {
  const side = rounded(end - start);
  return start + side > end ? rounded(side - 1e-9) : side;
}
