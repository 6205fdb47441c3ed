// Convolution across all channels, and dense layers. The windows of a block of pixels are gathered as int16, four
// pixels interleaved, and multiplied by weights packed in panels of eight filters: for each pair of inputs (k, k + 1)
// sixteen int16, (w[f][k], w[f][k + 1]) of the filters 0, 2, 4, 6, then 1, 3, 5, 7. i32x4.dot_i16x8_s processes a pair
// for four filters.
import { gatherPixels, gatherRows, gatherScaled, gatherWindows } from "./gather";
import { lookup, useTable } from "./lookup";
import { clamp, factors, halves, isFast, isRight, PANEL_BYTES, signs, toInt8, toInt8Slowly } from "./rescale";
import { address, everyByte, everyLane, word } from "./words";

// words: 0 x, 1 y, 2 pixels, 3 planes of the input, 4 panels, 5 weights, 6 bias (int32, lanes of a panel), 7 rescaling,
// 8 1.5 * 2^23 + zero point (float32), 9 clamp min, 10 clamp max, 11 table or 0, 12 scratch, 13 pixels per block (a
// multiple of 4), 14 pairs of inputs (even), 15 bytes of an input's plane, 16 of an output's, 17 gathering method: 0
// pixels, 1 scaled pixels, 2 windows, 3 windows' rows; then words for the method, see gather.ts
export function linear(i: usize): void {
  const pixels = word(i, 2),
    block = word(i, 13),
    way = word(i, 17),
    scratch = address(i, 12);
  if (address(i, 11) != 0) useTable(address(i, 11));
  for (let first = 0; first < pixels; first += block) {
    const quads = (min(block, pixels - first) + 3) >> 2;
    let quadBytes = <usize>word(i, 3) << 6;
    if (way == 0) gatherPixels(i, scratch, first, quads);
    else if (way == 1) gatherScaled(i, scratch, first, quads);
    else if (way == 2) quadBytes = gatherWindows(i, scratch, first, quads);
    else quadBytes = gatherRows(i, scratch, first, quads);
    if (pixels == 1) multiplyOne(i, scratch);
    else multiply(i, scratch, quads, quadBytes, address(i, 1) + (<usize>first << 3));
  }
}

function multiply(i: usize, x: usize, quads: i32, quadBytes: usize, y: usize): void {
  const planeBytes = <usize>word(i, 16),
    weightBytes = <usize>word(i, 14) << 5;
  const table = word(i, 11) != 0;
  let w = address(i, 5),
    bias = address(i, 6),
    panel = address(i, 7);
  for (const end = panel + <usize>word(i, 4) * PANEL_BYTES; panel < end; panel += PANEL_BYTES) {
    if (isRight(panel)) multiplyRight(i, x, quads, quadBytes, w, weightBytes, bias, panel, y);
    else if (isFast(panel)) multiplyCorrected(i, x, quads, quadBytes, w, weightBytes, bias, panel, y);
    else
      for (let n = 0; n < quads << 2; n++)
        multiplyPixel(i, x + <usize>(n >> 2) * quadBytes + (<usize>(n & 3) << 2), w, weightBytes, bias, panel, y + (<usize>n << 3));
    if (table) lookup(y, y, quads << 5);
    y += planeBytes;
    w += weightBytes;
    bias += 32;
  }
}

function multiplyRight(
  i: usize, row: usize, quads: i32, quadBytes: usize, w: usize, weightBytes: usize, bias: usize, panel: usize, out: usize,
): void {
  multiplyPanel(i, row, quads, quadBytes, w, weightBytes, bias, panel, out, false);
}

function multiplyCorrected(
  i: usize, row: usize, quads: i32, quadBytes: usize, w: usize, weightBytes: usize, bias: usize, panel: usize, out: usize,
): void {
  multiplyPanel(i, row, quads, quadBytes, w, weightBytes, bias, panel, out, true);
}

