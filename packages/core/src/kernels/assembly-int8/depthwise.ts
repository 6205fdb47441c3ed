// Depthwise convolution: the map is copied with its border made real (the input's zero point), then eight channels at a
// time, taps in pairs: two taps' bytes interleaved as int16, times their weights interleaved alike.
import { lookup, QUANT_BYTES, requantize16, requantize8, storeSome, storeSomeHigh } from "./requantize";
import { address, word } from "./words";

// words: 0 x, 1 y, 2 height, 3 width, 4 channels, 5 kernel height, 6 kernel width, 7 stride down, 8 stride across,
// 9 padding top, 10 padding left, 11 padded height, 12 padded width, 13 output height, 14 output width,
// 15 weights: for eight channels, for each pair of taps, 16 int16; 16 bias, 17 quant, 18 zero point, 19 clamp min,
// 20 clamp max, 21 table or 0, 22 scratch: the padded map, 23 offsets of the taps in it (int32, an even number), 24 pairs,
// 25 zero point of the input, 26 way of rescaling
export function depthwise(i: usize): void {
  const height = word(i, 2),
    width = word(i, 3),
    channels = word(i, 4),
    down = word(i, 7),
    across = word(i, 8),
    outHeight = word(i, 13),
    outWidth = word(i, 14),
    table = address(i, 21),
    padded = address(i, 22),
    offsets = address(i, 23),
    pairs = word(i, 24);
  const paddedWidth = word(i, 12);
  const rowBytes = <usize>(paddedWidth * channels);
  let source = address(i, 0);
  if (word(i, 11) != height || paddedWidth != width) {
    pad(source, padded, height, <usize>(width * channels), word(i, 11), rowBytes, word(i, 9), <usize>(word(i, 10) * channels), word(i, 25));
    source = padded;
  }
  const zero = i32x4.splat(word(i, 18)),
    least = i8x16.splat(<i8>word(i, 19)),
    most = i8x16.splat(<i8>word(i, 20));
  const way = word(i, 26);
  const step = <usize>(across * channels);
  const panelBytes = <usize>pairs << 5;
  let y = address(i, 1);
  for (let oy = 0; oy < outHeight; oy++) {
    const row = source + <usize>(oy * down) * rowBytes;
    let panel = address(i, 15),
      bias = address(i, 16),
      quant = address(i, 17);
    for (let c = 0; c < channels; c += 8) {
      const some = min(8, channels - c);
      const b0 = v128.load(bias),
        b1 = v128.load(bias, 16);
      let x = row + <usize>c,
        out = y + <usize>c;
      let ox = 0;
      // Two pixels at a time share the weights.
      for (; ox + 2 <= outWidth; ox += 2) {
        let s0 = b0, s1 = b1, t0 = b0, t1 = b1;
        let w = panel,
          at = offsets;
        const x1 = x + step;
        for (let p = 0; p < pairs; p++) {
          const o0 = <usize>load<u32>(at),
            o1 = <usize>load<u32>(at, 4);
          at += 8;
          const w0 = v128.load(w),
            w1 = v128.load(w, 16);
          w += 32;
          let a = v128.load8x8_s(x + o0),
            b = v128.load8x8_s(x + o1);
          s0 = i32x4.add(s0, i32x4.dot_i16x8_s(low(a, b), w0));
          s1 = i32x4.add(s1, i32x4.dot_i16x8_s(high(a, b), w1));
          a = v128.load8x8_s(x1 + o0);
          b = v128.load8x8_s(x1 + o1);
          t0 = i32x4.add(t0, i32x4.dot_i16x8_s(low(a, b), w0));
          t1 = i32x4.add(t1, i32x4.dot_i16x8_s(high(a, b), w1));
        }
        const q = requantize16(s0, s1, t0, t1, quant, zero, least, most, way);
        storeSome(out, q, some);
        out += <usize>channels;
        storeSomeHigh(out, q, some);
        out += <usize>channels;
        x = x1 + step;
      }
      if (ox < outWidth) {
        let s0 = b0, s1 = b1;
        let w = panel,
          at = offsets;
        for (let p = 0; p < pairs; p++) {
          const a = v128.load8x8_s(x + <usize>load<u32>(at)),
            b = v128.load8x8_s(x + <usize>load<u32>(at, 4));
          at += 8;
          s0 = i32x4.add(s0, i32x4.dot_i16x8_s(low(a, b), v128.load(w)));
          s1 = i32x4.add(s1, i32x4.dot_i16x8_s(high(a, b), v128.load(w, 16)));
          w += 32;
        }
        storeSome(out, requantize8(s0, s1, quant, zero, least, most, way), some);
      }
      panel += panelBytes;
      bias += 32;
      quant += 2 * QUANT_BYTES;
    }
    if (table != 0) lookup(y, y, outWidth * channels, table);
    y += <usize>(outWidth * channels);
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

/** A map with a border. */
export function pad(
  x: usize,
  y: usize,
  height: i32,
  rowBytes: usize,
  outHeight: i32,
  outRowBytes: usize,
  top: i32,
  left: usize,
  value: i32,
): void {
  const v = <u8>value;
  for (let row = 0; row < outHeight; row++) {
    const inner = row - top;
    if (inner < 0 || inner >= height) memory.fill(y, v, outRowBytes);
    else {
      memory.fill(y, v, left);
      memory.copy(y + left, x + <usize>inner * rowBytes, rowBytes);
      memory.fill(y + left + rowBytes, v, outRowBytes - left - rowBytes);
    }
    y += outRowBytes;
  }
}
