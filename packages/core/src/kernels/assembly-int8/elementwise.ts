// Kernels without weights.
import { lookup, useTable } from "./lookup";
import { clamp, toInt8Slowly } from "./rescale";
import { address, everyByte, everyLane, word } from "./words";

// words: 0 a, 1 b, 2 y, 3 planes, 4 bytes of a plane, 5 zero point of a, 6 of b, 7 rescaling of a panel whose channels
// are all the same, 8 1.5 * 2^23 + zero point (float32), 9 clamp min, 10 clamp max, 11 1 if b is one pixel, 12 table or
// 0
export function multiplyMaps(i: usize): void {
  const planeBytes = <usize>word(i, 4),
    panel = address(i, 7);
  const zeroA = i16x8.splat(<i16>word(i, 5)),
    zeroB = i16x8.splat(<i16>word(i, 6)),
    whole = everyLane(i, 8),
    least = everyByte(i, 9),
    most = everyByte(i, 10);
  const one = word(i, 11) != 0;
  let a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  const bytes = word(i, 3) * word(i, 4);
  for (const last = y + <usize>bytes; y < last; ) {
    for (const end = y + planeBytes; y < end; y += 8) {
      const p = i16x8.sub(v128.load8x8_s(a), zeroA),
        q = i16x8.sub(v128.load8x8_s(b), zeroB);
      const product = toInt8Slowly(i32x4.extmul_low_i16x8_s(p, q), i32x4.extmul_high_i16x8_s(p, q), panel, whole, false);
      v128.store64_lane(y, clamp(product, least, most), 0);
      a += 8;
      if (!one) b += 8;
    }
    if (one) b += 32;
  }
  if (address(i, 12) == 0) return;
  useTable(address(i, 12));
  lookup(address(i, 2), address(i, 2), bytes);
}

// words: 0 x, 1 y, 2 pixels, 3 planes, 4 bytes of a plane, 5 initial value of the sums, 6 rescaling of a panel whose
// channels are all the same, 7 1.5 * 2^23 + zero point (float32), 8 clamp min, 9 clamp max, 10 table or 0
export function globalAveragePool(i: usize): void {
  const pixels = word(i, 2),
    planes = word(i, 3);
  const start = i32x4.splat(word(i, 5)),
    whole = everyLane(i, 7),
    least = everyByte(i, 8),
    most = everyByte(i, 9);
  let plane = address(i, 0),
    y = address(i, 1);
  if (address(i, 10) != 0) useTable(address(i, 10));
  for (let p = 0; p < planes; p++) {
    let s0 = start, s1 = start;
    let x = plane;
    for (let n = 0; n < pixels; ) {
      // Sums of 256 bytes fit in int16.
      let part = i16x8.splat(0);
      for (const stop = min(pixels, n + 256); n < stop; n++) {
        part = i16x8.add(part, v128.load8x8_s(x));
        x += 8;
      }
      s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(part));
      s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(part));
    }
    v128.store64_lane(y, clamp(toInt8Slowly(s0, s1, address(i, 6), whole, false), least, most), 0);
    if (address(i, 10) != 0) lookup(y, y, 8);
    plane += <usize>word(i, 4);
    y += 32;
  }
}

// words: 0 a, 1 b, 2 y, 3 bytes (a multiple of 16), 4 1 for the maximum, 0 for the minimum
export function extreme(i: usize): void {
  const largest = word(i, 4) != 0;
  let a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  for (const end = y + <usize>word(i, 3); y < end; y += 16) {
    const p = v128.load(a),
      q = v128.load(b);
    v128.store(y, largest ? i8x16.max_s(p, q) : i8x16.min_s(p, q));
    a += 16;
    b += 16;
  }
}

// words: 0 x, 1 y, 2 bytes, 3 table
export function lookupMap(i: usize): void {
  useTable(address(i, 3));
  lookup(address(i, 0), address(i, 1), word(i, 2));
}

// words: 0 x, 1 y, 2 width, 3 planes, 4 size, 5 stride, 6 output height, 7 output width, 8 bytes of an input's plane,
// 9 of an output's, 10 table or 0
export function maxPool(i: usize): void {
  const width = word(i, 2),
    planes = word(i, 3),
    size = word(i, 4),
    stride = word(i, 5),
    outHeight = word(i, 6),
    outWidth = word(i, 7);
  let plane = address(i, 0),
    outPlane = address(i, 1);
  for (let p = 0; p < planes; p++) {
    let y = outPlane;
    for (let oy = 0; oy < outHeight; oy++)
      for (let ox = 0; ox < outWidth; ox++) {
        const corner = plane + (<usize>((oy * width + ox) * stride) << 3);
        let largest = i8x16.splat(-128);
        for (let ky = 0; ky < size; ky++) {
          let at = corner + (<usize>(ky * width) << 3);
          for (let kx = 0; kx < size; kx++) {
            largest = i8x16.max_s(largest, v128.load64_zero(at));
            at += 8;
          }
        }
        v128.store64_lane(y, largest, 0);
        y += 8;
      }
    plane += <usize>word(i, 8);
    outPlane += <usize>word(i, 9);
  }
  if (address(i, 10) == 0) return;
  useTable(address(i, 10));
  lookup(address(i, 1), address(i, 1), planes * word(i, 9));
}
