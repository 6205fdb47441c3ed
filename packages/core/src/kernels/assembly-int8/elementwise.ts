// Kernels without weights.
import { pad } from "./depthwise";
import { lookup, QUANT_BYTES, requantize8, rescaleOne, storeSome } from "./requantize";
import { address, word } from "./words";

// words: 0 a, 1 b, 2 y, 3 bytes, 4 and 5 tables of 256 int32: each byte rescaled, 6 multiplier, 7 shift, 8 zero point,
// 9 clamp min, 10 clamp max, 11 table or 0
export function add(i: usize): void {
  const bytes = word(i, 3);
  const tableA = address(i, 4) + 512,
    tableB = address(i, 5) + 512;
  const multiplier = <i64>word(i, 6);
  const shift = -word(i, 7),
    zero = word(i, 8),
    least = word(i, 9),
    most = word(i, 10);
  const a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  // Both roundings as one floor, as in requantize.ts, in 64 bits: |sum| < 2^30, so that the product is below 2^61.
  const total = <i64>(31 + shift);
  const up: i64 = shift == 0 ? 1 << 30 : (<i64>1 << 30) + (<i64>1 << (30 + <i64>shift));
  const negative: i64 = shift == 0 ? 0 : <i64>1 << 31;
  for (let n: usize = 0; n < <usize>bytes; n++) {
    const sum =
      load<i32>(tableA + (<usize>(<i32>load<i8>(a + n)) << 2)) + load<i32>(tableB + (<usize>(<i32>load<i8>(b + n)) << 2));
    const q = <i32>((<i64>sum * multiplier + up - (negative & (<i64>sum >> 63))) >> total) + zero;
    store<i8>(y + n, <i8>min(most, max(least, q)));
  }
  if (address(i, 11) != 0) lookup(y, y, bytes, address(i, 11));
}

// words: 0 a, 1 b, 2 y, 3 pixels, 4 channels, 5 1 where b is one pixel, 6 zero point of a, 7 of b, 8 quant of eight
// channels that are alike, 9 zero point, 10 clamp min, 11 clamp max, 12 table or 0, 13 way of rescaling
export function multiplyMaps(i: usize): void {
  const pixels = word(i, 3),
    channels = word(i, 4);
  const one = word(i, 5) != 0;
  const zeroA = i16x8.splat(<i16>word(i, 6)),
    zeroB = i16x8.splat(<i16>word(i, 7));
  const quant = address(i, 8);
  const zero = i32x4.splat(word(i, 9)),
    least = i8x16.splat(<i8>word(i, 10)),
    most = i8x16.splat(<i8>word(i, 11));
  const way = word(i, 13);
  let a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  for (let n = 0; n < pixels; n++) {
    for (let c = 0; c < channels; c += 8) {
      const p = i16x8.sub(v128.load8x8_s(a + <usize>c), zeroA),
        q = i16x8.sub(v128.load8x8_s(b + <usize>c), zeroB);
      const low = i32x4.extmul_low_i16x8_s(p, q),
        high = i32x4.extmul_high_i16x8_s(p, q);
      storeSome(y + <usize>c, requantize8(low, high, quant, zero, least, most, way), channels - c);
    }
    a += <usize>channels;
    y += <usize>channels;
    if (!one) b += <usize>channels;
  }
  if (address(i, 12) != 0) lookup(address(i, 2), address(i, 2), pixels * channels, address(i, 12));
}

// words: 0 x, 1 y, 2 pixels, 3 channels, 4 start of the sums, 5 quant of eight channels that are alike, 6 zero point,
// 7 clamp min, 8 clamp max, 9 table or 0, 10 way of rescaling
export function globalAveragePool(i: usize): void {
  const pixels = word(i, 2),
    channels = word(i, 3);
  const start = i32x4.splat(word(i, 4));
  const quant = address(i, 5);
  const zero = i32x4.splat(word(i, 6)),
    least = i8x16.splat(<i8>word(i, 7)),
    most = i8x16.splat(<i8>word(i, 8));
  const way = word(i, 10);
  const y = address(i, 1);
  for (let c = 0; c < channels; c += 8) {
    let s0 = start, s1 = start;
    let x = address(i, 0) + <usize>c;
    for (let n = 0; n < pixels; ) {
      // 256 bytes add up within int16.
      let part = i16x8.splat(0);
      for (const stop = min(pixels, n + 256); n < stop; n++) {
        part = i16x8.add(part, v128.load8x8_s(x));
        x += <usize>channels;
      }
      s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(part));
      s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(part));
    }
    storeSome(y + <usize>c, requantize8(s0, s1, quant, zero, least, most, way), channels - c);
  }
  if (address(i, 9) != 0) lookup(y, y, channels, address(i, 9));
}

