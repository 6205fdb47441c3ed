/**
 * Writes Pascal VOC in the devkit's layout (host.robots.ox.ac.uk/pascal/VOC): Annotations, JPEGImages, lists in
 * ImageSets/Main. Pixels are counted from 1, both ends inclusive: a box covers [xmin - 1, xmax] from the picture's left
 * edge. Corners keep their fractions. labels.txt lists the classes in order, which VOC itself cannot store.
 */

import { stemOf } from "../../files/tree.js";
import { type PictureSize, splitNames } from "../../types.js";
import type { VocBox } from "../voc-annotation.js";
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
    // Lists have one name per line, and readers take anything after a blank for a number.
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
        // A picture in two splits is in two lists but has one annotation.
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
          const box = { xmin: across.from, ymin: down.from, xmax: across.to, ymax: down.to };
          return vocObject(index.classes[label.class], box, { difficult: label.ignore !== undefined });
        });
        log.lost(labels, file);
        pictures.push({ from: file, to: `JPEGImages/${name}` });
        files.push({
          path: `Annotations/${stem}.xml`,
          text: vocAnnotation(name, size, { folder: "JPEGImages", objects }),
        });
      }
      if (stems.length > 0) files.push({ path: `ImageSets/Main/${split}.txt`, text: `${stems.join("\n")}\n` });
    }
    files.push({ path: "labels.txt", text: `${index.classes.join("\n")}\n` });
    return { files, pictures, changes: log.changes, notes: log.notes };
  },
};

/** One object, as lines of an annotation. */
export function vocObject(name: string, box: VocBox, { difficult = false } = {}): string {
  return [
    "  <object>",
    `    <name>${escaped(name)}</name>`,
    "    <pose>Unspecified</pose>",
    "    <truncated>0</truncated>",
    `    <difficult>${difficult ? 1 : 0}</difficult>`,
    `    ${vocBndbox(box)}`,
    "  </object>\n",
  ].join("\n");
}

export function vocBndbox({ xmin, ymin, xmax, ymax }: VocBox): string {
  return `<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox>`;
}

/** The annotation of a picture; `objects` come from `vocObject`. */
export function vocAnnotation(
  filename: string,
  { width, height }: PictureSize,
  { folder, objects }: { readonly folder: string; readonly objects: readonly string[] },
): string {
  return `<annotation>
  <folder>${escaped(folder)}</folder>
  <filename>${escaped(filename)}</filename>
  <size><width>${width}</width><height>${height}</height><depth>3</depth></size>
  <segmented>0</segmented>
${objects.join("")}</annotation>
`;
}

/** First and last pixel, from 1, between two edges: with both inclusive, no box is narrower than a pixel. */
export function atLeastAPixel(
  start: number,
  end: number,
  side: number,
): { from: number; to: number; widened: boolean } {
  if (end - start >= 1 - 1e-6) return { from: Math.min(rounded(Math.max(0, start) + 1), end), to: end, widened: false };
  const left = rounded(Math.max(0, Math.min(start, side - 1)));
  return { from: rounded(left + 1), to: rounded(left + 1), widened: true };
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => entities[letter]);
}
