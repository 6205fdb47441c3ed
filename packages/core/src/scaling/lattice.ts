/**
 * The networks that `fit` chooses from. Ranges follow the authors' search (N 7-16, alpha .1-1, beta .1-3, t0 2-8) where
 * this pays off on a microcontroller; every step of alpha changes the stem by one channel.
 */

import {
  type BuiltHead,
  buildNetwork,
  type MicromindPhinet,
  type NetworkInput,
  parseNetwork,
} from "../networks/index.js";
import { PhinetsError, sizeOf } from "../tensor/index.js";
import { costVariant, expansionFactors, takeWidths } from "./estimate.js";
import type { Limits } from "./limits.js";
import type { Skeleton } from "./skeleton.js";

export type Task = "detect" | "classify";

/** The alpha, in four decimals, that makes the stem `channels` wide: int(48 * alpha) = channels. */
export function alphaOfStem(channels: number): number {
  return Math.ceil((channels / 48) * 1e4) / 1e4;
}

/** The channels of a stem: the inverse of `alphaOfStem`. */
export function stemOf({ alpha }: MicromindPhinet): number {
  return Math.trunc(48 * alpha);
}

interface Ranges {
  readonly stem: Readonly<Record<Task, readonly [least: number, most: number]>>;
  readonly betas: readonly number[];
  readonly t0s: readonly number[];
  readonly blocks: readonly number[];
  readonly divisors: readonly number[];
}

/**
 * Ordinary: the choice wherever any of it fits. With a stem below 10, a detector's head would see fewer than 19
 * channels; all networks that the authors' search kept had a t0 of 6 or 7, and their hand-made networks 5 or 6. Small:
 * the rest, for boards that would otherwise get nothing.
 */
const ranges = {
  ordinary: {
    stem: { detect: [10, 96], classify: [5, 96] },
    betas: [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3],
    t0s: [4, 5, 6, 7, 8],
    blocks: [5, 6, 7, 8, 9, 10, 12, 14, 16],
    divisors: [1, 4, 8],
  },
  small: {
    stem: { detect: [2, 20], classify: [2, 20] },
    betas: [0.5, 0.75, 1],
    t0s: [1, 2, 3],
    blocks: [4, 5, 6],
    divisors: [1],
  },
} as const satisfies Record<string, Ranges>;

export type Tier = keyof typeof ranges;
export const tiers: readonly Tier[] = ["ordinary", "small"];

/** The least and the most channels of a stem, over all tiers. */
export function stemsOf(task: Task): { readonly least: number; readonly most: number } {
  const stems = tiers.map((tier) => ranges[tier].stem[task]);
  return { least: Math.min(...stems.map(([least]) => least)), most: Math.max(...stems.map(([, most]) => most)) };
}

const resolutions: Readonly<Record<Task, readonly number[]>> = {
  detect: [64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 288, 320],
  classify: [32, 48, 64, 80, 96, 112, 128, 160, 192, 224],
};

/** Square image sizes to consider where none is requested, in pixels. */
export function inputSizes(task: Task): readonly { height: number; width: number }[] {
  return resolutions[task].map((side) => ({ height: side, width: side }));
}

/**
 * Blocks at which the map halves, after the stem and blocks 1 and 3. A detector needs a fine grid for small objects:
 * its stride is 16, or 8 for images so small that fewer than 4 cells would remain. A classifier halves the map until 3
 * to 6 pixels remain.
 */
function downsamplings(task: Task, side: number, stemStride: number): readonly (readonly number[])[] {
  const stride = task === "detect" ? (side >= 64 ? 16 : 8) : side >= 96 ? 32 : side >= 48 ? 16 : 8;
  const places: Readonly<Record<number, readonly (readonly number[])[]>> = {
    1: [[]],
    2: [[4], [5], [6], [7]],
    4: [
      [4, 6],
      [5, 7],
      [5, 8],
    ],
    8: [
      [4, 6, 8],
      [5, 7, 9],
    ],
  };
  return places[stride / (4 * stemStride)];
}

/** The options that `wide` extends: the stem's stride and the share of blocks with 5x5 kernels. */
const layouts = {
  usual: { stemStrides: [2], conv5s: [0] },
  wide: { stemStrides: [2, 1], conv5s: [0, 0.5, 1] },
} as const;

/** Networks that differ only in beta, t0 and squeeze-and-excite. */
export interface Row {
  /** Supplies alpha, divisor, layout and blocks of the row. */
  readonly network: MicromindPhinet;
  /** Expansion factors for each beta and t0, in the order of `shapesOf`. */
  readonly factors: readonly Float64Array[];
  /** Number of consecutive shapes with the same beta. */
  readonly t0s: number;
}

