/**
 * Constants by which the int8 kernels rescale sums (kernels/assembly-int8/requantize.ts says how, and why it is exact):
 * blocks of 176 bytes, four channels each.
 */

export interface Rescaling {
  /** One a channel; Q31, 0..2^31-1. */
  readonly multipliers: ArrayLike<number>;
  /** One a channel; positive is a left shift. */
  readonly shifts: ArrayLike<number>;
  /** Largest magnitude that each channel's sum can have; default: that of int32. */
  readonly bounds?: ArrayLike<number>;
}

export interface RescalingBlocks {
  readonly bytes: Uint8Array;
  /** 0: in floats and, near halves, in doubles; 1: in doubles; 2: one by one in 64 bits. */
  readonly way: 0 | 1 | 2;
}

const blockBytes = 176;
/** A rescaled sum beyond it is clamped to -128..127, whatever the zero point. */
const saturated = 260;
/** Rescaled sums up to it are rounded by adding 1.5 * 2^23. */
const largestFloat = 2 ** 21;

/** Blocks for `multipliers.length` channels, filled up to a multiple of eight. */
export function rescalingBlocks({ multipliers, shifts, bounds }: Rescaling): RescalingBlocks {
  const channels = multipliers.length;
  const padded = Math.ceil(channels / 8) * 8;
  const bytes = new Uint8Array((padded / 4) * blockBytes);
  const view = new DataView(bytes.buffer);
  let way: RescalingBlocks["way"] = 0;
  for (let c = 0; c < channels; c++) {
    const at = (c >> 2) * blockBytes;
    const lane = c & 3;
    const [multiplier, shift] = [multipliers[c], shifts[c]];
    const right = Math.max(0, -shift);
    const whole = 2 ** (31 + right);
    const matters = multiplier === 0 ? 0 : Math.ceil((saturated * whole) / multiplier);
    const limit = Math.min(2 ** 31 - 1, matters, bounds?.[c] ?? 2 ** 31 - 1);
    // In units of 2^-(32 + right) every term is a whole number; below 2^53 doubles hold it.
    if (shift > 0 || 2 * limit * multiplier + 2 ** 33 >= 2 ** 53) way = 2;
    else if (way === 0 && ((bounds?.[c] ?? 2 ** 31) * multiplier) / whole >= largestFloat) way = 1;
    const half = right === 0 ? 0 : 2 ** -(right + 1);
    view.setFloat32(at + 4 * lane, multiplier / whole, true);
    view.setFloat32(at + 16 + 4 * lane, half, true);
    view.setFloat64(at + 32 + 8 * lane, multiplier / whole, true);
    view.setFloat64(at + 64 + 8 * lane, half + 2 ** -(right + 32), true);
    view.setFloat64(at + 96 + 8 * lane, 2 * half, true);
    view.setInt32(at + 128 + 4 * lane, limit, true);
    view.setInt32(at + 144 + 4 * lane, multiplier, true);
    view.setInt32(at + 160 + 4 * lane, shift, true);
  }
  return { bytes, way };
}
