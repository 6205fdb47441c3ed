/**
 * Changing the boxes of one picture in the file that holds them: pure functions from the file's bytes to its new bytes, a
 * file a format. What is not changed keeps its very characters, be it of other boxes, other pictures or no boxes at all.
 */
import { PhinetsError, utf8Decode, utf8Encode } from "../../../tensor/index.js";
import type { PictureSize } from "../../types.js";

/** A box in pixels of the upright picture; `class` is an index into the data set's class names. */
export interface PixelBox {
  readonly class: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** As `BoxLabel.ignore`. */
  readonly ignore?: "crowd" | "difficult";
}

/** A box as somebody wants it. */
export interface EditedBox extends PixelBox {
  /** Its place in `LabelsInFile.boxes`; absent: it is new. What no edited box names is removed. */
  readonly row?: number;
}

export interface LabelsInFile {
  readonly boxes: readonly PixelBox[];
  /** False where the file does not know the picture yet. */
  readonly labelled: boolean;
  /** The bytes that are about this picture: they tell whether somebody else changed them. */
  readonly own: Uint8Array;
}

export interface EditedFile {
  readonly bytes: Uint8Array;
  /** Of each edited box: its place among the boxes when the new bytes are read. */
  readonly rows: readonly number[];
}

/** What a file does not say itself. */
export interface EditContext {
  /** The file, as messages show it. */
  readonly shown: string;
  readonly classes: readonly string[];
  /** Of the upright picture. */
  readonly size: PictureSize;
  /** `LabelPlaces.firstPixel`. */
  readonly firstPixel: 0 | 1;
  /** What a file of many pictures calls this one; of others the picture's own file name. */
  readonly name: string;
  /** Name of the folder that the picture is in. */
  readonly folder: string;
}

export interface LabelEditor {
  /** @param bytes undefined where there is no file yet. Throws PhinetsError where it cannot be read. */
  read(bytes: Uint8Array | undefined, context: EditContext): LabelsInFile;
  write(bytes: Uint8Array | undefined, boxes: readonly EditedBox[], context: EditContext): EditedFile;
}

/** Whether a box is to stay as the file has it. */
export function isSamePlace(a: PixelBox, b: PixelBox): boolean {
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}

/** The edited box of each row, and those that are new. Throws where two edited boxes name one row, or one that is none. */
export function byRow(boxes: readonly EditedBox[], rows: number) {
  const kept = new Map<number, EditedBox>();
  for (const box of boxes) {
    if (box.row === undefined) continue;
    if (!Number.isInteger(box.row) || box.row < 0 || box.row >= rows || kept.has(box.row))
      throw new PhinetsError("data.edit", `a box names row ${box.row} of ${rows}; each row is named once at most`);
    kept.set(box.row, box);
  }
  return { kept, added: boxes.filter(({ row }) => row === undefined) };
}

/** `EditedFile.rows`: rows that are kept come first, in their order, then the new ones. */
export function newRows(boxes: readonly EditedBox[]): number[] {
  const order = boxes.map((box, n) => ({ row: box.row ?? Number.POSITIVE_INFINITY, n }));
  order.sort((a, b) => (a.row === b.row ? a.n - b.n : a.row - b.row));
  const rows: number[] = [];
  for (const [place, { n }] of order.entries()) rows[n] = place;
  return rows;
}

/** Without the noise of sums: to a thousandth of a pixel. */
export function toThousandth(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** A text in UTF-8, as files that are changed must be: written in another encoding it would be another text. */
export function textOf(bytes: Uint8Array, { shown }: Pick<EditContext, "shown">): string {
  try {
    return utf8Decode(bytes);
  } catch {
    throw new PhinetsError(
      "data.edit",
      `${shown}: is no text in UTF-8, so that it is not changed; save it as UTF-8 first`,
      shown,
    );
  }
}

/** A part of a text or of bytes, and what takes its place. */
export interface Splice<T> {
  readonly from: number;
  readonly to: number;
  readonly with: T;
}

export function spliceText(text: string, splices: readonly Splice<string>[]): string {
  let out = "";
  let at = 0;
  for (const splice of [...splices].sort((a, b) => a.from - b.from)) {
    out += text.slice(at, splice.from) + splice.with;
    at = splice.to;
  }
  return out + text.slice(at);
}

export function spliceBytes(bytes: Uint8Array, splices: readonly Splice<string>[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const splice of [...splices].sort((a, b) => a.from - b.from)) {
    parts.push(bytes.subarray(at, splice.from), utf8Encode(splice.with));
    at = splice.to;
  }
  parts.push(bytes.subarray(at));
  return joinBytes(parts);
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
