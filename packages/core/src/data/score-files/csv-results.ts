/** Detections as a table, for spreadsheets and data frames: `file,class,score,left,top,width,height` in pixels. */
import { PhinetsError } from "../../tensor/index.js";
import { csvText, parseCsv, plainCsvText } from "../files/csv.js";
import { type FoundBox, type FoundPicture, pixelBox } from "./found.js";

const columns = ["file", "class", "score", "left", "top", "width", "height"] as const;

export function writeCsvResults(pictures: readonly FoundPicture[], classNames: readonly string[]): string {
  const rows = pictures.flatMap(({ file, boxes }) =>
    boxes.map((box) => [csvText(file), csvText(classNames[box.class]), box.score, ...pixelBox(box)].join(",")),
  );
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}

/** Other tools' names of the columns. */
const synonyms: Readonly<Record<string, (typeof columns)[number]>> = {
  filename: "file",
  image: "file",
  image_path: "file",
  label: "class",
  name: "class",
  class_name: "class",
  confidence: "score",
  conf: "score",
  x: "left",
  xmin: "left",
  x1: "left",
  y: "top",
  ymin: "top",
  y1: "top",
  w: "width",
  h: "height",
};

/**
 * Columns are identified by the names in the first row; xmax and ymax (or x2, y2) may replace width and height. Throws
 * PhinetsError `data.csv`, `FILE:LINE: problem`.
 */
export function parseCsvResults(bytes: Uint8Array, file: string): (FoundBox & { line: number })[] {
  const fail = (line: number, problem: string): never => {
    throw new PhinetsError("data.csv", `${file}:${line}: ${problem}`, file);
  };
  const { header, rows } = parseCsv(bytes);
  const names = header.map((name) => name.toLowerCase());
  const place = new Map<string, number>();
  for (const [c, name] of names.entries()) place.set(synonyms[name] ?? name, c);
  const corners = [place.get("xmax") ?? place.get("x2"), place.get("ymax") ?? place.get("y2")];
  const byCorners = corners.every((corner) => corner !== undefined);
  const missing = columns.find((name) => !place.has(name) && !(byCorners && (name === "width" || name === "height")));
  if (missing) {
    fail(1, `the first row has no column "${missing}"; it is: ${columns.join(",")}`);
  }
  return rows.map(({ fields, line }) => {
    if (fields.length !== names.length) fail(line, `has ${fields.length} columns; the first row has ${names.length}`);
    const number = (column: string, c = place.get(column)!) => {
      const value = Number(fields[c]);
      if (fields[c].trim() === "" || !Number.isFinite(value)) {
        fail(line, `${column} is "${fields[c]}"; it is a number`);
      }
      return value;
    };
    const [left, top] = [number("left"), number("top")];
    const size = byCorners
      ? [number("xmax", corners[0]) - left, number("ymax", corners[1]) - top]
      : [number("width"), number("height")];
    if (size[0] < 0 || size[1] < 0) fail(line, `the box is ${size[0]} x ${size[1]}; sizes are not negative`);
    const [picture, className] = [plainCsvText(fields[place.get("file")!]), plainCsvText(fields[place.get("class")!])];
    return { picture, className, score: number("score"), bbox: [left, top, ...size], line };
  });
}
