// Depthwise convolution of eight channels (a plane) at a time. The plane is copied with an explicit border (the input's
// zero point). Taps are processed in pairs: the bytes of two taps interleaved as int16, times their interleaved
// weights.
import { lookup, useTable } from "./lookup";
import { padPlane } from "./planes";
import { clamp, factors, halves, isFast, isRight, PANEL_BYTES, signs, toInt8, toInt8Slowly } from "./rescale";
import { address, everyByte, everyLane, word } from "./words";

// words: 0 x, 1 y, 2 height, 3 width, 4 planes, 5 stride down, 6 stride across, 7 padding top, 8 padding left, 9 padded
// height, 10 padded width, 11 output height, 12 output width, 13 bytes of an input's plane, 14 of an output's, 15
// weights: 16 int16 for each pair of a plane, 16 bias, 17 rescaling, 18 1.5 * 2^23 + zero point (float32), 19 clamp
// min, 20 clamp max, 21 table or 0, 22 scratch: the padded plane, 23 offsets of the taps in it (int32), 24 pairs, 25
// zero point of the input, 26 variant: 0 for pairs in order, 1 or 2 for a kernel of 3 x 3 with that stride across, 27
// half the number of weight vectors of a plane
export function depthwise(i: usize): void {
  const height = word(i, 2),
    width = word(i, 3),
    planes = word(i, 4),
    down = word(i, 5),
    way = word(i, 26),
    padded = address(i, 22),
    paddedWidth = word(i, 10),
    outHeight = word(i, 11),
    planeBytes = <usize>word(i, 13),
    outPlaneBytes = <usize>word(i, 14),
    weightBytes = <usize>word(i, 27) << 5;
  const rowBytes = <usize>paddedWidth << 3,
    outRowBytes = <usize>word(i, 12) << 3;
  const table = word(i, 21) != 0;
  if (table) useTable(address(i, 21));
  let x = address(i, 0),
    y = address(i, 1),
    w = address(i, 15),
    bias = address(i, 16),
    panel = address(i, 17);
  for (let p = 0; p < planes; p++) {
    let row = x;
    if (word(i, 9) != height || paddedWidth != width) {
      padPlane(x, padded, height, width, word(i, 9), paddedWidth, word(i, 7), word(i, 8), word(i, 25));
      row = padded;
    }
    const right = way != 0 && isRight(panel);
    if (right && way == 1) planeOfNine1(i, row, rowBytes, y, w, bias, panel);
    else if (right) planeOfNine2(i, row, rowBytes, y, w, bias, panel);
    else {
      let out = y;
      for (let oy = 0; oy < outHeight; oy++) {
        if (isFast(panel)) twoOfPairs(i, row, out, out + outRowBytes, w, bias, panel);
        else rowOfPairs(i, row, out, out + outRowBytes, w, bias, panel);
        out += outRowBytes;
        row += <usize>down * rowBytes;
      }
    }
    if (table) lookup(y, y, outHeight * <i32>outRowBytes);
    x += planeBytes;
    y += outPlaneBytes;
    w += weightBytes;
    bias += 32;
    panel += PANEL_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function low(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
}
// @ts-ignore: decorator
@inline
function high(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
}
// @ts-ignore: decorator
@inline
function madd(s: v128, a: v128, b: v128): v128 {
  return i32x4.add(s, i32x4.dot_i16x8_s(a, b));
}

/** Any kernel: two pixels at a time share the weights. */
function twoOfPairs(i: usize, x: usize, y: usize, end: usize, w0: usize, bias: usize, panel: usize): void {
  const offsets = address(i, 23),
    pairs = word(i, 24);
  const across = <usize>word(i, 6) << 3;
  const whole = everyLane(i, 18),
    least = everyByte(i, 19),
    most = everyByte(i, 20);
  const b0 = v128.load(bias), b1 = v128.load(bias, 16);
  const f0 = factors(panel, 0), f1 = factors(panel, 1), h0 = halves(panel, 0), h1 = halves(panel, 1), sign = signs();
  for (; y < end; y += 16) {
    let s0 = b0, s1 = b1, t0 = b0, t1 = b1;
    let w = w0,
      at = offsets;
    const x1 = x + across;
    for (let p = 0; p < pairs; p++) {
      const o0 = <usize>load<u32>(at),
        o1 = <usize>load<u32>(at, 4);
      const u = v128.load(w),
        v = v128.load(w, 16);
      let a = v128.load8x8_s(x + o0),
        b = v128.load8x8_s(x + o1);
      s0 = madd(s0, low(a, b), u);
      s1 = madd(s1, high(a, b), v);
      a = v128.load8x8_s(x1 + o0);
      b = v128.load8x8_s(x1 + o1);
      t0 = madd(t0, low(a, b), u);
      t1 = madd(t1, high(a, b), v);
      at += 8;
      w += 32;
    }
    v128.store(y, clamp(toInt8(s0, s1, t0, t1, panel, f0, f1, h0, h1, sign, whole, false, true), least, most));
    x = x1 + across;
  }
}

/** Any kernel and panel. */
function rowOfPairs(i: usize, x: usize, y: usize, end: usize, w0: usize, bias: usize, panel: usize): void {
  const offsets = address(i, 23),
    pairs = word(i, 24);
  const across = <usize>word(i, 6) << 3;
  const whole = everyLane(i, 18),
    least = everyByte(i, 19),
    most = everyByte(i, 20);
  for (; y < end; y += 8) {
    let s0 = v128.load(bias), s1 = v128.load(bias, 16);
    let w = w0,
      at = offsets;
    for (let p = 0; p < pairs; p++) {
      const a = v128.load8x8_s(x + <usize>load<u32>(at)),
        b = v128.load8x8_s(x + <usize>load<u32>(at, 4));
      s0 = madd(s0, low(a, b), v128.load(w));
      s1 = madd(s1, high(a, b), v128.load(w, 16));
      at += 8;
      w += 32;
    }
    v128.store64_lane(y, clamp(toInt8Slowly(s0, s1, panel, whole, false), least, most), 0);
    x += across;
  }
}

// 3 x 3 kernel and exact panel: the taps of the upper two rows are paired vertically, those of the third row
// horizontally, so that neighbouring pixels share both. Weights: columns 0, 1, 2 of the upper rows, then (w20, w21),
// (w22, 0), (0, w22).

/**
 * Two pixels at stride 1. Data shared by all pixels is read first, because V8 moves an iteration's loads to its start.
 */
function planeOfNine1(i: usize, x0: usize, rowBytes: usize, y: usize, w: usize, bias: usize, panel: usize): void {
  const whole = everyLane(i, 18),
    least = everyByte(i, 19),
    most = everyByte(i, 20);
  const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48), w4 = v128.load(w, 64),
    w5 = v128.load(w, 80), w6 = v128.load(w, 96), w7 = v128.load(w, 112), w8 = v128.load(w, 128), w9 = v128.load(w, 144),
    wa = v128.load(w, 160), wb = v128.load(w, 176);
  const b0 = v128.load(bias), b1 = v128.load(bias, 16);
  const f0 = factors(panel, 0), f1 = factors(panel, 1), h0 = halves(panel, 0), h1 = halves(panel, 1), sign = signs();
  const outRowBytes = <usize>word(i, 12) << 3;
  for (const last = y + <usize>word(i, 11) * outRowBytes; y < last; ) {
    const end = y + outRowBytes;
    let x = x0,
      x1 = x0 + rowBytes,
      x2 = x1 + rowBytes;
    for (; y < end; y += 16) {
      let s0 = b0, s1 = b1, t0 = b0, t1 = b1;
      let a = v128.load8x8_s(x),
        b = v128.load8x8_s(x1);
      s0 = madd(s0, low(a, b), w0);
      s1 = madd(s1, high(a, b), w1);
      a = v128.load8x8_s(x, 8);
      b = v128.load8x8_s(x1, 8);
      let p = low(a, b),
        q = high(a, b);
      t0 = madd(t0, p, w0);
      t1 = madd(t1, q, w1);
      s0 = madd(s0, p, w2);
      s1 = madd(s1, q, w3);
      a = v128.load8x8_s(x, 16);
      b = v128.load8x8_s(x1, 16);
      p = low(a, b);
      q = high(a, b);
      t0 = madd(t0, p, w2);
      t1 = madd(t1, q, w3);
      s0 = madd(s0, p, w4);
      s1 = madd(s1, q, w5);
      a = v128.load8x8_s(x, 24);
      b = v128.load8x8_s(x1, 24);
      t0 = madd(t0, low(a, b), w4);
      t1 = madd(t1, high(a, b), w5);
      // third row
      a = v128.load8x8_s(x2);
      b = v128.load8x8_s(x2, 8);
      s0 = madd(s0, low(a, b), w6);
      s1 = madd(s1, high(a, b), w7);
      a = v128.load8x8_s(x2, 16);
      t0 = madd(t0, low(b, a), w6);
      t1 = madd(t1, high(b, a), w7);
      b = v128.load8x8_s(x2, 24);
      p = low(a, b);
      q = high(a, b);
      s0 = madd(s0, p, w8);
      s1 = madd(s1, q, w9);
      t0 = madd(t0, p, wa);
      t1 = madd(t1, q, wb);
      v128.store(y, clamp(toInt8(s0, s1, t0, t1, panel, f0, f1, h0, h1, sign, whole, false, false), least, most));
      x += 16;
      x1 += 16;
      x2 += 16;
    }
    y = end;
    x0 += <usize>word(i, 5) * rowBytes;
  }
}

/** Two pixels at stride 2. */
function planeOfNine2(i: usize, x0: usize, rowBytes: usize, y: usize, w: usize, bias: usize, panel: usize): void {
  const whole = everyLane(i, 18),
    least = everyByte(i, 19),
    most = everyByte(i, 20);
  const w0 = v128.load(w), w1 = v128.load(w, 16), w2 = v128.load(w, 32), w3 = v128.load(w, 48), w4 = v128.load(w, 64),
    w5 = v128.load(w, 80), w6 = v128.load(w, 96), w7 = v128.load(w, 112), w8 = v128.load(w, 128), w9 = v128.load(w, 144);
  const b0 = v128.load(bias), b1 = v128.load(bias, 16);
  const f0 = factors(panel, 0), f1 = factors(panel, 1), h0 = halves(panel, 0), h1 = halves(panel, 1), sign = signs();
  const outRowBytes = <usize>word(i, 12) << 3;
  for (const last = y + <usize>word(i, 11) * outRowBytes; y < last; ) {
    const end = y + outRowBytes;
    let x = x0,
      x1 = x0 + rowBytes,
      x2 = x1 + rowBytes;
    for (; y < end; y += 16) {
      let s0 = b0, s1 = b1, t0 = b0, t1 = b1;
      let a = v128.load8x8_s(x),
        b = v128.load8x8_s(x1);
      s0 = madd(s0, low(a, b), w0);
      s1 = madd(s1, high(a, b), w1);
      a = v128.load8x8_s(x, 16);
      b = v128.load8x8_s(x1, 16);
      const p = low(a, b),
        q = high(a, b);
      t0 = madd(t0, p, w0);
      t1 = madd(t1, q, w1);
      s0 = madd(s0, p, w4);
      s1 = madd(s1, q, w5);
      a = v128.load8x8_s(x, 32);
      b = v128.load8x8_s(x1, 32);
      t0 = madd(t0, low(a, b), w4);
      t1 = madd(t1, high(a, b), w5);
      a = v128.load8x8_s(x, 8);
      b = v128.load8x8_s(x1, 8);
      s0 = madd(s0, low(a, b), w2);
      s1 = madd(s1, high(a, b), w3);
      a = v128.load8x8_s(x, 24);
      b = v128.load8x8_s(x1, 24);
      t0 = madd(t0, low(a, b), w2);
      t1 = madd(t1, high(a, b), w3);
      // third row
      a = v128.load8x8_s(x2);
      b = v128.load8x8_s(x2, 8);
      s0 = madd(s0, low(a, b), w6);
      s1 = madd(s1, high(a, b), w7);
      a = v128.load8x8_s(x2, 16);
      b = v128.load8x8_s(x2, 24);
      const r = low(a, b),
        z = high(a, b);
      t0 = madd(t0, r, w6);
      t1 = madd(t1, z, w7);
      s0 = madd(s0, r, w8);
      s1 = madd(s1, z, w9);
      a = v128.load8x8_s(x2, 32);
      t0 = madd(t0, low(a, a), w8);
      t1 = madd(t1, high(a, a), w9);
      v128.store(y, clamp(toInt8(s0, s1, t0, t1, panel, f0, f1, h0, h1, sign, whole, false, false), least, most));
      x += 32;
      x1 += 32;
      x2 += 32;
    }
    y = end;
    x0 += <usize>word(i, 5) * rowBytes;
  }
}
