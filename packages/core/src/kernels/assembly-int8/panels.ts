// Work done once, when a network is loaded: packs weights for the kernels, and computes the constants of the rescaling.
import { DOUBLES, LIMIT, MULTIPLIER, PANEL_BYTES, SHIFT } from "./rescale";
import { findConstants } from "./search";
import { address, word } from "./words";

/** Lane of a panel's channel: panels of `linear` have the even channels first, then the odd ones. */
// @ts-ignore: decorator
@inline
function laneOf(channel: i32, mixed: bool): i32 {
  return mixed ? ((channel & 7) >> 1) + ((channel & 1) << 2) : channel & 7;
}

// words: 0 weights (int8 [filters][window]), 1 filters, 2 window, 3 bias (int32), 4 zero point of the input, 5
// multipliers (int32), 6 shifts (int8), 7 zero point of the output, 8 clamp min, 9 clamp max, 10 changes of F to try
// (see search.ts) or 0 for none, 11 1 for panels with the even channels first, 12 pairs, 13 the paired window positions
// (int32, -1 for none) or 0 for consecutive ones; results: 14 weights (int16: eight times two for each pair of a
// panel), 15 bias (int32), 16 rescaling
export function pack(i: usize): void {
  const filters = word(i, 1),
    window = word(i, 2),
    mixed = word(i, 11) != 0,
    pairs = word(i, 12);
  for (let f = 0; f < filters; f++) {
    const w = address(i, 0) + <usize>(f * window);
    const first = f >> 3,
      lane = <usize>laneOf(f, mixed) << 2;
    packFilter(i, w, address(i, 14) + ((<usize>(first * pairs)) << 5) + lane);
    let sum = 0,
      size = 0;
    for (let k = 0; k < window; k++) {
      const weight = <i32>load<i8>(w + <usize>k);
      sum += weight;
      size += abs(weight);
    }
    // The zero point is folded into the bias, because the kernels multiply raw bytes.
    const bias = load<i32>(address(i, 3) + (<usize>f << 2)) - word(i, 4) * sum;
    store<i32>(address(i, 15) + (<usize>first << 5) + lane, bias);
    // Bounds for inputs in -128..127, taking for each weight the extreme that matters.
    const low = <i64>bias - ((255 * <i64>size + sum) >> 1),
      high = <i64>bias + ((255 * <i64>size - sum) >> 1);
    writeChannel(
      address(i, 16) + <usize>first * PANEL_BYTES, lane,
      load<i32>(address(i, 5) + (<usize>f << 2)), <i32>load<i8>(address(i, 6) + <usize>f),
      low, high, word(i, 7), word(i, 8), word(i, 9), word(i, 10),
    );
  }
}

function packFilter(i: usize, w: usize, to: usize): void {
  const window = word(i, 2);
  const order = address(i, 13);
  for (let n = 0; n < word(i, 12) << 1; n++) {
    const k = order == 0 ? n : load<i32>(order + (<usize>n << 2));
    if (<u32>k < <u32>window) store<i16>(to + (<usize>(n >> 1) << 5) + (<usize>(n & 1) << 1), <i16>load<i8>(w + <usize>k));
  }
}

// words: 0 panel to write, 1 multiplier, 2 shift, 3 smallest sum, 4 largest sum, 5 zero point, 6 clamp min, 7 clamp max,
// 8 changes of F to try or 0: as in `pack`
export function panelOfOne(i: usize): void {
  for (let lane: usize = 0; lane < 32; lane += 4)
    writeChannel(
      address(i, 0), lane, word(i, 1), word(i, 2), <i64>word(i, 3), <i64>word(i, 4), word(i, 5), word(i, 6), word(i, 7), word(i, 8),
    );
}

/** A panel's method is that of its most demanding channel; its second word is the method without float32. */
function writeChannel(
  panel: usize, lane: usize,
  multiplier: i32, shift: i32, low: i64, high: i64, zero: i32, least: i32, most: i32, changes: i32,
): void {
  const at = panel + lane;
  const slow = max(load<i32>(panel, 4), writeDoubles(at, lane, multiplier, shift, low, high));
  let way = load<i32>(panel);
  if (changes != 0 && way < 3) {
    const wrong = findConstants(at, multiplier, shift, low, high, zero, least, most, changes);
    way = wrong < 0 ? 3 : max(way, wrong);
  } else way = 3;
  store<i32>(panel, way < 3 ? way : slow);
  store<i32>(panel, slow, 4);
}

/** The method for a channel without float32: 3, or 4 if doubles are not precise enough. */
function writeDoubles(at: usize, lane: usize, multiplier: i32, shift: i32, low: i64, high: i64): i32 {
  store<i32>(at, multiplier, MULTIPLIER);
  store<i32>(at, shift, SHIFT);
  const right = max(0, -shift);
  const unit = <f64>(<i64>1 << right);
  // A rescaled sum beyond 260 is clamped to -128..127, whatever the zero point.
  const matters = multiplier == 0 ? 0 : ceil(260.0 * 2147483648.0 * unit / <f64>multiplier);
  const limit = min(2147483647.0, min(matters, <f64>max(-low, high)));
  // What the first rounding adds, in units of the result, away from zero.
  const half = right == 0 ? 0 : 0.5 / unit;
  store<f64>(at + lane, <f64>multiplier / (2147483648.0 * unit), DOUBLES);
  store<f64>(at + lane, half + 0.5 / (2147483648.0 * unit), DOUBLES + 64);
  store<f64>(at + lane, 2 * half, DOUBLES + 128);
  store<i32>(at, <i32>limit, LIMIT);
  // In units of 2^-(32 + right) every term is an integer; doubles are exact below 2^53.
  return shift > 0 || 2 * limit * <f64>multiplier + 8589934592.0 >= 9007199254740992.0 ? 4 : 3;
}
