/**
 * Detections of pictures in result files: as any tool writes them (`FoundBox`), and as our writers accept them
 * (`FoundPicture`).
 */

/** One picture, for the writers. */
export interface FoundPicture {
  /** Name of the picture and base name of files about it: no extension, `/` between folders. */
  readonly name: string;
  /** The picture's own file. */
  readonly file: string;
  /** pixels */
  readonly width: number;
  readonly height: number;
  /** Top-left corner and size in pixels; `class` is an index into the class names. */
  readonly boxes: readonly {
    readonly class: number;
    readonly score: number;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }[];
}

/** A box in a result file, before its picture and category are matched with the ground truth. */
export interface FoundBox {
  /** COCO's image_id; a string in some other tools' files. */
  readonly imageId?: number | string;
  /** The picture's file, with or without folders and extension. */
  readonly picture?: string;
  /** COCO's category_id. */
  readonly categoryId?: number | string;
  /** Class index from 0. */
  readonly classIndex?: number;
  readonly className?: string;
  /** Left, top, width, height: pixels, or fractions of the picture where the whole file is `relative`. */
  readonly bbox: readonly number[];
  /** Area of the mask, square pixels. */
  readonly area?: number;
  readonly score: number;
}

/** All boxes of a result file or folder. */
export interface FoundBoxes {
  /** Name for messages. */
  readonly file: string;
  /** Detected format, for messages. */
  readonly format: string;
  readonly relative?: boolean;
  readonly boxes: readonly FoundBox[];
  /** Pictures that the file lists, with or without boxes. */
  readonly pictures?: readonly string[];
  /** `FILE:LINE` of a box. */
  where(index: number): string;
}

/** Rounds coordinates to a ten-thousandth of a pixel, too fine to affect any metric. */
export const pixels = (value: number): number => round(value, 4);
/** Rounds fractions to 1e-8 of the picture. */
export const fraction = (value: number): number => round(value, 8);

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) + 0; // adding 0 avoids -0
}

/** Left, top, width, height of a box in pixels. */
export function pixelBox({ x, y, width, height }: FoundPicture["boxes"][number]): number[] {
  return [x, y, width, height].map(pixels);
}
