// Searches the constants of the float32 rescaling described in rescale.ts: F and H for which it equals TensorFlow
// Lite's two roundings for every sum that a channel can have, or for all but two.
//
// Both functions are monotone in the sum, so they can differ only beside a step: between the smallest sum that gives a
// result and the sum before it. Steps where float32 cannot be wrong are skipped: there the real results of both sums
// are so far from the half between two integers that neither rounding nor changes of the constants matter. The others
// are compared one by one.
import { FACTOR, HALF, powerOfTwo, rescaleOne, WHOLE, WRONG } from "./rescale";

// @ts-ignore: decorator
@inline
const MOST_WRONG: i32 = 2;
/** Results must fit in int16 before they are clamped. */
// @ts-ignore: decorator
@inline
const LARGEST_RESULT: f64 = 30000;
/** Machine epsilon of float32. */
// @ts-ignore: decorator
@inline
const EPSILON: f64 = 1.1920928955078125e-7;

// The channel's steps at which float32 may be wrong: the results, and the smallest sum of each; one beyond the largest
// sum if none gives the result. A wrong step is moved to the front, where it ends the next trial early.
const RESULTS: usize = memory.data(1024);
const SUMS: usize = memory.data(1024);
let steps: i32 = 0;
// Sums that are wrong with the constants tried last, and the corrections of their results.
const FOUND: usize = memory.data(32);
let found: i32 = 0;

let multiplier: i32 = 0;
let shift: i32 = 0;
let low: i32 = 0;
let high: i32 = 0;
let offset: f32 = 0;
/** H may differ from its nominal value by this multiple of a sum's contribution to the result. */
let halfChange: f64 = 0;

/**
 * Writes F, H and the remaining corrections to a lane of a panel; `panel` is the panel's address plus 4 per lane.
 * @param m Q31, 0..2^31-1
 * @param s positive is a left shift
 * @param smallest smallest sum; `largest` is the largest
 * @param changes number of changes of F to try, up and down, in its last place
 * @returns the number of wrong sums, or -1 if there are no constants or none were found
 */
export function findConstants(
  panel: usize, m: i32, s: i32, smallest: i64, largest: i64, zero: i32, least: i32, most: i32, changes: i32,
): i32 {
  multiplier = m;
  shift = s;
  // Beyond this range, sums in int32 could overflow.
  if (s > 0 || smallest < -(1 << 30) || largest > 1 << 30) return -1;
  low = <i32>smallest;
  high = <i32>largest;
  offset = WHOLE + <f32>zero;
  const unit = powerOfTwo(-s);
  const factor = <f32>(<f64>m / (2147483648.0 * unit)),
    half = s == 0 ? <f32>0 : <f32>(0.5 / unit);
  if (<f64>max(-smallest, largest) * <f64>factor > LARGEST_RESULT) return -1;
  // First tries only the nominal constants, for which far fewer steps matter.
  for (let tried = 0; tried < 2; tried++) {
    halfChange = 0.05 * <f64>(tried * changes);
    steps = 0;
    if (m != 0) findSteps(least - zero + 1, most - zero, tried * changes);
    if (tried == 0 && isRight(factor, half, 0)) break;
  }
  let fewest = MOST_WRONG + 1;
  // Changes F by 0, -1, 1, -2, 2..., each with the nominal H and with some values from the range of suitable H.
  const halves = changes > 2 ? 8 : 2;
  for (let n = 0; n < (2 * changes + 1) * halves; n++) {
    const f = n / halves,
      h = n % halves;
    const triedFactor = <f32>(<f64>factor * (1 + EPSILON * <f64>(f & 1 ? -((f + 1) >> 1) : f >> 1)));
    const triedHalf = h == 0 ? half : suitableHalf(triedFactor, half, <f64>h / <f64>halves);
    if (!isRight(triedFactor, triedHalf, fewest - 1)) continue;
    fewest = found;
    store<f32>(panel, triedFactor, FACTOR);
    store<f32>(panel, triedHalf, HALF);
    for (let w: usize = 0; w < <usize>MOST_WRONG; w++) {
      const at = panel + (w << 6);
      store<i32>(at, load<i32>(FOUND + (w << 3)), WRONG);
      store<i32>(at, w < <usize>found ? load<i32>(FOUND + (w << 3), 4) : 0, WRONG + 32);
    }
    if (found == 0) return 0;
  }
  return fewest > MOST_WRONG ? -1 : fewest;
}

/** If some H are right at all steps, the one at `part` of their range; it is not negative. */
function suitableHalf(factor: f32, half: f32, part: f64): f32 {
  const least = max(0, <f64>half - halfChange * <f64>factor),
    most = <f64>half + halfChange * <f64>factor;
  let from = least,
    to = most;
  for (let n = 0; n < steps; n++) {
    const at = <usize>n << 2;
    const sum = load<i32>(SUMS + at);
    const middle = <f64>load<i32>(RESULTS + at) - 0.5;
    // The distance to the half between two results, from the step's sum and from the sum before: H must be at least the
    // former and less than the latter. For negative sums it is subtracted.
    const missing = middle - <f64>(<f32>sum * factor),
      before = middle - <f64>(<f32>(sum - 1) * factor);
    if (sum > 0) {
      if (sum <= high) from = max(from, missing);
      if (sum > low) to = min(to, before);
    } else if (sum < 0) {
      if (sum <= high) to = min(to, -missing);
      if (sum > low) from = max(from, -before);
    }
  }
  return <f32>min(most, max(least, from + (to - from) * part));
}

