/** The interface of a format's writer: a pure function from a data set to texts and a list of pictures to copy. */
import { PhinetsError } from "../../../tensor/index.js";
import type { BoxLabel, DatasetIndex, PictureSize, Task } from "../../types.js";
import type { Counted } from "../open-log.js";
import { OpenLog } from "../open-log.js";

export interface WriteInput {
  readonly index: DatasetIndex;
  /** Size of the upright picture with this `file`; required by some writers. */
  readonly sizeOf?: (file: string) => PictureSize;
}

/** Paths are relative to the new data set's folder, use `/`, and do not lead out of it. */
export interface WrittenDataset {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** `from` is a sample's `file`. Pictures of idx files become PNG. */
  readonly pictures: readonly { readonly from: string; readonly to: string }[];
  /** What the format cannot hold, or what was changed, by kind. */
  readonly changes: readonly Counted[];
  readonly notes: readonly string[];
}

export interface DatasetWriter {
  /** Value of `--to`; also the id of the format that reads it. */
  readonly id: string;
  readonly task: Task;
  readonly needsSizes: boolean;
  /** Throws PhinetsError `data.write` if the format cannot hold the data set at all. */
  write(input: WriteInput): WrittenDataset;
}

/** Collects a writer's messages, counted as in the readers. */
export class WriteLog extends OpenLog {
  /** Counts information that only our own format keeps. */
  lost(labels: readonly BoxLabel[], where: string): void {
    if (labels.some(({ trackId }) => trackId !== undefined))
      this.changed("pictures lose the track ids of boxes", where);
  }
}

/** Decimals of pixels: written and read again, a box changes by at most 1e-9 of the picture. */
const pixelDecimals = 9;

/** Corners in pixels, clipped to the picture; undefined if the box is entirely outside. */
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
  // Tolerates rounding errors of sums, but not a thousandth of a pixel.
  const out = Math.max(-exact.left, -exact.top, exact.right - width, exact.bottom - height);
  if (out > 1e-3) log.changed("boxes that reach out of the picture are clipped", where);
  return inside;
}

/** Rounds to `pixelDecimals`, which removes rounding errors. */
export function rounded(value: number): number {
  return Number(value.toFixed(pixelDecimals));
}

export function refuse(problem: string): never {
  throw new PhinetsError("data.write", problem);
}
