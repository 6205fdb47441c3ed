/** Constants by which the int8 kernels rescale sums: kernels/assembly-int8/rescale.ts says how, panels.ts there makes them. */
import type { Constants } from "./constants.js";

/** Bytes of the constants of eight channels. */
export const panelBytes = 496;
/** Offsets in them, of the first channel. */
const offsets = { way: 0, factor: 16, half: 48, wrong: 80, secondWrong: 144, change: 32 } as const;

/** How many changes of F are tried where the nominal constants are wrong somewhere; see assembly-int8/search.ts. */
export const efforts = {
  /** None and no search: for few sums it takes longer than it saves. */
  none: 0,
  quick: 3,
  /** For a map's only constants. */
  thorough: 4,
} as const;

/** Sums of one multiplier. */
export interface Channel {
  /** Q31, 0..2^31-1. */
  readonly multiplier: number;
  /** Positive is a left shift. */
  readonly shift: number;
  /** Smallest and largest sum, int32. */
  readonly low: number;
  readonly high: number;
  readonly outputZeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/** A panel of eight channels with one multiplier: its address. */
export function panelOf(channel: Channel, constants: Constants, effort: number = efforts.quick): number {
  const { multiplier, shift, low, high, outputZeroPoint, clampMin, clampMax } = channel;
  const panel = constants.reserve(panelBytes);
  const words = [panel, multiplier, shift, low, high, outputZeroPoint, clampMin, clampMax, effort];
  constants.once("panelOfOne", words);
  return panel;
}

/** p(s) = (s factor + half) + (1.5 * 2^23 + zero point) in float32, `half` with the sign of s. */
export interface FloatConstants {
  readonly factor: number;
  readonly half: number;
  /** Sums whose result is wrong, at most two, and what to add to it. */
  readonly wrong: readonly { readonly sum: number; readonly change: number }[];
}

/** Undefined where there are none, or none were found. */
export function floatConstantsOf(
  channel: Channel,
  constants: Constants,
  effort: number = efforts.quick,
): FloatConstants | undefined {
  const panel = panelOf(channel, constants, effort);
  const view = new DataView(constants.module.memory.buffer, panel);
  const count = view.getInt32(offsets.way, true);
  if (count > 2) return undefined;
  return {
    factor: view.getFloat32(offsets.factor, true),
    half: view.getFloat32(offsets.half, true),
    wrong: [offsets.wrong, offsets.secondWrong]
      .slice(0, count)
      .map((at) => ({ sum: view.getInt32(at, true), change: view.getInt32(at + offsets.change, true) })),
  };
}
