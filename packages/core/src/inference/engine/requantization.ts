/**
 * Constants with which the int8 kernels rescale sums. kernels/assembly-int8/rescale.ts describes the method, and
 * panels.ts makes them.
 */
import type { Constants } from "./constants.js";

/** Bytes of the constants of eight channels. */
export const panelBytes = 496;
/** Offsets of the first channel's fields in a panel. */
const offsets = { way: 0, factor: 16, half: 48, wrong: 80, secondWrong: 144, change: 32 } as const;

/** Number of changes of F to try where the nominal constants give a wrong result; see assembly-int8/search.ts. */
export const efforts = {
  /** No search, since for few sums it would take longer than it saves. */
  none: 0,
  quick: 3,
  /** For constants that serve a whole map. */
  thorough: 4,
} as const;

/** The sums that one multiplier rescales. */
export interface Channel {
  /** Q31, 0..2^31-1. */
  readonly multiplier: number;
  /** A positive shift is a left shift. */
  readonly shift: number;
  /** Smallest and largest sum, int32. */
  readonly low: number;
  readonly high: number;
  readonly outputZeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
}

/** Makes a panel of eight channels with one multiplier and returns its address. */
export function panelOf(channel: Channel, constants: Constants, effort: number = efforts.quick): number {
  const { multiplier, shift, low, high, outputZeroPoint, clampMin, clampMax } = channel;
  const panel = constants.reserve(panelBytes);
  const words = [panel, multiplier, shift, low, high, outputZeroPoint, clampMin, clampMax, effort];
  constants.once("panelOfOne", words);
  return panel;
}

/** Rescales in float32: p(s) = (s factor + half) + (1.5 * 2^23 + zero point), where `half` has the sign of s. */
export interface FloatConstants {
  readonly factor: number;
  readonly half: number;
  /** At most two sums with a wrong result, and the correction of each. */
  readonly wrong: readonly { readonly sum: number; readonly change: number }[];
}

/** The constants of a channel; undefined where none exist or none were found. */
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