/** Four pixels at a time. */
// @ts-ignore: decorator
@inline
function multiplyPanel(
  i: usize, row: usize, quads: i32, quadBytes: usize, w0: usize, weightBytes: usize, bias: usize, panel: usize, out: usize, corrected: bool,
): void {
  const whole = everyLane(i, 8),
    least = everyByte(i, 9),
    most = everyByte(i, 10);
  const b0 = v128.load(bias),
    b1 = v128.load(bias, 16);
  const f0 = factors(panel, 0), f1 = factors(panel, 1), h0 = halves(panel, 0), h1 = halves(panel, 1), sign = signs();
  const stop = w0 + weightBytes;
  for (const last = out + (<usize>quads << 5); out < last; out += 32) {
    let s00 = b0, s01 = b1, s10 = b0, s11 = b1, s20 = b0, s21 = b1, s30 = b0, s31 = b1;
    let x = row;
    // One pair per iteration: V8 moves all loads of an iteration to its start, and more would not fit in registers.
    for (let w = w0; w < stop; w += 32) {
      const u = v128.load(w),
        v = v128.load(w, 16);
      let p = v128.load32_splat(x);
      s00 = i32x4.add(s00, i32x4.dot_i16x8_s(p, u));
      s01 = i32x4.add(s01, i32x4.dot_i16x8_s(p, v));
      p = v128.load32_splat(x, 4);
      s10 = i32x4.add(s10, i32x4.dot_i16x8_s(p, u));
      s11 = i32x4.add(s11, i32x4.dot_i16x8_s(p, v));
      p = v128.load32_splat(x, 8);
      s20 = i32x4.add(s20, i32x4.dot_i16x8_s(p, u));
      s21 = i32x4.add(s21, i32x4.dot_i16x8_s(p, v));
      p = v128.load32_splat(x, 12);
      s30 = i32x4.add(s30, i32x4.dot_i16x8_s(p, u));
      s31 = i32x4.add(s31, i32x4.dot_i16x8_s(p, v));
      x += 16;
    }
    v128.store(out, clamp(toInt8(s00, s01, s10, s11, panel, f0, f1, h0, h1, sign, whole, true, corrected), least, most));
    v128.store(out, clamp(toInt8(s20, s21, s30, s31, panel, f0, f1, h0, h1, sign, whole, true, corrected), least, most), 16);
    row += quadBytes;
  }
}

/** One pixel and any panel. */
function multiplyPixel(i: usize, x: usize, w: usize, weightBytes: usize, bias: usize, panel: usize, y: usize): void {
  let s0 = v128.load(bias),
    s1 = v128.load(bias, 16),
    t0 = i32x4.splat(0),
    t1 = t0;
  for (const stop = w + weightBytes; w < stop; w += 64) {
    let p = v128.load32_splat(x);
    s0 = i32x4.add(s0, i32x4.dot_i16x8_s(p, v128.load(w)));
    s1 = i32x4.add(s1, i32x4.dot_i16x8_s(p, v128.load(w, 16)));
    p = v128.load32_splat(x, 16);
    t0 = i32x4.add(t0, i32x4.dot_i16x8_s(p, v128.load(w, 32)));
    t1 = i32x4.add(t1, i32x4.dot_i16x8_s(p, v128.load(w, 48)));
    x += 32;
  }
  const q = toInt8Slowly(i32x4.add(s0, t0), i32x4.add(s1, t1), panel, everyLane(i, 8), true);
  v128.store64_lane(y, clamp(q, everyByte(i, 9), everyByte(i, 10)), 0);
}

/** A map of one pixel. */
function multiplyOne(i: usize, x: usize): void {
  const weightBytes = <usize>word(i, 14) << 5;
  let w = address(i, 5),
    bias = address(i, 6),
    panel = address(i, 7),
    y = address(i, 1);
  for (const end = panel + <usize>word(i, 4) * PANEL_BYTES; panel < end; panel += PANEL_BYTES) {
    multiplyPixel(i, x, w, weightBytes, bias, panel, y);
    if (word(i, 11) != 0) lookup(y, y, 8);
    y += <usize>word(i, 16);
    w += weightBytes;
    bias += 32;
  }
}