/** The betas and t0s of a row, each used with and without squeeze-and-excite: all t0s for each beta, both growing. */
export function shapesOf(tier: Tier): readonly { readonly beta: number; readonly t0: number }[] {
  const { betas, t0s }: Ranges = ranges[tier];
  return betas.flatMap((beta) => t0s.map((t0) => ({ beta, t0 })));
}

/**
 * The rows of a tier for one input size, in columns of growing alpha. Down a column, every cost at every place of the
 * row grows, so once nothing of a row fits, nothing below it does (`costsGrow` says where this holds).
 * @param wide also a stem without stride (the map halves once more, later) and 5x5 kernels in half or all of the late
 * blocks
 */
export function* lattice(
  tier: Tier,
  task: Task,
  input: NetworkInput,
  head: BuiltHead,
  wide = false,
): Generator<Generator<Row>> {
  const { stemStrides, conv5s } = wide ? layouts.wide : layouts.usual;
  const {
    stem,
    blocks: counts,
    divisors,
    t0s: { length: t0s },
  }: Ranges = ranges[tier];
  const base = parseNetwork({ family: "phinet", input, head });
  const shapes = shapesOf(tier);
  for (const blocks of counts) {
    const factors = shapes.map((shape) => expansionFactors({ ...base, ...shape }, blocks));
    for (const stemStride of stemStrides)
      for (const downsampling of downsamplings(task, Math.min(input.height, input.width), stemStride)) {
        if (blocks < (downsampling.at(-1) ?? 0)) continue;
        for (const conv5 of conv5s)
          for (const divisor of divisors) {
            const layout = { ...base, blocks, downsampling, divisor, stemStride, conv5 };
            if (conv5 > 0 && !buildable(layout)) continue;
            yield (function* () {
              for (let channels = stem[task][0]; channels <= stem[task][1]; channels++)
                yield { network: { ...layout, alpha: alphaOfStem(channels) }, factors, t0s };
            })();
          }
      }
  }
}

/**
 * Bytes of the output, equal for all networks with one input. Throws PhinetsError where the input is too small for
 * them.
 */
export function outputBytesOf(tier: Tier, task: Task, input: NetworkInput, head: BuiltHead): number {
  for (const column of lattice(tier, task, input, head))
    for (const { network } of column) {
      const { shapes, outputs } = buildNetwork(network);
      return sizeOf(shapes[outputs[0]]);
    }
  return 0;
}

/** Whether every 5x5 kernel fits its map, which does not depend on the widths. */
function buildable(network: MicromindPhinet): boolean {
  try {
    buildNetwork({ ...network, alpha: alphaOfStem(5), beta: 1, t0: 1 });
    return true;
  } catch (error) {
    if (error instanceof PhinetsError) return false;
    throw error;
  }
}

/**
 * Whether wider rows cost at least as much. This fails for rows so narrow that block 0 may have a residual sum, which
 * wider rows lack.
 */
export function costsGrow({ divisor, alpha }: MicromindPhinet): boolean {
  return divisor === 1 || Math.trunc(24 * alpha) > 1.5 * divisor;
}

/**
 * Costs the networks of a row, which `common` must have taken, and calls `visit` for each within the limits, with the
 * index of its shape, whether it has squeeze-and-excite, and its figures in `out`. Beta and t0 grow along a row, so a
 * network beyond the limits ends the search, for every larger beta too. Returns the number of networks costed. `limits`
 * is called again for each network.
 */
export function costRow(
  row: Row,
  common: Skeleton,
  limits: () => Limits,
  out: Float64Array,
  visit: (shape: number, squeezed: boolean) => void,
): number {
  const { factors, t0s } = row;
  /** Number of t0s still considered, without and with squeeze-and-excite. */
  const ends = [t0s, t0s];
  let costed = 0;
  for (let first = 0; first < factors.length; first += t0s)
    for (let i = 0; i < Math.max(ends[0], ends[1]); i++) {
      takeWidths(common, factors[first + i]);
      for (let squeezed = 0; squeezed < 2; squeezed++) {
        if (i >= ends[squeezed]) continue;
        costed++;
        const verdict = costVariant(common, squeezed === 1, limits(), out);
        if (verdict === "within") visit(first + i, squeezed === 1);
        else if (verdict === "beyond") ends[squeezed] = i;
      }
    }
  return costed;
}
