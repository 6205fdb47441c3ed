/**
 * The layout of a value's rows in the firmware's memory. firmware/kernels/dsp/phinets_dsp.h draws the layouts of the
 * DSP kernels; the portable kernels use `nhwc` only.
 */

/** `sums`: int32 `[channels]`, overwritten by the mean's int8 `[channels]` at the end. */
export type Layout = "nhwc" | "planes16" | "planes8" | "map8" | "quads" | "sums";

/** A value of the firmware program: rows of a map. Vectors are maps of one pixel. */
export interface Value {
  /** The graph's value, with a suffix where the program holds it in a second layout. */
  readonly name: string;
  readonly layout: Layout;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Pixels of padding on either side of a row of `planes8`: 1 for 3x3, 2 for 5x5. 0 elsewhere. */
  readonly pad: number;
  /**
   * For a ring of `planes8` in blocks (blocks.ts): channels of a block, each of which is stored as a row of its own.
   * Absent: not in blocks.
   */
  readonly block?: number;
}

/** Rows and maps start at multiples of this many bytes. */
export const alignment = 8;

export const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

const up4 = (count: number): number => Math.ceil(count / 4) * 4;

/** Bytes beyond a row that DSP kernels may read: the arena ends this far after its last value. */
export const readSlackBytes = 32;
/** Bytes after a row of `planes8` that may be written. */
const planes8Slack = 7;

/** Number of blocks per row. */
export function blocksOf({ channels, block = channels }: Value): number {
  return Math.ceil(channels / block);
}

/** Bytes of a block's slot; the last block's slot is as large. */
export function slotBytes(value: Value): number {
  const { block: channels = value.channels, ...rest } = value;
  return aligned(rowBytes({ ...rest, channels }));
}

/** Bytes of a row, without the alignment of the next. */
export function rowBytes(value: Value): number {
  const { layout, width, channels, pad } = value;
  if (value.block !== undefined) return blocksOf(value) * slotBytes(value);
  switch (layout) {
    case "nhwc":
      return width * channels;
    case "planes16":
      return 2 * (channels * (up4(width) + 2) + 2);
    case "planes8":
      return channels * (width + pad) + pad + planes8Slack;
    case "map8":
      return channels * up4(width);
    case "quads":
      return 2 * up4(width) * up4(channels);
    case "sums":
      return 4 * channels;
  }
}

/**
 * Bytes from one row to the next. Rows of `nhwc` follow each other without a gap, since a dense layer reads a whole map
 * as one vector; rows of other layouts are aligned.
 */
export function rowStride(value: Value): number {
  return value.layout === "nhwc" ? rowBytes(value) : aligned(rowBytes(value));
}