// words: 0 x, 1 y, 2 bytes, 3 table
export function lookupMap(i: usize): void {
  lookup(address(i, 0), address(i, 1), word(i, 2), address(i, 3));
}

// words: 0 x, 1 y, 2 width, 3 channels, 4 size, 5 stride, 6 output height, 7 output width, 8 table or 0
export function maxPool(i: usize): void {
  const width = word(i, 2),
    channels = word(i, 3),
    size = word(i, 4),
    stride = word(i, 5),
    outHeight = word(i, 6),
    outWidth = word(i, 7);
  const x = address(i, 0);
  let y = address(i, 1);
  for (let oy = 0; oy < outHeight; oy++) {
    for (let ox = 0; ox < outWidth; ox++) {
      const corner = x + <usize>((oy * stride * width + ox * stride) * channels);
      for (let c = 0; c < channels; c += 8) {
        let largest = i8x16.splat(-128);
        for (let ky = 0; ky < size; ky++) {
          let at = corner + <usize>(ky * width * channels + c);
          for (let kx = 0; kx < size; kx++) {
            largest = i8x16.max_s(largest, v128.load64_zero(at));
            at += <usize>channels;
          }
        }
        storeSome(y + <usize>c, largest, channels - c);
      }
      y += <usize>channels;
    }
  }
  if (address(i, 8) != 0) lookup(address(i, 1), address(i, 1), outHeight * outWidth * channels, address(i, 8));
}

// words: 0 x, 1 y, 2 height, 3 bytes a row, 4 output height, 5 bytes an output row, 6 top, 7 bytes left, 8 value
export function padMap(i: usize): void {
  pad(address(i, 0), address(i, 1), word(i, 2), address(i, 3), word(i, 4), address(i, 5), word(i, 6), address(i, 7), word(i, 8));
}

/** Convolution in groups of channels that is not depthwise, one output at a time: no network of ours has one. */
// words: 0 x, 1 y, 2 filters, 3 groups, 4 weights (int8, as in the network), 5 bias (int32, eights), 6 quant, 7 zero point,
// 8 clamp min, 9 clamp max, 10 table or 0, 11 height, 12 width, 13 channels, 14 kernel height, 15 kernel width,
// 16 stride down, 17 stride across, 18 padding top, 19 padding left, 20 output height, 21 output width,
// 22 zero point of the input
export function groupedConvolution(i: usize): void {
  const x = address(i, 0),
    filters = word(i, 2),
    groups = word(i, 3),
    weights = address(i, 4),
    bias = address(i, 5),
    quant = address(i, 6);
  const height = word(i, 11),
    width = word(i, 12),
    channels = word(i, 13),
    kernelHeight = word(i, 14),
    kernelWidth = word(i, 15),
    outHeight = word(i, 20),
    outWidth = word(i, 21),
    inputZero = word(i, 22);
  const zero = word(i, 7),
    least = word(i, 8),
    most = word(i, 9);
  const groupChannels = channels / groups,
    groupFilters = filters / groups;
  let y = address(i, 1);
  for (let oy = 0; oy < outHeight; oy++)
    for (let ox = 0; ox < outWidth; ox++)
      for (let f = 0; f < filters; f++) {
        let sum = load<i32>(bias + (<usize>f << 2));
        let w = weights + <usize>(f * kernelHeight * kernelWidth * groupChannels);
        const channel = (f / groupFilters) * groupChannels;
        for (let ky = 0; ky < kernelHeight; ky++)
          for (let kx = 0; kx < kernelWidth; kx++) {
            const iy = oy * word(i, 16) - word(i, 18) + ky,
              ix = ox * word(i, 17) - word(i, 19) + kx;
            const inside = iy >= 0 && iy < height && ix >= 0 && ix < width;
            const at = x + <usize>((iy * width + ix) * channels + channel);
            for (let c = 0; c < groupChannels; c++)
              sum += <i32>load<i8>(w++) * (inside ? <i32>load<i8>(at + <usize>c) : inputZero);
          }
        const q = rescaleOne(sum, quant + <usize>(f >> 2) * QUANT_BYTES + (<usize>(f & 3) << 2)) + zero;
        store<i8>(y++, <i8>min(most, max(least, q)));
      }
  if (address(i, 10) != 0) lookup(address(i, 1), address(i, 1), outHeight * outWidth * filters, address(i, 10));
}
