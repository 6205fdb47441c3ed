/**
 * How a row of a value lies in the firmware's memory. firmware/kernels/dsp/phinets_dsp.h draws the layouts of the DSP
 * kernels; the portable kernels know `nhwc` only.
 */

/** `sums`: int32 `[channels]`, over which the mean's int8 `[channels]` is written at the end. */
export type Layout = "nhwc" | "planes16" | "planes8" | "map8" | "quads" | "sums";

/** A value of the firmware program: rows of a map. Vectors are maps of one pixel. */
export interface Value {
  /** The graph's value, or one with a suffix where the program has it in a second layout. */
  readonly name: string;
  readonly layout: Layout;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Pixels of padding on either side of a row of `planes8`: 1 for 3x3, 2 for 5x5. 0 elsewhere. */
  readonly pad: number;
  /** Of a ring of `planes8` in blocks (blocks.ts): channels of a block, each of which is a row of its own. Absent: it is in none. */
  readonly block?: number;
}

/** Rows and maps start at multiples of it. */
export const alignment = 8;

export const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;

const up4 = (count: number): number => Math.ceil(count / 4) * 4;

/** Bytes that DSP kernels may read beyond a row: the arena ends so far after its last value. */
export const readSlackBytes = 32;
/** Bytes that may be written after a row of `planes8`. */
const planes8Slack = 7;

/** Blocks of a row. */
export function blocksOf({ channels, block = channels }: Value): number {
  return Math.ceil(channels / block);
}

/** Bytes of a block, the last one's too. */
export function slotBytes(value: Value): number {
  const { block: channels = value.channels, ...rest } = value;
  return aligned(rowBytes({ ...rest, channels }));
}

/** Bytes of a row, without what aligns the next. */
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
 * Bytes from a row to the next. Rows of a whole map in `nhwc` follow each other without a gap, since a dense layer reads
 * them as one; elsewhere they are aligned.
 */
export function rowStride(value: Value): number {
  return value.layout === "nhwc" ? rowBytes(value) : aligned(rowBytes(value));
}
