// Kernels of operators that only imported networks use.
import { rescaleOne } from "./rescale";
import { address, word } from "./words";

// words: 0 x, 1 y, 2 height, 3 width, 4 planes, 5 output height, 6 output width, 7 window height, 8 window width, 9
// stride down, 10 stride across, 11 padding top, 12 padding left, 13 bytes of an input's plane, 14 of an output's
export function averagePool(i: usize): void {
  pool(i, true);
}

// words: as averagePool
export function maxWindow(i: usize): void {
  pool(i, false);
}

function pool(i: usize, isMean: bool): void {
  const height = word(i, 2),
    width = word(i, 3),
    outHeight = word(i, 5),
    outWidth = word(i, 6);
  let plane = address(i, 0),
    outPlane = address(i, 1);
  for (let p = word(i, 4); p > 0; p--) {
    let y = outPlane;
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * word(i, 9) - word(i, 11);
      const firstRow = max(0, top),
        rows = min(height, top + word(i, 7)) - firstRow;
      for (let ox = 0; ox < outWidth; ox++) {
        const left = ox * word(i, 10) - word(i, 12);
        const first = max(0, left),
          columns = min(width, left + word(i, 8)) - first;
        const at = plane + (<usize>(firstRow * width + first) << 3);
        if (isMean) meanOf(at, <usize>width << 3, rows, columns, y);
        else largestOf(at, <usize>width << 3, rows, columns, y);
        y += 8;
      }
    }
    plane += <usize>word(i, 13);
    outPlane += <usize>word(i, 14);
  }
}

// Maximum over rows and columns of pixels, starting at x.
function largestOf(x: usize, rowBytes: usize, rows: i32, columns: i32, y: usize): void {
  let largest = i8x16.splat(-128);
  for (; rows > 0; rows--, x += rowBytes)
    for (let column = 0; column < columns; column++)
      largest = i8x16.max_s(largest, v128.load64_zero(x + (<usize>column << 3)));
  v128.store64_lane(y, largest, 0);
}

function meanOf(x: usize, rowBytes: usize, rows: i32, columns: i32, y: usize): void {
  const count = rows * columns;
  let s0 = i32x4.splat(0),
    s1 = i32x4.splat(0);
  for (; rows > 0; rows--, x += rowBytes)
    for (let column = 0; column < columns; column++) {
      const pixel = v128.load8x8_s(x + (<usize>column << 3));
      s0 = i32x4.add(s0, i32x4.extend_low_i16x8_s(pixel));
      s1 = i32x4.add(s1, i32x4.extend_high_i16x8_s(pixel));
    }
  store<i8>(y, mean(i32x4.extract_lane(s0, 0), count));
  store<i8>(y + 1, mean(i32x4.extract_lane(s0, 1), count));
  store<i8>(y + 2, mean(i32x4.extract_lane(s0, 2), count));
  store<i8>(y + 3, mean(i32x4.extract_lane(s0, 3), count));
  store<i8>(y + 4, mean(i32x4.extract_lane(s1, 0), count));
  store<i8>(y + 5, mean(i32x4.extract_lane(s1, 1), count));
  store<i8>(y + 6, mean(i32x4.extract_lane(s1, 2), count));
  store<i8>(y + 7, mean(i32x4.extract_lane(s1, 3), count));
}

// Rounds to nearest, halves away from zero.
function mean(sum: i32, count: i32): i8 {
  const half = count >> 1;
  return <i8>((sum > 0 ? sum + half : sum - half) / count);
}

// words: 0 x, 1 y, 2 pixels, 3 channels, 4 bytes of a plane, 5 table of 256 exponentials by the difference from the
// maximum
export function softmax(i: usize): void {
  const channels = word(i, 3),
    planeBytes = <usize>word(i, 4),
    exponentials = address(i, 5);
  for (let pixel = 0; pixel < word(i, 2); pixel++) {
    const x = address(i, 0) + (<usize>pixel << 3),
      y = address(i, 1) + (<usize>pixel << 3);
    let largest = -128;
    for (let c = 0; c < channels; c++) largest = max(largest, <i32>load<i8>(x + offset(c, planeBytes)));
    let sum = 0;
    for (let c = 0; c < channels; c++) {
      const e = load<i32>(exponentials + (<usize>(largest - <i32>load<i8>(x + offset(c, planeBytes))) << 2));
      sum += <i32>(<u32>(e + 0x800) >> 12); // rounds halves up; e is not negative
    }
    const headRoom = clz(sum);
    const reciprocal = oneOverOnePlus(<i32>((<u32>sum << headRoom) - 0x80000000));
    const shift = 12 - headRoom + 23;
    for (let c = 0; c < channels; c++) {
      const e = load<i32>(exponentials + (<usize>(largest - <i32>load<i8>(x + offset(c, planeBytes))) << 2));
      const value = (shift > 31 ? 0 : rescaleOne(reciprocal, e, -shift)) - 128;
      store<i8>(y + offset(c, planeBytes), <i8>min(127, max(-128, value)));
    }
  }
}

function offset(channel: i32, planeBytes: usize): usize {
  return (<usize>channel >> 3) * planeBytes + (<usize>channel & 7);
}

// gemmlowp's fixed-point arithmetic; quantization/softmax.ts explains each step.
function oneOverOnePlus(a: i32): i32 {
  const half = <i32>((<i64>a + 0x80000000) >> 1);
  let x = 1515870810 + rescaleOne(half, -1010580540, 0);
  for (let i = 0; i < 3; i++) {
    const error = (1 << 29) - rescaleOne(half, x, 0);
    x += saturatingShift(rescaleOne(x, error, 0), 2);
  }
  return saturatingShift(x, 1);
}

function saturatingShift(x: i32, bits: i32): i32 {
  const threshold = (1 << (31 - bits)) - 1;
  return x > threshold ? i32.MAX_VALUE : x < -threshold ? i32.MIN_VALUE : x << bits;
}
