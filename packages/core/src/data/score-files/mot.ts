/**
 * MOTChallenge text (motchallenge.net/instructions): one box per line,
 * `frame,id,left,top,width,height[,confidence[,class[,visibility]]]`, with frames from 1 and sizes in pixels without
 * +1; and the seqinfo.ini beside it. Lines may end in CR LF, start with a byte order mark, and use spaces or tabs for
 * commas.
 */
import { PhinetsError } from "../../tensor/index.js";

/** The rows of a gt.txt, a det.txt or a tracker's output, in file order. */
export interface MotRows {
  /** name for messages */
  readonly file: string;
  readonly count: number;
  /** from 1, even if the file counts from 0 */
  readonly frame: Int32Array;
  /** Number of the first frame in the file: 1, or 0. */
  readonly firstFrame: number;
  readonly id: Float64Array;
  /** left, top, width, height in pixels, four values per row */
  readonly boxes: Float64Array;
  /** Column 7; 1 if the row has none. In a gt.txt, 0 means that the box is excluded. */
  readonly confidence: Float64Array;
  /** Column 8; -1 if the row has none. In MOT15 it is a world coordinate instead. */
  readonly class: Float64Array;
  /** line of the row in the file, from 1 */
  readonly line: Int32Array;
  /** Columns of the widest row: 10 in MOT15, 9 in a gt.txt of MOT16 and MOT17. 0 if there are no rows. */
  readonly columns: number;
}

const names = ["frame", "id", "left", "top", "width", "height", "confidence", "class"];
/** Upper limit of frame numbers, exclusive. */
export const largestFrame = 2 ** 31 - 1;

/** Description of a row, for messages. */
const rowFormat = "frame,id,left,top,width,height[,confidence[,class[,visibility]]]";

/**
 * Parses rows. Throws PhinetsError `data.mot`, `FILE:LINE: problem`, for a row that is too short or has a value that is
 * not a number, a frame below the first, an id that is not an integer, or a negative size.
 * @param file name for messages
 * @param firstFrame number of the first frame in the file
 */
export function parseMotRows(text: string, file: string, firstFrame = 1): MotRows {
  const lines = splitLines(text);
  const frame = new Int32Array(lines.length);
  const id = new Float64Array(lines.length);
  const boxes = new Float64Array(4 * lines.length);
  const confidence = new Float64Array(lines.length);
  const classes = new Float64Array(lines.length);
  const lineOf = new Int32Array(lines.length);
  const row = new Float64Array(names.length);
  let count = 0;
  let columns = 0;
  for (let n = 0; n < lines.length; n++) {
    const line = lines[n].trim();
    if (line === "") continue;
    const fail = (problem: string): never => {
      throw new PhinetsError("data.mot", `${file}:${n + 1}: ${problem}`, file);
    };
    const fields = line.includes(",") ? line.split(",") : line.split(/[\s;]+/);
    if (fields[fields.length - 1].trim() === "") fields.pop();
    if (count === 0 && /^"?[a-z_]/i.test(line) && !/^nan|^inf/i.test(line)) {
      fail(`begins with "${fields[0].trim()}", as a row of titles does; take it out: a row is ${rowFormat}`);
    }
    if (fields.length < 6) {
      fail(`has ${fields.length} columns; a row is: ${rowFormat}`);
    }
    row[6] = 1;
    row[7] = -1;
    const used = Math.min(fields.length, names.length);
    for (let c = 0; c < used; c++) {
      const value = Number(fields[c]);
      if (!Number.isFinite(value) || fields[c].trim() === "") fail(`${names[c]} is "${fields[c]}"; it is a number`);
      row[c] = value;
    }
    if (row[0] === 0 && firstFrame === 1) {
      fail("frame is 0; frames are integers from 1, or from 0 with --first-frame 0");
    }
    if (!Number.isInteger(row[0]) || row[0] < firstFrame || row[0] >= largestFrame) {
      fail(`frame is ${fields[0].trim()}; frames are integers from ${firstFrame}, below ${largestFrame}`);
    }
    if (!Number.isSafeInteger(row[1])) fail(`id is ${fields[1].trim()}; ids are integers`);
    if (row[4] < 0 || row[5] < 0) fail(`the box is ${row[4]} x ${row[5]}; sizes are not negative`);
    frame[count] = row[0] - firstFrame + 1;
    id[count] = row[1];
    boxes.set(row.subarray(2, 6), 4 * count);
    confidence[count] = row[6];
    classes[count] = row[7];
    lineOf[count] = n + 1;
    count++;
    columns = Math.max(columns, fields.length);
  }
  return {
    file,
    count,
    firstFrame,
    frame: frame.subarray(0, count),
    id: id.subarray(0, count),
    boxes: boxes.subarray(0, 4 * count),
    confidence: confidence.subarray(0, count),
    class: classes.subarray(0, count),
    line: lineOf.subarray(0, count),
    columns,
  };
}

export interface SequenceInfo {
  readonly name?: string;
  /** number of frames */
  readonly length: number;
  /** width and height of the pictures, pixels */
  readonly width?: number;
  readonly height?: number;
}

/** Parses a seqinfo.ini: the section [Sequence] with seqLength. Throws `data.mot` naming file and line. */
export function parseSequenceInfo(text: string, file: string): SequenceInfo {
  let name: string | undefined;
  let length: number | undefined;
  const pixels = (key: string) => {
    const value = Number(new RegExp(`^\\s*${key}\\s*[=:]\\s*(\\d+)\\s*$`, "im").exec(text)?.[1]);
    return value > 0 ? value : undefined;
  };
  for (const [n, line] of splitLines(text).entries()) {
    const match = /^\s*(name|seqLength)\s*[=:]\s*(.*?)\s*$/i.exec(line);
    if (!match) continue;
    if (match[1].toLowerCase() === "name") name = match[2];
    else {
      length = Number(match[2]);
      if (match[2] === "" || !Number.isInteger(length) || length < 1 || length > largestFrame) {
        throw new PhinetsError(
          "data.mot",
          `${file}:${n + 1}: seqLength is "${match[2]}"; it is a number of frames`,
          file,
        );
      }
    }
  }
  if (length === undefined)
    throw new PhinetsError("data.mot", `${file}: has no seqLength; add the number of frames`, file);
  return { name, length, width: pixels("imWidth"), height: pixels("imHeight") };
}

function splitLines(text: string): string[] {
  const start = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  return start.split(start.includes("\n") ? "\n" : "\r");
}

/** The rows for which `keep` returns true. */
export function keepMotRows(rows: MotRows, keep: (row: number) => boolean): MotRows {
  const kept = Array.from({ length: rows.count }, (_, i) => i).filter(keep);
  if (kept.length === rows.count) return rows;
  return {
    ...rows,
    count: kept.length,
    frame: Int32Array.from(kept, (i) => rows.frame[i]),
    id: Float64Array.from(kept, (i) => rows.id[i]),
    boxes: Float64Array.from(kept.flatMap((i) => [...rows.boxes.subarray(4 * i, 4 * i + 4)])),
    confidence: Float64Array.from(kept, (i) => rows.confidence[i]),
    class: Float64Array.from(kept, (i) => rows.class[i]),
    line: Int32Array.from(kept, (i) => rows.line[i]),
  };
}
