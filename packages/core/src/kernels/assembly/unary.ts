// Functions of one value, graph/unary.ts, and their slopes. All are 0 at 0, so that padding stays 0.
import { UnaryCodes, UnaryForward, UnaryGradient } from "./instructions.generated";
import { exp } from "./math";
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
    for (let p: usize = 0; p < size; p += 4) {
      const v = load<f32>(x + p);
      store<f32>(out + p, v < 0 ? <f32>(exp(<f64>v) - 1) : v);
    }
  } else if (code == UnaryCodes.tanh) {
    for (let p: usize = 0; p < size; p += 4) store<f32>(out + p, <f32>tanh(<f64>load<f32>(x + p)));
  } else unreachable();
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
