/**
 * What a labelled data set is, whatever files it came from.
 */

/** A decoded picture: `data` is `[height, width, channels]`, 0..255, row-major; 1 channel (grey) or 3 (RGB). */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** Height and width in pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** A rectangle in a picture's pixels; may be fractional and may exceed the picture. */
export interface SourceRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * One labelled box, as YOLO writes it: `x`, `y` is the box's CENTRE and `width`, `height` its sides, all as fractions
 * 0..1 of the picture's width or height. `class` is an index into the data set's class names.
 */
export interface BoxLabel {
  readonly class: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** The same part in several frames of a clip has the same id. */
  readonly trackId?: number;
  /**
   * Not to be learnt and not to be scored: "crowd", a region of many objects that may be found any number of times (COCO's
   * iscrowd); "difficult", one object that neither counts when found nor when missed (VOC's difficult). Absent: a label.
   */
  readonly ignore?: "crowd" | "difficult";
}

/** A picture on disk and what it shows: `labels` for detection (empty for background), `class` for classification. */
export interface Sample {
  /** Path of the picture; picture n (from 0) of an idx file is `PATH#n`, a file of an archive `ARCHIVE.zip!/PATH`. */
  readonly file: string;
  readonly labels?: readonly BoxLabel[];
  readonly class?: number;
  /**
   * Size that the labels' file states where the picture is larger or smaller: who is scored against that file gives boxes
   * in its pixels.
   */
  readonly labelSize?: PictureSize;
  /** Pictures that belong together: a sequence, a video. A split never parts them. */
  readonly group?: string;
}

export type Task = "detect" | "classify";
export type SplitName = "train" | "val" | "test";
export const splitNames: readonly SplitName[] = ["train", "val", "test"];

export interface DatasetIndex {
  readonly task: Task;
  /** Class names; a label's `class` is an index into them. */
  readonly classes: readonly string[];
  readonly splits: Readonly<Record<SplitName, readonly Sample[]>>;
}

/**
 * How a picture of another shape than the network's input is fitted into it. `stretch`: each axis by its own factor, so
 * fractional boxes stay as they are and the firmware can feed its frames without bars. `letterbox`: one factor for both,
 * centred, bars of `letterboxGrey`.
 */
export type Fit = "stretch" | "letterbox";

/** Colour (0..255) of what lies outside a picture: letterbox bars and the surroundings of a jittered crop. */
export const letterboxGrey = 114;