/** Finds the steps to results `first`..`last`, for that many changes of F. */
function findSteps(first: i32, last: i32, changes: i32): void {
  // No sum of the channel exceeds these; the results before them are clamped.
  const reached = max(first, min(last, rescaleOne(low, multiplier, shift)));
  const until = max(first, min(last, rescaleOne(high, multiplier, shift) + 1));
  const perSum = <f64>multiplier / (2147483648.0 * powerOfTwo(-shift));
  // The factor, the product and the next sum are rounded, each by at most half a unit of the result's last place; a sum
  // beyond 2^24 too.
  const doubt = (2 + <f64>changes) * EPSILON / perSum;
  // The last term covers the rounding of the fractions below.
  const margin = halfChange + (1 + perSum) * doubt + 1e-6;
  // Away from zero, where the margin grows.
  if (until > 0) scan(max(reached, 1), until, 1, perSum, doubt, margin);
  if (reached <= 0) scan(min(until, 0), reached, -1, perSum, doubt, margin);
}

/** Four results at a time: the fractional position of their step between two sums, in units of 2^-32. */
function scan(first: i32, last: i32, by: i32, perSum: f64, doubt: f64, margin: f64): void {
  const count = (last - first) * by;
  margin += <f64>abs(first) * doubt;
  // The sum where s perSum is a half, shifted by the effect of the first rounding and of rounding halves away from
  // zero.
  const moved = shift == 0 ? 0 : <f64>by * (1073741824.0 / <f64>multiplier);
  const place = (<f64>first - 0.5) / perSum - moved;
  const next = fraction(<f64>by / perSum);
  const all = margin + <f64>(count + 4) * doubt > 0.45;
  let at = i32x4.splat(fraction(place));
  at = i32x4.add(at, i32x4.mul(i32x4.splat(next), i32x4(0, 1, 2, 3)));
  let near = i32x4.splat(all ? 0 : <i32>((margin + 3 * doubt) * 4294967296.0));
  const wider = i32x4.splat(all ? 0 : <i32>(4 * doubt * 4294967296.0) + 1);
  const onward = i32x4.splat(next << 2);
  for (let n = 0; n <= count; n += 4) {
    let hits = all ? 15 : i32x4.bitmask(i32x4.le_u(i32x4.add(at, near), i32x4.shl(near, 1)));
    for (; hits != 0; hits &= hits - 1) {
      const m = n + ctz(hits);
      if (m <= count) addStep(first + by * m);
    }
    at = i32x4.add(at, onward);
    near = i32x4.add(near, wider);
  }
}

/** Fractional part of a number, in units of 2^-32. */
export function fraction(x: f64): i32 {
  return <i32><u32>((x - floor(x)) * 4294967295.0);
}

function addStep(result: i32): void {
  // The first rounding must give `least`: s m + 2^30 >= least 2^31.
  const half = shift == 0 ? <i64>0 : <i64>1 << (-shift - 1);
  const least = (<i64>result << -shift) - half + i64(result <= 0 && shift != 0);
  const products = (least << 31) - (1 << 30);
  let sum = products / multiplier;
  if (sum * multiplier < products) sum++;
  store<i32>(RESULTS + (<usize>steps << 2), result);
  store<i32>(SUMS + (<usize>steps << 2), <i32>max(<i64>low, min(<i64>high + 1, sum)));
  steps++;
}

/** Whether at most `most` sums are wrong. */
function isRight(factor: f32, half: f32, most: i32): bool {
  found = 0;
  for (let n = 0; n < steps; n++) {
    const at = <usize>n << 2;
    const result = load<i32>(RESULTS + at),
      sum = load<i32>(SUMS + at);
    const least = <f32>result + offset;
    if ((sum > high || rescaled(sum, factor, half) >= least) && (sum == low || rescaled(sum - 1, factor, half) < least))
      continue;
    store<i32>(RESULTS + at, load<i32>(RESULTS));
    store<i32>(SUMS + at, load<i32>(SUMS));
    store<i32>(RESULTS, result);
    store<i32>(SUMS, sum);
    for (let s = sum; s <= high && rescaled(s, factor, half) < least; s++) if (!addWrong(s, factor, half, most)) return false;
    for (let s = sum - 1; s >= low && rescaled(s, factor, half) >= least; s--)
      if (!addWrong(s, factor, half, most)) return false;
  }
  return true;
}

function addWrong(sum: i32, factor: f32, half: f32, most: i32): bool {
  for (let n = 0; n < found; n++) if (load<i32>(FOUND + (<usize>n << 3)) == sum) return true;
  if (found == most) return false;
  const at = FOUND + (<usize>found << 3);
  found++;
  store<i32>(at, sum);
  store<i32>(at, <i32>(<f32>rescaleOne(sum, multiplier, shift) + offset - rescaled(sum, factor, half)), 4);
  return true;
}

/** The rescaling of rescale.ts in float32. */
function rescaled(sum: i32, factor: f32, half: f32): f32 {
  return <f32>sum * factor + (sum < 0 ? -half : half) + offset;
}
