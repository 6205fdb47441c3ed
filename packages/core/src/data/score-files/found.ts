/**
 * What was found in pictures, as files of results have it: written by any tool (`FoundBox`), and as our own writers take it
 * (`FoundPicture`).
 */

/** One picture for the writers. */
export interface FoundPicture {
  /** What files about the picture are called and what it is called in them: no extension, `/` between folders. */
  readonly name: string;
  /** Its own file. */
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

/** A box of a file of results, before it is known which picture and which category of the truth it means. */
export interface FoundBox {
  /** COCO's image_id; other tools than COCO's have texts. */
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
  /** Of a mask, square pixels. */
  readonly area?: number;
  readonly score: number;
}

/** All boxes of a file or folder of results. */
export interface FoundBoxes {
  /** For messages. */
  readonly file: string;
  /** For messages: what it was read as. */
  readonly format: string;
  readonly relative?: boolean;
  readonly boxes: readonly FoundBox[];
  /** Pictures that the file lists, found in or not. */
  readonly pictures?: readonly string[];
  /** `FILE:LINE` of a box. */
  where(index: number): string;
}

/** Coordinates are written to a ten-thousandth of a pixel, which no figure of ours feels. */
export const pixels = (value: number): number => round(value, 4);
/** And to 1e-8 of the picture. */
export const fraction = (value: number): number => round(value, 8);

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) + 0; // no -0
}

/** Left, top, width, height of a box in pixels. */
export function pixelBox({ x, y, width, height }: FoundPicture["boxes"][number]): number[] {
  return [x, y, width, height].map(pixels);
}
