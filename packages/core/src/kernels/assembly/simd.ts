// Vector helpers shared by the kernels. A "row" is one pixel: its channels are padded with zeros to a multiple of 4, so
// a row has `bytes` = 4 * stride bytes and every loop over a row runs in whole vectors.

import { Activations } from "./instructions.generated";
import { sigmoid4 } from "./math";

// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  // The fast module: rounded once on machines with fused multiply-add, twice on others.
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Adds four floats to those at an address. */
// @ts-ignore: decorator
@inline
export function addTo(target: usize, v: v128): void {
  v128.store(target, f32x4.add(v128.load(target), v));
}

/** Activation by code; with a constant code the branches fold away. pmin and pmax compile to one instruction. */
// @ts-ignore: decorator
@inline
export function activate(z: v128, act: i32): v128 {
  if (act == Activations.relu) return f32x4.pmax(z, f32x4.splat(0));
  if (act == Activations.relu6) return f32x4.pmin(f32x4.pmax(z, f32x4.splat(0)), f32x4.splat(6));
  if (act == Activations.hardswish) {
    const gate = f32x4.pmin(f32x4.pmax(madd(z, f32x4.splat(1.0 / 6.0), f32x4.splat(0.5)), f32x4.splat(0)), f32x4.splat(1));
    return f32x4.mul(z, gate);
  }
  if (act == Activations.swish) return f32x4.mul(z, sigmoid4(z));
  return z;
}

/** Derivative of `activate`. hardswish: gate + z / 6 where |z| < 3; relu: 1 where 0 < z; relu6: 1 where 0 < z < 6. */
// @ts-ignore: decorator
@inline
export function derivative(z: v128, act: i32): v128 {
  if (act == Activations.relu) return v128.and(f32x4.gt(z, f32x4.splat(0)), f32x4.splat(1));
  if (act == Activations.relu6)
    return v128.and(v128.and(f32x4.gt(z, f32x4.splat(0)), f32x4.lt(z, f32x4.splat(6))), f32x4.splat(1));
  if (act == Activations.hardswish) {
    const sixth = f32x4.mul(z, f32x4.splat(1.0 / 6.0));
    const gate = f32x4.pmin(f32x4.pmax(f32x4.add(sixth, f32x4.splat(0.5)), f32x4.splat(0)), f32x4.splat(1));
    return f32x4.add(gate, v128.and(f32x4.lt(f32x4.abs(z), f32x4.splat(3)), sixth));
  }
  return f32x4.splat(1);
}

/** Adds four floats to four doubles. */
// @ts-ignore: decorator
@inline
export function addToDoubles(target: usize, v: v128): void {
  v128.store(target, f64x2.add(v128.load(target), f64x2.promote_low_f32x4(v)));
  v128.store(
    target,
    f64x2.add(v128.load(target, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3))),
    16,
  );
}
