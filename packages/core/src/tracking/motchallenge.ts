/**
 * MOTChallenge text: one box per line, `frame,id,left,top,width,height,score,...`, with frames from 1, coordinates in
 * pixels, and sizes without +1.
 */
import { PhinetsError } from "../tensor/index.js";
import type { Track, TrackerBox } from "./tracker.js";

/**
 * Detections by frame from the text of a det.txt. Element 0 is frame 1; the list ends with the last frame that has a
 * box, and frames without boxes are empty. The id and the columns after the seventh are ignored; spaces or semicolons
 * may replace commas. Throws `tracking.motchallenge` naming `path` and the line.
 */
export function readMotDetections(text: string, path = "det.txt"): TrackerBox[][] {
  const frames: TrackerBox[][] = [];
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const fields = line.includes(",") ? line.split(",") : line.trim().split(/[\s;]+/);
    const values = fields.map((field) => (field.trim() === "" ? Number.NaN : Number(field)));
    const fail = (what: string): never => {
      throw new PhinetsError("tracking.motchallenge", `${path}:${i + 1}: ${what}`, path);
    };
    if (fields.length < 6) fail(`${fields.length} fields; a box needs frame,id,left,top,width,height[,score]`);
    const [frame, , left, top, width, height, score = 1] = values;
    if (!Number.isInteger(frame) || frame < 1) fail(`frame is ${fields[0]}; frames are integers from 1`);
    if (frame > 10_000_000) fail(`frame is ${fields[0]}; more than ten million frames are not read`);
    for (const [column, value] of [left, top, width, height, score].entries()) {
      if (!Number.isFinite(value)) fail(`column ${column + 3} is ${fields[column + 2]}; a number is needed`);
    }
    if (!(width > 0 && height > 0)) fail(`the box is ${width} x ${height}; both must be above 0`);
    while (frames.length < frame) frames.push([]);
    frames[frame - 1].push({ x1: left, y1: top, x2: left + width, y2: top + height, score });
  }
  return frames;
}

/** The lines of one frame (from 1), each ended by a newline, in the format of SORT's reference implementation. */
export function formatMotTracks(frame: number, tracks: readonly Track[]): string {
  let text = "";
  for (const { id, x1, y1, x2, y2 } of tracks) {
    text += `${frame},${id},${twoDecimals(x1)},${twoDecimals(y1)},${twoDecimals(x2 - x1)},${twoDecimals(y2 - y1)},1,-1,-1,-1\n`;
  }
  return text;
}

/**
 * Two decimals, like "%.2f" in C and Python, which round the exact binary value and ties to even. toFixed rounds ties
 * away from 0. Ties occur only at odd multiples of 1/8, where .125 and .625 must be rounded down.
 */
export function twoDecimals(value: number): string {
  // Subtracting 1/256 turns the tie into .121 or .621, which every method rounds down.
  if ((Math.abs(value) * 8) % 4 === 1) return (Math.sign(value) * (Math.abs(value) - 1 / 256)).toFixed(2);
  return Object.is(value, -0) ? "-0.00" : value.toFixed(2);
}
