/**
 * The networks that `fit` chooses from. Ranges follow what the authors searched (N 7-16, alpha .1-1, beta .1-3, t0 2-8)
 * where it pays on a microcontroller; every step of alpha changes the stem by one channel.
 */
import { type Head, type MicromindPhinet, parseNetwork } from "../networks/index.js";

export type Task = "detect" | "classify";

/** Alpha that makes the stem `channels` wide: int(48 * alpha) = channels, in four decimals. */
export function alphaOfStem(channels: number): number {
  return Math.ceil((channels / 48) * 1e4) / 1e4;
}

interface Ranges {
  readonly stem: Readonly<Record<Task, readonly [least: number, most: number]>>;
  readonly betas: readonly number[];
  readonly t0s: readonly number[];
  readonly blocks: readonly number[];
}

/**
 * Ordinary: what to choose from wherever anything of it fits. With a stem below 10 a detector's head would see fewer than
 * 19 channels; all that the authors' search kept had t0 of 6 or 7, their hand-made networks 5 or 6. Small: the rest, for
 * boards that would otherwise get nothing.
 */
const ranges = {
  ordinary: {
    stem: { detect: [10, 96], classify: [5, 96] },
    betas: [0.5, 0.75, 1, 1.25, 1.5],
    t0s: [4, 5, 6],
    blocks: [5, 6, 7, 8, 9, 10],
  },
  small: {
    stem: { detect: [2, 20], classify: [2, 20] },
    betas: [0.5, 0.75, 1],
    t0s: [1, 2, 3],
    blocks: [4, 5, 6],
  },
} as const satisfies Record<string, Ranges>;

export type Tier = keyof typeof ranges;
export const tiers: readonly Tier[] = ["ordinary", "small"];

const resolutions: Readonly<Record<Task, readonly number[]>> = {
  detect: [64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 288, 320],
  classify: [32, 48, 64, 80, 96, 112, 128, 160, 192, 224],
};

/** Image sizes to consider where none is asked for: square, in pixels. */
export function inputSizes(task: Task): readonly { height: number; width: number }[] {
  return resolutions[task].map((side) => ({ height: side, width: side }));
}

/**
 * Where the map halves after the first three halvings. A detector looks for small objects: its grid has a stride of 16,
 * 8 where the image is so small that fewer than 4 cells would be left. A classifier halves until a map of 3 to 6 is left.
 */
function downsamplings(task: Task, side: number): readonly (readonly number[])[] {
  const stride = task === "detect" ? (side >= 64 ? 16 : 8) : side >= 96 ? 32 : side >= 48 ? 16 : 8;
  if (stride === 8) return [[]];
  if (stride === 16) return [[4], [5], [6]];
  return [
    [4, 6],
    [5, 7],
    [5, 8],
  ];
}

/** The networks of a tier for one input size, one list a width, narrowest first: within a place of the list, costs rise. */
export function* lattice(
  tier: Tier,
  task: Task,
  input: { readonly height: number; readonly width: number; readonly channels: number },
  head: Head,
): Generator<MicromindPhinet[]> {
  const { stem, betas, t0s, blocks: counts }: Ranges = ranges[tier];
  const base = parseNetwork({ family: "phinet", input, head });
  const layouts = downsamplings(task, Math.min(input.height, input.width));
  for (let channels = stem[task][0]; channels <= stem[task][1]; channels++) {
    const alpha = alphaOfStem(channels);
    const row: MicromindPhinet[] = [];
    for (const downsampling of layouts)
      for (const blocks of counts) {
        if (blocks < (downsampling.at(-1) ?? 0)) continue;
        for (const beta of betas)
          for (const t0 of t0s)
            for (const squeezeExcite of [false, true])
              row.push({ ...base, alpha, beta, t0, blocks, downsampling, squeezeExcite });
      }
    yield row;
  }
}
