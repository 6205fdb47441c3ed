/** The data structures of a labelled data set, independent of its file format. */

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
 * One labelled box in YOLO's convention: `x`, `y` is the box's CENTRE and `width`, `height` its sides, all as fractions
 * 0..1 of the picture's width or height. `class` is an index into the data set's class names.
 */
export interface BoxLabel {
  readonly class: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Identifies the same object in several frames of a clip. */
  readonly trackId?: number;
  /**
   * Excluded from training and scoring: "crowd", a region of many objects that may be found any number of times (COCO's
   * iscrowd); "difficult", one object that counts neither when found nor when missed (VOC's difficult). Absent: a
   * normal label.
   */
  readonly ignore?: "crowd" | "difficult";
}

/** A picture on disk and its labels: `labels` for detection (empty for background), `class` for classification. */
export interface Sample {
  /** Path of the picture; picture n (from 0) of an idx file is `PATH#n`, a file in an archive `ARCHIVE.zip!/PATH`. */
  readonly file: string;
  readonly labels?: readonly BoxLabel[];
  readonly class?: number;
  /**
   * Picture size stated in the label file, if it differs from the real one: results scored against that file must give
   * boxes in its pixels.
   */
  readonly labelSize?: PictureSize;
  /** Name shared by pictures that belong together, such as a sequence or video. A split never separates them. */
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
 * How a picture is fitted into an input of another shape. `stretch` scales each axis independently, so fractional boxes
 * stay the same and firmware can feed its frames without bars. `letterbox` scales both axes equally and adds centred
 * bars of `letterboxGrey`.
 */
export type Fit = "stretch" | "letterbox";

/** Grey value (0..255) outside a picture: letterbox bars and the surroundings of a jittered crop. */
export const letterboxGrey = 114;
