/** PASCAL VOC detections: one file per class, comp4_det_SET_CLASS.txt. Corners in pixels from 1, inclusive. */
import { PhinetsError } from "../../tensor/index.js";
import { linesOf } from "../files/text.js";
import { type FoundBox, type FoundPicture, pixels } from "./found.js";

/** Detections of one class in file order, which decides between equal scores. */
export interface VocDetections {
  /** name for messages */
  readonly file: string;
  readonly images: readonly string[];
  readonly scores: Float64Array;
  /** xmin, ymin, xmax, ymax, four values per detection; pixels, inclusive */
  readonly boxes: Float64Array;
  /** line in the file, from 1 */
  readonly lines: Int32Array;
}

/**
 * Rows `image score xmin ymin xmax ymax` of one class. A box from x to x + width covers the pixels x + 1 ... x + width.
 */
export function writeVocResults(pictures: readonly FoundPicture[], classIndex: number): string {
  const rows = pictures.flatMap(({ name, boxes }) =>
    boxes
      .filter((box) => box.class === classIndex)
      .map(({ score, x, y, width, height }) => {
        // A box narrower than a pixel becomes one pixel wide, so that max is at least min.
        const corners = [x + 1, y + 1, x + Math.max(width, 1), y + Math.max(height, 1)].map(pixels);
        return `${name} ${score} ${corners.join(" ")}\n`;
      }),
  );
  return rows.join("");
}

/**
 * Parses rows `image score xmin ymin xmax ymax`, separated by spaces or commas; the image's name may contain spaces.
 * Throws PhinetsError `data.voc` with file and line.
 */
export function parseVocDetections(text: string, file: string): VocDetections {
  const rows = linesOf(text.replace(/^\ufeff/, ""));
  const images: string[] = [];
  const scores = new Float64Array(rows.length);
  const boxes = new Float64Array(4 * rows.length);
  const lines = new Int32Array(rows.length);
  const names = ["score", "xmin", "ymin", "xmax", "ymax"];
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n].trim();
    if (row === "") continue;
    const fail = (problem: string): never => {
      throw new PhinetsError("data.voc", `${file}:${n + 1}: ${problem}`, file);
    };
    const fields = row.split(/\s*,\s*|\s+/);
    if (fields.length < 6) fail(`has ${fields.length} columns; a row is: image score xmin ymin xmax ymax`);
    const values = fields.slice(-5).map((field, c) => {
      const value = Number(field);
      if (field === "" || !Number.isFinite(value)) fail(`${names[c]} is "${field}"; it is a number`);
      return value;
    });
    const [score, xmin, ymin, xmax, ymax] = values;
    if (xmax < xmin || ymax < ymin) fail(`the box is ${xmin},${ymin} to ${xmax},${ymax}; max is at least min`);
    lines[images.length] = n + 1;
    scores[images.length] = score;
    boxes.set([xmin, ymin, xmax, ymax], 4 * images.length);
    images.push(fields.length === 6 ? fields[0] : withoutLast(row, 5));
  }
  const count = images.length;
  return {
    file,
    images,
    scores: scores.subarray(0, count),
    boxes: boxes.subarray(0, 4 * count),
    lines: lines.subarray(0, count),
  };
}

/** A row without its last fields; the text of the first field is kept as it is. */
function withoutLast(row: string, fields: number): string {
  const isBetween = (letter: string) => /[\s,]/.test(letter);
  let end = row.length;
  for (let n = 0; n < fields; n++) {
    while (end > 0 && !isBetween(row[end - 1])) end--;
    while (end > 0 && isBetween(row[end - 1])) end--;
  }
  return row.slice(0, end);
}

/** The same boxes as left, top, width, height in pixels from 0. */
export function vocFoundBoxes(className: string, { images, scores, boxes }: VocDetections): FoundBox[] {
  return images.map((picture, i) => {
    const [xmin, ymin, xmax, ymax] = boxes.subarray(4 * i, 4 * i + 4);
    return { picture, className, score: scores[i], bbox: [xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1] };
  });
}
