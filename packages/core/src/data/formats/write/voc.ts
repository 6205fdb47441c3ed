/**
 * Writes Pascal VOC as the devkit has it (host.robots.ox.ac.uk/pascal/VOC): Annotations, JPEGImages, lists in
 * ImageSets/Main. Pixels are counted from 1, both ends inclusive: a box covers [xmin - 1, xmax] from the picture's left
 * edge. Corners keep their fractions. labels.txt has the classes in their order, which VOC has no place for.
 */

import { stemOf } from "../../files/tree.js";
import { splitNames } from "../../types.js";
import { PictureNames } from "./names.js";
import { cornersOf, type DatasetWriter, refuse, rounded, WriteLog } from "./writer.js";

export const vocWriter: DatasetWriter = {
  id: "voc",
  task: "detect",
  needsSizes: true,
  write({ index, sizeOf }) {
    if (sizeOf === undefined) throw new Error("vocWriter: needs the pictures' sizes");
    for (const name of index.classes) {
      if (name.trim() !== name || /[\r\n]/.test(name) || name === "")
        refuse(
          `class ${JSON.stringify(name)} cannot stand in an XML and in a list: it has blanks or lines around it; rename it`,
        );
    }
    const log = new WriteLog();
    // Lists have one name a line, and readers take what follows a blank for a number.
    const names = new PictureNames({ blanks: false });
    const files: { path: string; text: string }[] = [];
    const pictures: { from: string; to: string }[] = [];
    const written = new Map<string, string>();
    for (const split of splitNames) {
      const stems: string[] = [];
      for (const { file, labels = [] } of index.splits[split]) {
        const name = names.nameFor(file);
        const stem = stemOf(name);
        stems.push(stem);
        // One that is in two splits is in two lists, with one annotation.
        const content = JSON.stringify(labels);
        const earlier = written.get(file);
        if (earlier !== undefined) {
          if (earlier !== content) log.changed("pictures of several splits keep the boxes of the first", file);
          continue;
        }
        written.set(file, content);
        const size = sizeOf(file);
        const objects = labels.map((label) => {
          const corners = cornersOf(label, size, log, file);
          if (corners === undefined) return "";
          if (label.ignore === "crowd") log.changed("crowd regions become difficult boxes: VOC has no crowds", file);
          const across = atLeastAPixel(corners.left, corners.right, size.width);
          const down = atLeastAPixel(corners.top, corners.bottom, size.height);
          if (across.widened || down.widened) log.changed("boxes narrower than a pixel are widened to one", file);
          return [
            "  <object>",
            `    <name>${escaped(index.classes[label.class])}</name>`,
            "    <pose>Unspecified</pose>",
            "    <truncated>0</truncated>",
            `    <difficult>${label.ignore === undefined ? 0 : 1}</difficult>`,
            `    <bndbox><xmin>${across.from}</xmin><ymin>${down.from}</ymin><xmax>${across.to}</xmax><ymax>${down.to}</ymax></bndbox>`,
            "  </object>\n",
          ].join("\n");
        });
        log.lost(labels, file);
        pictures.push({ from: file, to: `JPEGImages/${name}` });
        files.push({
          path: `Annotations/${stem}.xml`,
          text: `<annotation>
  <folder>JPEGImages</folder>
  <filename>${escaped(name)}</filename>
  <size><width>${size.width}</width><height>${size.height}</height><depth>3</depth></size>
  <segmented>0</segmented>
${objects.join("")}</annotation>
`,
        });
      }
      if (stems.length > 0) files.push({ path: `ImageSets/Main/${split}.txt`, text: `${stems.join("\n")}\n` });
    }
    files.push({ path: "labels.txt", text: `${index.classes.join("\n")}\n` });
    return { files, pictures, changes: log.changes, notes: log.notes };
  },
};

/** First and last pixel, from 1, of what lies between two edges: with both inclusive no box is narrower than a pixel. */
function atLeastAPixel(start: number, end: number, side: number): { from: number; to: number; widened: boolean } {
  if (end - start >= 1 - 1e-6) return { from: Math.min(rounded(Math.max(0, start) + 1), end), to: end, widened: false };
  const left = rounded(Math.max(0, Math.min(start, side - 1)));
  return { from: rounded(left + 1), to: rounded(left + 1), widened: true };
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => entities[letter]);
}
