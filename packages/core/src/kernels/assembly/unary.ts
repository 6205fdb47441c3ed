// Functions of one value (graph/unary.ts) and their slopes. All map 0 to 0, so that padding stays 0.
import { UnaryCodes, UnaryForward, UnaryGradient } from "./instructions.generated";
import { exp, expPair } from "./math";
import { address, arena, arg, argFloat, images } from "./program";

export function unaryForward(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, UnaryForward.bytes);
  const x = base + address(i, UnaryForward.x),
    out = base + address(i, UnaryForward.out);
  const alpha = argFloat(i, UnaryForward.alpha);
  const code = arg(i, UnaryForward.code);
  const factor = f32x4.splat(alpha),
    zero = f32x4.splat(0),
    one = f32x4.splat(1);
  if (code == UnaryCodes.leakyRelu) {
    for (let p: usize = 0; p < size; p += 16) {
      const v = v128.load(x + p);
      v128.store(out + p, v128.bitselect(f32x4.mul(v, factor), v, f32x4.lt(v, zero)));
    }
  } else if (code == UnaryCodes.abs) {
    for (let p: usize = 0; p < size; p += 16) v128.store(out + p, f32x4.abs(v128.load(x + p)));
  } else if (code == UnaryCodes.reluN1To1) {
    for (let p: usize = 0; p < size; p += 16)
      v128.store(out + p, f32x4.min(one, f32x4.max(f32x4.neg(one), v128.load(x + p))));
  } else if (code == UnaryCodes.negate) {
    for (let p: usize = 0; p < size; p += 16) v128.store(out + p, f32x4.neg(v128.load(x + p)));
  } else if (code == UnaryCodes.elu) {
    for (let p: usize = 0; p < size; p += 16) {
      const v = v128.load(x + p);
      const below = f32x4.min(v, zero);
      const low = elu(f64x2.promote_low_f32x4(below)),
        high = elu(f64x2.promote_low_f32x4(v128.shuffle<f32>(below, below, 2, 3, 2, 3)));
      v128.store(out + p, v128.bitselect(v128.shuffle<f32>(low, high, 0, 1, 4, 5), v, f32x4.lt(v, zero)));
    }
  } else if (code == UnaryCodes.tanh) {
    const sign = f32x4.splat(-0.0);
    for (let p: usize = 0; p < size; p += 16) {
      const v = v128.load(x + p);
      const away = f32x4.abs(v);
      const low = tanhAbove0(f64x2.promote_low_f32x4(away)),
        high = tanhAbove0(f64x2.promote_low_f32x4(v128.shuffle<f32>(away, away, 2, 3, 2, 3)));
      v128.store(out + p, v128.or(v128.shuffle<f32>(low, high, 0, 1, 4, 5), v128.and(v, sign)));
    }
  } else unreachable();
}

/** exp(x) - 1 of two doubles, as floats. */
function elu(x: v128): v128 {
  return f32x4.demote_f64x2_zero(f64x2.sub(expPair(x), f64x2.splat(1)));
}

/** tanh of two non-negative doubles, as floats. */
function tanhAbove0(x: v128): v128 {
  const one = f64x2.splat(1);
  const e = expPair(f64x2.mul(x, f64x2.splat(-2)));
  return f32x4.demote_f64x2_zero(f64x2.div(f64x2.sub(one, e), f64x2.add(one, e)));
}

function tanh(v: f64): f64 {
  const e = exp(-2 * abs(v));
  return copysign((1 - e) / (1 + e), v);
}

export function unaryGradient(i: usize, program: usize, shard: i32): void {
  const base = arena(program, shard);
  const size = <usize>images(program, shard) * address(i, UnaryGradient.bytes);
  const x = base + address(i, UnaryGradient.x),
    dy = base + address(i, UnaryGradient.dy),
    out = base + address(i, UnaryGradient.out);
  const alpha = argFloat(i, UnaryGradient.alpha);
  const code = arg(i, UnaryGradient.code);
  for (let p: usize = 0; p < size; p += 4) {
    const v = load<f32>(x + p);
    let slope: f32 = 1;
    if (code == UnaryCodes.leakyRelu) slope = v < 0 ? alpha : 1;
    else if (code == UnaryCodes.abs) slope = v > 0 ? 1 : v < 0 ? -1 : 0;
    else if (code == UnaryCodes.reluN1To1) slope = v > -1 && v < 1 ? 1 : 0;
    else if (code == UnaryCodes.elu) slope = v < 0 ? <f32>exp(<f64>v) : 1;
    else if (code == UnaryCodes.tanh) {
      const y = tanh(<f64>v);
      slope = <f32>(1 - y * y);
    } else unreachable();
    store<f32>(out + p, load<f32>(dy + p) * slope);
  }
}
