/**
 * Edits one picture's boxes in the file that holds them: pure functions from the file's bytes to its new bytes, one
 * implementation per format. Everything else in the file keeps its exact characters.
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
  /** See `BoxLabel.ignore`. */
  readonly ignore?: "crowd" | "difficult";
}

/** A box in the requested state. */
export interface EditedBox extends PixelBox {
  /**
   * Index of the existing box in `LabelsInFile.boxes`; absent for a new box. Existing boxes that no edited box refers
   * to are removed.
   */
  readonly row?: number;
}

export interface LabelsInFile {
  readonly boxes: readonly PixelBox[];
  /** False if the file does not contain the picture yet. */
  readonly labelled: boolean;
  /** The bytes that describe this picture; used to detect changes by others. */
  readonly own: Uint8Array;
}

export interface EditedFile {
  readonly bytes: Uint8Array;
  /** For each edited box, its index among the boxes when the new bytes are read. */
  readonly rows: readonly number[];
}

/** Information that the file itself does not contain. */
export interface EditContext {
  /** The file's name for messages. */
  readonly shown: string;
  readonly classes: readonly string[];
  /** Size of the upright picture. */
  readonly size: PictureSize;
  /** See `LabelPlaces.firstPixel`. */
  readonly firstPixel: 0 | 1;
  /** The picture's name within a file of many pictures; otherwise the picture's own file name. */
  readonly name: string;
  /** Name of the folder that contains the picture. */
  readonly folder: string;
}

export interface LabelEditor {
  /** @param bytes undefined if there is no file yet. Throws PhinetsError if the file cannot be read. */
  read(bytes: Uint8Array | undefined, context: EditContext): LabelsInFile;
  write(bytes: Uint8Array | undefined, boxes: readonly EditedBox[], context: EditContext): EditedFile;
}

/** Whether two boxes are equal, so that the file's text can be kept. */
export function isSamePlace(a: PixelBox, b: PixelBox): boolean {
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}

/**
 * The edited box of each row, and the new ones. Throws if two edited boxes refer to the same row, or one to a missing
 * row.
 */
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

/** `EditedFile.rows`: kept rows come first, in order, then the new ones. */
export function newRows(boxes: readonly EditedBox[]): number[] {
  const order = boxes.map((box, n) => ({ row: box.row ?? Number.POSITIVE_INFINITY, n }));
  order.sort((a, b) => (a.row === b.row ? a.n - b.n : a.row - b.row));
  const rows: number[] = [];
  for (const [place, { n }] of order.entries()) rows[n] = place;
  return rows;
}

/** Rounds to a thousandth of a pixel, which removes rounding errors of sums. */
export function toThousandth(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Decodes UTF-8. Other encodings are refused, because writing the file in UTF-8 would change its text. */
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

/** A range of a text or of bytes, and its replacement. */
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
