// Convolution of all channels, and dense layers: windows are gathered as int16, a block of pixels at a time, and
// multiplied by weights that were packed in panels of eight filters: for each pair of inputs (k, k + 1) sixteen int16,
// (w[f][k], w[f][k + 1]) of the eight filters. i32x4.dot_i16x8_s multiplies and adds a pair for four filters at once.
import { lookup, QUANT_BYTES, requantize16, requantize8, storeSome, storeSomeHigh } from "./requantize";
import { address, word } from "./words";

// words: 0 x, 1 y, 2 pixels, 3 window K, 4 filters, 5 weights, 6 bias (int32, eights), 7 quant, 8 zero point, 9 clamp min,
// 10 clamp max, 11 table or 0, 12 scratch, 13 pixels a block (a multiple of 4), 14 1 where windows are the pixels
// themselves, else: 15 height, 16 width, 17 channels, 18 kernel height, 19 kernel width, 20 stride down, 21 stride across,
// 22 padding top, 23 padding left, 24 width of the output, 25 zero point of the input, 26 way of rescaling
export function linear(i: usize): void {
  const pixels = word(i, 2),
    filters = word(i, 4),
    block = word(i, 13),
    table = address(i, 11),
    scratch = address(i, 12);
  const plain = word(i, 14) != 0;
  const window = word(i, 3);
  const pitch = <usize>((window + 1) >> 1) << 2;
  const x = address(i, 0),
    y = address(i, 1);
  for (let first = 0; first < pixels; first += block) {
    const count = min(block, pixels - first);
    if (plain) widen(x + <usize>(first * window), scratch, count, window, pitch);
    else gather(i, scratch, first, count, pitch);
    multiply(i, scratch, count, pitch, y + <usize>(first * filters));
    if (table != 0) {
      const out = y + <usize>(first * filters);
      lookup(out, out, count * filters, table);
    }
  }
}

/** Rows of int8, end to end, to rows of int16 of `pitch` bytes. */
function widen(x: usize, to: usize, rows: i32, length: i32, pitch: usize): void {
  if (<usize>length << 1 == pitch) {
    const end = x + <usize>(rows * length);
    for (; x < end; x += 8) {
      v128.store(to, v128.load8x8_s(x));
      to += 16;
    }
    return;
  }
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < length; c += 8) v128.store(to + (<usize>c << 1), v128.load8x8_s(x + <usize>c));
    x += <usize>length;
    to += pitch;
  }
}

/** Windows of pixels first.. as rows of int16; what is outside the map is the input's zero point. */
function gather(i: usize, to: usize, first: i32, count: i32, pitch: usize): void {
  const x = address(i, 0);
  const height = word(i, 15),
    width = word(i, 16),
    channels = word(i, 17),
    kernelHeight = word(i, 18),
    kernelWidth = word(i, 19),
    down = word(i, 20),
    across = word(i, 21),
    top = word(i, 22),
    left = word(i, 23),
    outWidth = word(i, 24);
  const zero = <i16>word(i, 25);
  const rowBytes = (<usize>(kernelWidth * channels)) << 1;
  let oy = first / outWidth;
  let ox = first - oy * outWidth;
  for (let n = 0; n < count; n++) {
    const left0 = ox * across - left;
    let row = to;
    for (let ky = 0; ky < kernelHeight; ky++) {
      const iy = oy * down - top + ky;
      if (iy < 0 || iy >= height) {
        for (let b: usize = 0; b < rowBytes; b += 2) store<i16>(row + b, zero);
      } else {
        const from = max(0, left0),
          end = min(width, left0 + kernelWidth);
        let at = row;
        for (const stop = row + ((<usize>max(0, min(kernelWidth, from - left0)) * <usize>channels) << 1); at < stop; at += 2)
          store<i16>(at, zero);
        if (end > from) {
          const start = x + <usize>((iy * width + from) * channels);
          const length = (end - from) * channels;
          let c = 0;
          for (; c + 8 <= length; c += 8) v128.store(at + (<usize>c << 1), v128.load8x8_s(start + <usize>c));
          for (; c < length; c++) store<i16>(at + (<usize>c << 1), <i16>load<i8>(start + <usize>c));
          at += <usize>length << 1;
        }
        for (const stop = row + rowBytes; at < stop; at += 2) store<i16>(at, zero);
      }
      row += rowBytes;
    }
    to += pitch;
    if (++ox == outWidth) {
      ox = 0;
      oy++;
    }
  }
}

/** Rows of int16 times the panels, to int8. */
function multiply(i: usize, rows: usize, count: i32, pitch: usize, y: usize): void {
  const filters = word(i, 4);
  const panelBytes = pitch << 3;
  let panel = address(i, 5),
    bias = address(i, 6),
    quant = address(i, 7);
  const zero = i32x4.splat(word(i, 8)),
    least = i8x16.splat(<i8>word(i, 9)),
    most = i8x16.splat(<i8>word(i, 10));
  const way = word(i, 26);
  for (let f = 0; f < filters; f += 8) {
    const some = min(8, filters - f);
    const b0 = v128.load(bias),
      b1 = v128.load(bias, 16);
    let n = 0;
    let x = rows;
    let out = y + <usize>f;
    for (; n + 4 <= count; n += 4) {
      let s00 = b0, s01 = b1, s10 = b0, s11 = b1, s20 = b0, s21 = b1, s30 = b0, s31 = b1;
      const x1 = x + pitch,
        x2 = x1 + pitch,
        x3 = x2 + pitch;
      let w = panel;
      for (let k: usize = 0; k < pitch; k += 4) {
        const w0 = v128.load(w),
          w1 = v128.load(w, 16);
        w += 32;
        let v = v128.load32_splat(x + k);
        s00 = i32x4.add(s00, i32x4.dot_i16x8_s(v, w0));
        s01 = i32x4.add(s01, i32x4.dot_i16x8_s(v, w1));
        v = v128.load32_splat(x1 + k);
        s10 = i32x4.add(s10, i32x4.dot_i16x8_s(v, w0));
        s11 = i32x4.add(s11, i32x4.dot_i16x8_s(v, w1));
        v = v128.load32_splat(x2 + k);
        s20 = i32x4.add(s20, i32x4.dot_i16x8_s(v, w0));
        s21 = i32x4.add(s21, i32x4.dot_i16x8_s(v, w1));
        v = v128.load32_splat(x3 + k);
        s30 = i32x4.add(s30, i32x4.dot_i16x8_s(v, w0));
        s31 = i32x4.add(s31, i32x4.dot_i16x8_s(v, w1));
      }
      let q = requantize16(s00, s01, s10, s11, quant, zero, least, most, way);
      storeSome(out, q, some);
      out += <usize>filters;
      storeSomeHigh(out, q, some);
      out += <usize>filters;
      q = requantize16(s20, s21, s30, s31, quant, zero, least, most, way);
      storeSome(out, q, some);
      out += <usize>filters;
      storeSomeHigh(out, q, some);
      out += <usize>filters;
      x = x3 + pitch;
    }
    for (; n < count; n++) {
      let s0 = b0, s1 = b1;
      let w = panel;
      for (let k: usize = 0; k < pitch; k += 4) {
        const v = v128.load32_splat(x + k);
        s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v, v128.load(w)));
        s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v, v128.load(w, 16)));
        w += 32;
      }
      storeSome(out, requantize8(s0, s1, quant, zero, least, most, way), some);
      out += <usize>filters;
      x += pitch;
    }
    panel += panelBytes;
    bias += 32;
    quant += 2 * QUANT_BYTES;
  }
}
