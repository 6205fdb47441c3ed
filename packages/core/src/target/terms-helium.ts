/** Terms that the instructions of the Helium kernels grow with. */
import { depthwiseRuns } from "./helium.js";
import { dspChannel, type KernelRow, quarters, type StepShape, sixteens, type Terms } from "./terms.js";

/** Filters are padded to fours and inputs to sixteens; the last four filters overlap those before them. */
export const heliumConstants: Pick<KernelRow, "weightBytes" | "channelBytes" | "constantChannels"> = {
  weightBytes: ({ filters, products }) => 64 * quarters(filters) * sixteens(products),
  channelBytes: dspChannel,
  constantChannels: ({ filters }) => 4 * quarters(filters),
};

/**
 * Helium's products, where each call takes one of `tiles` pixels: fours of filters outside, pairs of pixels inside,
 * sixteen inputs at a time.
 */
export function heliumProduct({ rows, filters, products, width, table }: StepShape, tiles: readonly number[]): Terms {
  const fours = rows * quarters(filters);
  const blocks = sixteens(products);
  const single = tiles.filter((pixels) => pixels === 1).length;
  const pairs = tiles.reduce((sum, pixels) => sum + (pixels === 1 ? 0 : Math.ceil(pixels / 2)), 0);
  return {
    calls: rows * tiles.length,
    fours: fours * (tiles.length - single),
    [blocks > 1 ? "pairs" : "pairsOfOneBlock"]: fours * pairs,
    blocks: fours * pairs * (blocks - 1),
    singles: fours * single,
    singleBlocks: fours * single * (blocks - 1),
    unpacked: filters < 4 ? rows * width * filters : 0,
    tables: rows * tiles.length * table,
    lookups: tiles.reduce((sum, pixels) => sum + sixteens(pixels * filters), 0) * rows * table,
  };
}

export const heliumSums = ({ rows, inputWidth, channels }: StepShape): Terms => {
  const eights = rows * Math.ceil(channels / 8);
  return { rows, eights, values: eights * inputWidth, channels };
};

/** Loops over channels outside and outputs inside. Words are made before, for sixteen channels of a run at a time. */
export const heliumDepthwise = (size: 3 | 5): KernelRow => ({
  structBytes: 40,
  terms: ({ rows, width, inputWidth, filters, stride, table }) => {
    const runs = depthwiseRuns(size, width, stride);
    const blocks = rows * sixteens(filters);
    const pixels = runs.reduce((sum, outputs) => sum + (outputs - 1) * stride + size, 0);
    const eights = runs.reduce((sum, n) => sum + Math.floor(n / 8) + (n % 8 > 4 ? 1 : 0), 0);
    const fours = runs.filter((n) => n % 8 > 0 && n % 8 <= 4).length;
    return {
      rows,
      runs: rows * runs.length,
      blocks: blocks * runs.length,
      words: blocks * pixels,
      // Words of pixels where sixteen channels reach beyond the row.
      shortWords: filters < 16 ? rows * Math.min(inputWidth, Math.floor(15 / filters)) : 0,
      channels: rows * filters * runs.length,
      eights: rows * filters * eights,
      fours: rows * filters * fours,
      tables: rows * table,
      lookups: rows * table * sixteens(width * filters),
    };
  },
  weightBytes: ({ filters }) => filters * (size === 3 ? 16 : 32),
  channelBytes: dspChannel,
});
