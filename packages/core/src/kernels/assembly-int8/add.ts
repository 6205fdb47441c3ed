// Sums of two int8 maps. TensorFlow Lite rescales each input, then the sum. In float32, y = round(a A + b B + C) is the
// same for all pairs of inputs if it is the same for those whose sum is close to a half; `prepareAdd` compares these.
import { lookup, useTable } from "./lookup";
import { clamp, packLow, powerOfTwo, rescaleOne, WHOLE } from "./rescale";
import { fraction } from "./search";
import { address, everyByte, word } from "./words";

// Constants of an addition: 1 if float32 is exact, A, B, C (float32), then for each input the contributions of its 256
// values, from -128, to the sum (int32).
// @ts-ignore: decorator
@inline
const TABLES: usize = 16;

// words: 0 a, 1 b, 2 y, 3 bytes (a multiple of 16), 4 constants, 5 multiplier, 6 shift, 7 zero point, 8 clamp min, 9 clamp max,
// 10 table or 0
export function add(i: usize): void {
  const bytes = word(i, 3),
    y = address(i, 2);
  if (load<i32>(address(i, 4)) != 0) addFast(i);
  else addExact(i);
  if (address(i, 10) == 0) return;
  useTable(address(i, 10));
  lookup(y, y, bytes);
}

function addFast(i: usize): void {
  const constants = address(i, 4);
  const factorA = v128.load32_splat(constants, 4),
    factorB = v128.load32_splat(constants, 8),
    more = v128.load32_splat(constants, 12),
    whole = f32x4.splat(WHOLE),
    least = everyByte(i, 8),
    most = everyByte(i, 9);
  let a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  for (const end = y + <usize>word(i, 3); y < end; y += 16) {
    const low = addEight(v128.load8x8_s(a), v128.load8x8_s(b), factorA, factorB, more, whole),
      high = addEight(v128.load8x8_s(a, 8), v128.load8x8_s(b, 8), factorA, factorB, more, whole);
    v128.store(y, clamp(i8x16.narrow_i16x8_s(low, high), least, most));
    a += 16;
    b += 16;
  }
}

// @ts-ignore: decorator
@inline
function addEight(a: v128, b: v128, factorA: v128, factorB: v128, more: v128, whole: v128): v128 {
  const a0 = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(a)), factorA),
    a1 = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(a)), factorA),
    b0 = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(b)), factorB),
    b1 = f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(b)), factorB);
  return packLow(
    f32x4.add(f32x4.add(f32x4.add(a0, b0), more), whole),
    f32x4.add(f32x4.add(f32x4.add(a1, b1), more), whole),
  );
}

function addExact(i: usize): void {
  const a = address(i, 0),
    b = address(i, 1),
    y = address(i, 2);
  for (let n: usize = 0; n < <usize>word(i, 3); n++)
    store<i8>(y + n, <i8>exactSum(i, address(i, 4), <i32>load<i8>(a + n), <i32>load<i8>(b + n)));
}

/** Words 5..9: how the sum is rescaled. */
function exactSum(i: usize, constants: usize, a: i32, b: i32): i32 {
  const tables = constants + TABLES;
  const sum = load<i32>(tables + (<usize>(a + 128) << 2)) + load<i32>(tables + (<usize>(b + 384) << 2));
  return min(word(i, 9), max(word(i, 8), rescaleOne(sum, word(i, 5), word(i, 6)) + word(i, 7)));
}

/** Number of values of C to try. */
// @ts-ignore: decorator
@inline
const TRIALS: i32 = 17;
/** A sum farther than this from a half rounds to the same number in any arithmetic with a smaller error. */
// @ts-ignore: decorator
@inline
const DOUBTFUL: f64 = 1e-3;
const FRACTIONS: usize = memory.data(1024, 16);

// words: 0 constants to write, 1 zero point of a, 2 of b, 3 left shift of the inputs, 4 multiplier of a, 5..9 as in
// `add`, 10 multiplier of b, 11 shift of a, 12 shift of b, 13 1, or -1 if b is subtracted
export function prepareAdd(i: usize): void {
  const constants = address(i, 0),
    zeroA = word(i, 1),
    zeroB = word(i, 2);
  const tables = constants + TABLES;
  const scale = <f64>word(i, 5) * powerOfTwo(word(i, 6) - 31);
  for (let q = 0; q < 256; q++) {
    const a = rescaleOne((q - 128 - zeroA) << word(i, 3), word(i, 4), word(i, 11)),
      b = word(i, 13) * rescaleOne((q - 128 - zeroB) << word(i, 3), word(i, 10), word(i, 12));
    store<i32>(tables + (<usize>q << 2), a);
    store<i32>(tables + (<usize>q << 2), b, 1024);
    store<i32>(FRACTIONS + (<usize>q << 2), fraction(<f64>b * scale));
  }
  const factorA = <f32>(<f64>word(i, 4) * powerOfTwo(word(i, 11) - 31 + word(i, 3)) * scale),
    factorB = <f32>(<f64>word(i, 13) * <f64>word(i, 10) * powerOfTwo(word(i, 12) - 31 + word(i, 3)) * scale);
  const offset = <f64>word(i, 7) - <f64>zeroA * <f64>factorA - <f64>zeroB * <f64>factorB;
  // Four roundings of terms up to this size, and TensorFlow Lite's own rounding of each input.
  const largest = 128 * (<f64>factorA + <f64>abs(factorB)) + abs(offset);
  if (word(i, 6) > 0 || largest * powerOfTwo(-21) + 4 * scale > DOUBTFUL / 2) return;
  const near = i32x4.splat(<i32>(DOUBTFUL * 4294967296.0) + 2);
  // Bit n: whether the n-th C has been right so far.
  let right = (1 << TRIALS) - 1;
  for (let a = -128; a < 128 && right != 0; a++) {
    const half = i32x4.splat(fraction(<f64>load<i32>(tables + (<usize>(a + 128) << 2)) * scale) + i32.MIN_VALUE);
    for (let b = -128; b < 128; b += 4) {
      const sums = i32x4.add(v128.load(FRACTIONS + (<usize>(b + 128) << 2)), half);
      let hits = i32x4.bitmask(i32x4.le_u(i32x4.add(sums, near), i32x4.shl(near, 1)));
      for (; hits != 0; hits &= hits - 1) {
        const other = b + ctz(hits);
        const wanted = exactSum(i, constants, a, other);
        const real = <f32>a * factorA + <f32>other * factorB;
        for (let n = 0; n < TRIALS; n++) {
          const result = <i32>(real + trial(offset, n) + WHOLE - WHOLE);
          if (min(word(i, 9), max(word(i, 8), result)) != wanted) right &= ~(1 << n);
        }
      }
    }
  }
  if (right == 0) return;
  store<i32>(constants, 1);
  store<f32>(constants, factorA, 4);
  store<f32>(constants, factorB, 8);
  store<f32>(constants, trial(offset, ctz(right)), 12);
}

function trial(offset: f64, n: i32): f32 {
  return <f32>(offset + <f64>(n & 1 ? n + 1 : -n) * powerOfTwo(-20));
}
