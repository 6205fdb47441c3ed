/** What writes a data set in a format: a pure function from what the set holds to texts, and pictures to copy. */
import { PhinetsError } from "../../../tensor/index.js";
import type { BoxLabel, DatasetIndex, PictureSize, Task } from "../../types.js";
import type { Counted } from "../open-log.js";
import { OpenLog } from "../open-log.js";

export interface WriteInput {
  readonly index: DatasetIndex;
  /** Size of a picture, upright, by its `file`; needed where the writer says so. */
  readonly sizeOf?: (file: string) => PictureSize;
}

/** Paths are relative to the new data set's folder, with `/`; none leads out of it. */
export interface WrittenDataset {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** `from` is the `file` of a sample. Those of idx files become PNG. */
  readonly pictures: readonly { readonly from: string; readonly to: string }[];
  /** What the format cannot hold, or what had to be changed, by kind. */
  readonly changes: readonly Counted[];
  readonly notes: readonly string[];
}

export interface DatasetWriter {
  /** For `--to`; the id of the format that reads it again. */
  readonly id: string;
  readonly task: Task;
  readonly needsSizes: boolean;
  /** Throws PhinetsError `data.write` where the format cannot hold the data set at all. */
  write(input: WriteInput): WrittenDataset;
}

/** Collects what a writer has to say; the same counting as that of the readers. */
export class WriteLog extends OpenLog {
  /** Counts what no format but ours keeps. */
  lost(labels: readonly BoxLabel[], where: string): void {
    if (labels.some(({ trackId }) => trackId !== undefined))
      this.changed("pictures lose the track ids of boxes", where);
  }
}

/** Decimals of pixels: a box survives being written and read to 1e-9 of the picture and better. */
const pixelDecimals = 9;

/** Corners in pixels, inside the picture; undefined where nothing of the box is. */
export function cornersOf(
  label: BoxLabel,
  { width, height }: PictureSize,
  log: WriteLog,
  where: string,
): { left: number; top: number; right: number; bottom: number } | undefined {
  const within = (value: number, side: number) => Math.min(side, Math.max(0, value));
  const exact = {
    left: (label.x - label.width / 2) * width,
    top: (label.y - label.height / 2) * height,
    right: (label.x + label.width / 2) * width,
    bottom: (label.y + label.height / 2) * height,
  };
  const inside = {
    left: rounded(within(exact.left, width)),
    top: rounded(within(exact.top, height)),
    right: rounded(within(exact.right, width)),
    bottom: rounded(within(exact.bottom, height)),
  };
  if (!(inside.right > inside.left && inside.bottom > inside.top)) {
    log.changed("boxes outside of their pictures are left out", where);
    return undefined;
  }
  // Sums of fractions are off by their rounding; a thousandth of a pixel is not.
  const out = Math.max(-exact.left, -exact.top, exact.right - width, exact.bottom - height);
  if (out > 1e-3) log.changed("boxes that reach out of the picture are clipped", where);
  return inside;
}

/** Without the noise of doubles beyond `pixelDecimals`. */
export function rounded(value: number): number {
  return Number(value.toFixed(pixelDecimals));
}

export function refuse(problem: string): never {
  throw new PhinetsError("data.write", problem);
}
