/**
 * YOLO text with confidence, one file per picture: `class x y width height confidence`, with centre and size as
 * fractions of the picture and classes from 0. Ultralytics writes it with save_txt and save_conf.
 */
import { PhinetsError } from "../../tensor/index.js";
import { linesOf } from "../files/text.js";
import { type FoundBox, type FoundPicture, fraction } from "./found.js";

export function writeYoloResults({ width, height, boxes }: FoundPicture): string {
  const rows = boxes.map((box) => {
    const centre = [(box.x + box.width / 2) / width, (box.y + box.height / 2) / height];
    const numbers = [...centre, box.width / width, box.height / height].map(fraction);
    return `${box.class} ${numbers.join(" ")} ${box.score}\n`;
  });
  return rows.join("");
}

const columns = ["class", "x", "y", "width", "height", "confidence"];
/** Values slightly beyond the picture are rounding; larger values are pixels. */
const largest = 2;

/**
 * Parses the boxes of one file, as fractions of the picture.
 * @param picture name of the picture
 * @throws PhinetsError `data.yolo`, `FILE:LINE: problem`.
 */
export function parseYoloResults(text: string, file: string, picture: string): (FoundBox & { line: number })[] {
  return linesOf(text).flatMap((row, n) => {
    const line = n + 1;
    const fail = (problem: string): never => {
      throw new PhinetsError("data.yolo", `${file}:${line}: ${problem}`, file);
    };
    const trimmed = row.trim();
    if (trimmed === "") return [];
    const fields = trimmed.split(/[\s,;]+/);
    if (fields.length === 5) {
      fail("has no confidence, the sixth column; write the boxes with it (Ultralytics: save_conf=True)");
    }
    if (fields.length !== 6 && fields.length !== 7) {
      fail(`has ${fields.length} columns; a row is: class x y width height confidence`);
    }
    const values = columns.map((column, c) => {
      const value = Number(fields[c]);
      if (!Number.isFinite(value)) fail(`${column} is "${fields[c]}"; it is a number`);
      return value;
    });
    const [index, x, y, width, height, score] = values;
    if (!Number.isInteger(index) || index < 0) fail(`class is ${fields[0]}; classes are integers from 0`);
    if (width < 0 || height < 0) fail(`the box is ${width} x ${height}; sizes are not negative`);
    if (Math.max(x, y, width, height) > largest) {
      fail(`the box is ${[x, y, width, height].join(" ")}; coordinates are fractions 0..1 of the picture, not pixels`);
    }
    return [{ picture, classIndex: index, bbox: [x - width / 2, y - height / 2, width, height], score, line }];
  });
}
