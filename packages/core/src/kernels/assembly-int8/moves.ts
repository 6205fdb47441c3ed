// Kernels that move bytes from one map to another.
import { address, word } from "./words";

// Copies a block of pixels and channels: pixels are counted within planes, rows and columns in pixels.
// words: 0 x, 1 y, 2 rows, 3 columns, 4 channels, 5 first pixel of x, 6 pixels from a row of x to the next, 7 from a column,
// 8 first channel of x, 9 from a channel to the next, 10 bytes of a plane of x, 11 first pixel of y, 12 pixels from a row of y
// to the next, 13 first channel of y, 14 bytes of a plane of y
// If the channels are aligned to planes in both, whole planes are copied; whatever follows in the last plane must be
// written afterwards.
export function move(i: usize): void {
  const channels = word(i, 4),
    from = word(i, 8),
    step = word(i, 9),
    to = word(i, 13);
  const x = address(i, 0) + (<usize>word(i, 5) << 3),
    y = address(i, 1) + (<usize>word(i, 11) << 3);
  const whole = step == 1 && ((from | to) & 7) == 0;
  for (let c = 0; c < channels; c += whole ? 8 : 1) {
    const own = from + c * step,
      other = to + c;
    const a = x + <usize>(own >> 3) * <usize>word(i, 10) + <usize>(own & 7),
      b = y + <usize>(other >> 3) * <usize>word(i, 14) + <usize>(other & 7);
    if (whole) moveEach<u64>(i, a, b);
    else moveEach<u8>(i, a, b);
  }
}

// T: u64 for a plane, u8 for a channel.
function moveEach<T>(i: usize, x: usize, y: usize): void {
  const columns = word(i, 3),
    across = <usize>word(i, 7) << 3;
  for (let rows = word(i, 2); rows > 0; rows--) {
    let a = x,
      b = y;
    for (let column = 0; column < columns; column++) {
      store<T>(b, load<T>(a));
      a += across;
      b += 8;
    }
    x += <usize>word(i, 6) << 3;
    y += <usize>word(i, 12) << 3;
  }
}

// words: 0 x, 1 y, 2 width, 3 planes, 4 output height, 5 output width, 6 taps of the rows, 7 of the columns, 8 bytes of an
// input's plane, 9 of an output's. A tap is three int32: the first pixel, the second, the second's weight in 1/1024.
export function resize(i: usize): void {
  const width = word(i, 2),
    outHeight = word(i, 4),
    outWidth = word(i, 5);
  let plane = address(i, 0),
    outPlane = address(i, 1);
  for (let p = word(i, 3); p > 0; p--) {
    let y = outPlane,
      row = address(i, 6);
    for (let oy = 0; oy < outHeight; oy++, row += 12) {
      const first = plane + (<usize>(load<i32>(row) * width) << 3),
        second = plane + (<usize>(load<i32>(row, 4) * width) << 3);
      const below = i32x4.splat(load<i32>(row, 8)),
        above = i32x4.splat(1024 - load<i32>(row, 8));
      let column = address(i, 7);
      for (let ox = 0; ox < outWidth; ox++, column += 12) {
        const a = <usize>load<i32>(column) << 3,
          b = <usize>load<i32>(column, 4) << 3;
        const right = i16x8.splat(<i16>load<i32>(column, 8)),
          left = i16x8.splat(<i16>(1024 - load<i32>(column, 8)));
        const p0 = v128.load8x8_s(first + a),
          p1 = v128.load8x8_s(first + b),
          q0 = v128.load8x8_s(second + a),
          q1 = v128.load8x8_s(second + b);
        const low = i32x4.add(
          i32x4.mul(i32x4.add(i32x4.extmul_low_i16x8_s(p0, left), i32x4.extmul_low_i16x8_s(p1, right)), above),
          i32x4.mul(i32x4.add(i32x4.extmul_low_i16x8_s(q0, left), i32x4.extmul_low_i16x8_s(q1, right)), below),
        );
        const high = i32x4.add(
          i32x4.mul(i32x4.add(i32x4.extmul_high_i16x8_s(p0, left), i32x4.extmul_high_i16x8_s(p1, right)), above),
          i32x4.mul(i32x4.add(i32x4.extmul_high_i16x8_s(q0, left), i32x4.extmul_high_i16x8_s(q1, right)), below),
        );
        const words = i16x8.narrow_i32x4_s(nearest(low), nearest(high));
        v128.store64_lane(y, i8x16.narrow_i16x8_s(words, words), 0);
        y += 8;
      }
    }
    plane += <usize>word(i, 8);
    outPlane += <usize>word(i, 9);
  }
}

// Rounds 20 fractional bits: halves away from zero.
// @ts-ignore: decorator
@inline
function nearest(v: v128): v128 {
  const sign = i32x4.shr_s(v, 31);
  const magnitude = i32x4.shr_u(i32x4.add(i32x4.abs(v), i32x4.splat(1 << 19)), 20);
  return i32x4.sub(v128.xor(magnitude, sign), sign);
}
