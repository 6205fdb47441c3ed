/**
 * Constants by which the int8 kernels rescale sums (kernels/assembly-int8/rescale.ts says how), and the proof that they give
 * TensorFlow Lite's result for every sum that can occur.
 */
import { findFloatConstants } from "./float-rescaling.js";

export interface Rescaling {
  /** One a channel; Q31, 0..2^31-1. */
  readonly multipliers: ArrayLike<number>;
  /** One a channel; positive is a left shift. */
  readonly shifts: ArrayLike<number>;
  /** Smallest and largest sum of each channel. */
  readonly bounds: SumBounds;
  readonly outputZeroPoint: number;
  readonly clampMin: number;
  readonly clampMax: number;
  /** Does without the search for float32 constants, which takes longer than it saves for a few sums. Default false. */
  readonly fewSums?: boolean;
}

export interface SumBounds {
  readonly low: ArrayLike<number>;
  readonly high: ArrayLike<number>;
}

/** How a panel is rescaled: in float32 with at most 0, 1 or 2 sums a channel put right; in doubles; in 64 bits. */
const ways = { floats: 0, doubles: 3, exact: 4 } as const;

/** Bytes of a panel's constants: of eight channels each, in the order of lanes. */
const panelBytes = 496;
/** Offsets in words of four bytes. */
const words = {
  way: 0,
  factor: 4,
  half: 12,
  /** Sums that are wrong: for the first and the second, eight int32, and what to add to the result, eight int32. */
  wrong: 20,
  limit: 100,
  multiplier: 108,
  shift: 116,
} as const;
/** Offsets in words of eight bytes: m / 2^(31 + n), 2^-(n + 1) + 2^-(n + 32), 2^-n (0 where n = 0). */
const doubleWords = { factor: 26, half: 34, sign: 42 } as const;

/** A rescaled sum beyond it is clamped to -128..127, whatever the zero point. */
const saturated = 260;

/** Panels for all channels; `lanes` gives the channel of each lane. */
export function rescalingPanels(rescaling: Rescaling, lanes: readonly number[]): Uint8Array {
  const channels = rescaling.multipliers.length;
  const bytes = new Uint8Array(Math.ceil(channels / 8) * panelBytes);
  for (let first = 0; first < channels; first += 8) {
    const at = (first / 8) * panelBytes;
    const view: PanelView = {
      ints: new Int32Array(bytes.buffer, at, panelBytes / 4),
      floats: new Float32Array(bytes.buffer, at, panelBytes / 4),
      doubles: new Float64Array(bytes.buffer, at, panelBytes / 8),
    };
    view.ints[words.way] = writeFloats(view, rescaling, first, lanes) ?? writeDoubles(view, rescaling, first, lanes);
    lanes.forEach((place, lane) => {
      view.ints[words.multiplier + lane] = rescaling.multipliers[first + place] ?? 0;
      view.ints[words.shift + lane] = rescaling.shifts[first + place] ?? 0;
    });
  }
  return bytes;
}

interface PanelView {
  readonly ints: Int32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
}

/** The way, or undefined where a channel has no constants. */
function writeFloats(view: PanelView, rescaling: Rescaling, first: number, lanes: readonly number[]) {
  if (rescaling.fewSums === true) return undefined;
  const { multipliers, shifts, bounds, outputZeroPoint: zeroPoint, clampMin, clampMax } = rescaling;
  let way: number = ways.floats;
  for (let lane = 0; lane < 8; lane++) {
    const c = first + lanes[lane];
    if (c >= multipliers.length) continue;
    const [low, high] = [bounds.low[c], bounds.high[c]];
    const channel = { multiplier: multipliers[c], shift: shifts[c], low, high, zeroPoint, clampMin, clampMax };
    const found = findFloatConstants(channel);
    if (found === undefined) return undefined;
    view.floats[words.factor + lane] = found.factor;
    view.floats[words.half + lane] = found.half;
    found.wrong.forEach(({ sum, change }, i) => {
      view.ints[words.wrong + 16 * i + lane] = sum;
      view.ints[words.wrong + 16 * i + 8 + lane] = change;
    });
    way = Math.max(way, ways.floats + found.wrong.length);
  }
  return way;
}

/** In doubles, or in 64 bits where a channel needs more than doubles have. */
function writeDoubles(view: PanelView, rescaling: Rescaling, first: number, lanes: readonly number[]): number {
  const { multipliers, shifts, bounds } = rescaling;
  let way: number = ways.doubles;
  for (let lane = 0; lane < 8; lane++) {
    const c = first + lanes[lane];
    if (c >= multipliers.length) continue;
    const [multiplier, shift] = [multipliers[c], shifts[c]];
    const right = Math.max(0, -shift);
    const matters = multiplier === 0 ? 0 : Math.ceil((saturated * 2 ** (31 + right)) / multiplier);
    const limit = Math.min(2 ** 31 - 1, matters, Math.max(-bounds.low[c], bounds.high[c]));
    // In units of 2^-(32 + right) every term is a whole number; below 2^53 doubles hold it.
    if (shift > 0 || 2 * limit * multiplier + 2 ** 33 >= 2 ** 53) way = ways.exact;
    // What the first rounding adds, in units of the result, away from zero.
    const half = right === 0 ? 0 : 2 ** -(right + 1);
    view.doubles[doubleWords.factor + lane] = multiplier / 2 ** (31 + right);
    view.doubles[doubleWords.half + lane] = half + 2 ** -(right + 32);
    view.doubles[doubleWords.sign + lane] = 2 * half;
    view.ints[words.limit + lane] = limit;
  }
  return way;
}

/** A panel of eight channels with one multiplier. */
export function alikePanel(
  one: Omit<Rescaling, "multipliers" | "shifts" | "bounds"> & { readonly multiplier: number; readonly shift: number },
  { low, high }: { readonly low: number; readonly high: number },
  lanes: readonly number[],
): Uint8Array {
  const eight = (value: number): number[] => new Array(8).fill(value);
  const bounds = { low: eight(low), high: eight(high) };
  return rescalingPanels({ ...one, multipliers: eight(one.multiplier), shifts: eight(one.shift), bounds }, lanes);
}
