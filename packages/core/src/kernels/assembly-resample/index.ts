// Bilinear resampling (data/resample.ts) of two values at a time: the same float64 sums in the same order, hence the
// same bits. The caller manages all of the memory.

/** The upper two 32-bit lanes, moved down. */
// @ts-ignore: decorator
@inline
function upper(a: v128): v128 {
  return v128.shuffle<i64>(a, a, 1, 1);
}

/** Stores two pairs, of which `four` holds the first as int32, as pairs of float64. */
// @ts-ignore: decorator
@inline
function spread(four: v128, to: usize): void {
  v128.store(to, f64x2.convert_low_i32x4_u(four));
  v128.store(to, f64x2.convert_low_i32x4_u(upper(four)), 16);
}

/** Rounds the sums of two rows to float32 and stores each in its row. */
// @ts-ignore: decorator
@inline
function keep(sum: v128, out: usize, stride: usize): void {
  const rounded = f32x4.demote_f64x2_zero(sum);
  v128.store_lane<f32>(out, rounded, 0);
  v128.store_lane<f32>(out + stride, rounded, 1);
}

/**
 * First pass: resizes rows of pixels to another width, as float32. Two rows are processed together.
 * @param pixels rows of `rowBytes`; vectors read up to 7 bytes beyond the last
 * @param from first byte of a row that a tap reads
 * @param bytes number of bytes of a row, starting at `from`, that taps read
 * @param pairs room for 16 * (bytes + 7): two rows as pairs of float64
 * @param taps of `outputs` columns: start[] (relative to `from`; negative: the output is `fill`) and count[] as int32,
 *   then weights [outputs, most] as float64
 * @param out rows of `stride` bytes; an odd number of rows writes one more
 */
export function across(
  pixels: usize,
  rows: i32,
  rowBytes: usize,
  from: usize,
  bytes: usize,
  channels: usize,
  pairs: usize,
  taps: usize,
  outputs: i32,
  most: usize,
  fill: f32,
  out: usize,
  stride: usize,
): void {
  const size = channels << 4;
  for (let row = 0; row < rows; row += 2, pixels += 2 * rowBytes, out += 2 * stride) {
    const first = pixels + from;
    const second = row + 1 < rows ? first + rowBytes : first;
    for (let i: usize = 0, p = pairs; i < bytes; i += 8, p += 128) {
      const both = v128.shuffle<i8>(
        v128.load64_zero(first + i),
        v128.load64_zero(second + i),
        0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23,
      );
      const low = i16x8.extend_low_i8x16_u(both);
      const high = i16x8.extend_high_i8x16_u(both);
      spread(i32x4.extend_low_i16x8_u(low), p);
      spread(i32x4.extend_high_i16x8_u(low), p + 32);
      spread(i32x4.extend_low_i16x8_u(high), p + 64);
      spread(i32x4.extend_high_i16x8_u(high), p + 96);
    }
    let o = out;
    let weights = taps + (<usize>outputs << 3);
    for (let x = 0; x < outputs; x++, weights += most << 3) {
      const start = load<i32>(taps + (<usize>x << 2));
      if (start < 0) {
        for (let c: usize = 0; c < channels; c++, o += 4) {
          store<f32>(o, fill);
          store<f32>(o + stride, fill);
        }
        continue;
      }
      const end = weights + (<usize>load<i32>(taps + (<usize>(outputs + x) << 2)) << 3);
      let p = pairs + <usize>start * size;
      if (channels == 3) {
        let weight = v128.load64_splat(weights);
        let red = f64x2.mul(weight, v128.load(p));
        let green = f64x2.mul(weight, v128.load(p, 16));
        let blue = f64x2.mul(weight, v128.load(p, 32));
        p += 48;
        for (let w = weights + 8; w < end; w += 8, p += 48) {
          weight = v128.load64_splat(w);
          red = f64x2.add(red, f64x2.mul(weight, v128.load(p)));
          green = f64x2.add(green, f64x2.mul(weight, v128.load(p, 16)));
          blue = f64x2.add(blue, f64x2.mul(weight, v128.load(p, 32)));
        }
        keep(red, o, stride);
        keep(green, o + 4, stride);
        keep(blue, o + 8, stride);
        o += 12;
        continue;
      }
      for (let c: usize = 0; c < channels; c++, o += 4) {
        let q = p + (c << 4);
        let sum = f64x2.mul(v128.load64_splat(weights), v128.load(q));
        for (let w = weights + 8; w < end; w += 8) {
          q += size;
          sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(w), v128.load(q)));
        }
        keep(sum, o, stride);
      }
    }
  }
}

/** Two sums of each of `a` and `b`, rounded half up, as four int32. */
// @ts-ignore: decorator
@inline
function round(a: v128, b: v128): v128 {
  const half = f64x2.splat(0.5);
  return v128.shuffle<i64>(
    i32x4.trunc_sat_f64x2_u_zero(f64x2.add(a, half)),
    i32x4.trunc_sat_f64x2_u_zero(f64x2.add(b, half)),
    0,
    2,
  );
}

/**
 * Second pass: one output row, from `count` rows of `across`, starting at `rows`.
 * @param stride bytes from row to row, a multiple of 32
 * @param weights `count` float64
 * @param out `stride / 4` bytes
 */
export function down(rows: usize, stride: usize, count: usize, weights: usize, out: usize): void {
  const end = weights + (count << 3);
  const last = rows + stride;
  for (; rows < last; rows += 32, out += 8) {
    let weight = v128.load64_splat(weights);
    let values = v128.load(rows);
    let a = f64x2.mul(weight, f64x2.promote_low_f32x4(values));
    let b = f64x2.mul(weight, f64x2.promote_low_f32x4(upper(values)));
    values = v128.load(rows, 16);
    let c = f64x2.mul(weight, f64x2.promote_low_f32x4(values));
    let d = f64x2.mul(weight, f64x2.promote_low_f32x4(upper(values)));
    let p = rows + stride;
    for (let w = weights + 8; w < end; w += 8, p += stride) {
      weight = v128.load64_splat(w);
      values = v128.load(p);
      a = f64x2.add(a, f64x2.mul(weight, f64x2.promote_low_f32x4(values)));
      b = f64x2.add(b, f64x2.mul(weight, f64x2.promote_low_f32x4(upper(values))));
      values = v128.load(p, 16);
      c = f64x2.add(c, f64x2.mul(weight, f64x2.promote_low_f32x4(values)));
      d = f64x2.add(d, f64x2.mul(weight, f64x2.promote_low_f32x4(upper(values))));
    }
    const words = i16x8.narrow_i32x4_u(round(a, b), round(c, d));
    v128.store64_lane(out, i8x16.narrow_i16x8_u(words, words), 0);
  }
}
