// Optimisers: single passes over the arena of parameters.
import { Average, Optimise, OptimizerKinds, ReducePartials, Settings, SquaredNorm, Trust } from "./instructions.generated";
import { address, arg } from "./program";
import { madd } from "./simd";

/**
 * Number of parts whose sums of squares are computed separately: fixed, so that the norm does not depend on the
 * threads.
 */
// @ts-ignore: decorator
@inline
const PARTS: i32 = 16;

/** Start of part `part` of `parts`, in bytes and whole vectors. */
function partStart(bytes: usize, part: i32, parts: i32): usize {
  return (((bytes >> 4) * <usize>part) / <usize>parts) << 4;
}

export function reducePartials(i: usize, thread: i32, threads: i32): void {
  const stride = address(i, ReducePartials.stride), bytes = address(i, ReducePartials.bytes);
  const shards = arg(i, ReducePartials.shards);
  const end = partStart(bytes, thread + 1, threads);
  for (let p = partStart(bytes, thread, threads); p < end; p += 16) {
    let source = address(i, ReducePartials.sums) + p;
    let sum = v128.load(source);
    for (let shard = 1; shard < shards; shard++) {
      source += stride;
      sum = f32x4.add(sum, v128.load(source));
    }
    v128.store(address(i, ReducePartials.target) + p, sum);
  }
}

/** Sum of the squares of floats, in doubles. */
function squares(from: usize, to: usize): f64 {
  let a = f64x2.splat(0), b = a;
  for (let p = from; p < to; p += 16) {
    const v = v128.load(p);
    const low = f64x2.promote_low_f32x4(v);
    const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(v, v, 2, 3, 2, 3));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  a = f64x2.add(a, b);
  return f64x2.extract_lane(a, 0) + f64x2.extract_lane(a, 1);
}

export function squaredNorm(i: usize, thread: i32, threads: i32): void {
  const g = address(i, SquaredNorm.gradients), bytes = address(i, SquaredNorm.bytes), settings = address(i, SquaredNorm.settings);
  for (let part = thread; part < PARTS; part += threads) {
    const sum = squares(g + partStart(bytes, part, PARTS), g + partStart(bytes, part + 1, PARTS));
    store<f64>(settings + 8 * Settings.squares + (<usize>part << 3), sum);
  }
}

// LAMB does not yet change parameters with decay: it replaces their gradients by the update, for `trust`.
export function optimise(i: usize, thread: i32, threads: i32): void {
  const settings = address(i, Optimise.settings), bytes = address(i, Optimise.bytes);
  let squares: f64 = 0;
  for (let part: usize = 0; part < <usize>PARTS; part++) squares += load<f64>(settings + 8 * Settings.squares + (part << 3));
  const norm = sqrt<f64>(squares);
  const largest = load<f64>(settings, 8 * Settings.largestNorm);
  const factor = f32x4.splat(largest > 0 && norm > largest ? <f32>(largest / norm) : 1);
  if (thread == 0) store<f64>(settings, norm, 8 * Settings.norm);
  const from = partStart(bytes, thread, threads), to = partStart(bytes, thread + 1, threads);
  const decayed = min(max(address(i, Optimise.decayed), from), to);
  sweep(i, settings, from, decayed, factor, <f32>load<f64>(settings, 8 * Settings.weightDecay));
  sweep(i, settings, decayed, to, factor, 0);
}

function sweep(i: usize, settings: usize, from: usize, to: usize, factor: v128, weightDecay: f32): void {
  const p = address(i, Optimise.parameters), g = address(i, Optimise.gradients), m = address(i, Optimise.moment1), v = address(i, Optimise.moment2);
  const kind = <i32>load<f64>(settings, 8 * Settings.kind);
  const rate = load<f64>(settings, 8 * Settings.rate);
  const momentum = f32x4.splat(<f32>load<f64>(settings, 8 * Settings.momentum));
  const decay = f32x4.splat(weightDecay);
  if (kind == OptimizerKinds.sgd) {
    const step = f32x4.splat(<f32>rate);
    const nesterov = load<f64>(settings, 8 * Settings.nesterov) != 0;
    for (let at = from; at < to; at += 16) {
      const value = v128.load(p + at);
      const gradient = madd(decay, value, f32x4.mul(v128.load(g + at), factor));
      const moment = madd(momentum, v128.load(m + at), gradient);
      v128.store(m + at, moment);
      const direction = nesterov ? madd(momentum, moment, gradient) : moment;
      v128.store(p + at, f32x4.sub(value, f32x4.mul(step, direction)));
    }
    return;
  }
  const beta2 = load<f64>(settings, 8 * Settings.beta2);
  const square = f32x4.splat(<f32>beta2);
  const rest2 = f32x4.splat(<f32>(1 - beta2));
  const epsilon = f32x4.splat(<f32>load<f64>(settings, 8 * Settings.epsilon));
  if (kind == OptimizerKinds.rmsprop) {
    const step = f32x4.splat(<f32>rate);
    for (let at = from; at < to; at += 16) {
      const value = v128.load(p + at);
      const gradient = madd(decay, value, f32x4.mul(v128.load(g + at), factor));
      const second = madd(f32x4.mul(rest2, gradient), gradient, f32x4.mul(square, v128.load(v + at)));
      const scaled = f32x4.div(gradient, f32x4.add(f32x4.sqrt(second), epsilon));
      const moment = madd(momentum, v128.load(m + at), scaled);
      v128.store(v + at, second);
      v128.store(m + at, moment);
      v128.store(p + at, f32x4.sub(value, f32x4.mul(step, moment)));
    }
    return;
  }
  const rest1 = f32x4.splat(<f32>(1 - load<f64>(settings, 8 * Settings.momentum)));
  const correction = f32x4.splat(<f32>(1 / sqrt<f64>(load<f64>(settings, 8 * Settings.rest2))));
  if (kind == OptimizerKinds.lamb && from < address(i, Optimise.decayed)) {
    const unbias = f32x4.splat(<f32>(1 / load<f64>(settings, 8 * Settings.rest1)));
    for (let at = from; at < to; at += 16) {
      const gradient = f32x4.mul(v128.load(g + at), factor);
      const first = madd(rest1, gradient, f32x4.mul(momentum, v128.load(m + at)));
      const second = madd(f32x4.mul(rest2, gradient), gradient, f32x4.mul(square, v128.load(v + at)));
      v128.store(m + at, first);
      v128.store(v + at, second);
      const size = madd(f32x4.sqrt(second), correction, epsilon);
      v128.store(g + at, madd(decay, v128.load(p + at), f32x4.div(f32x4.mul(unbias, first), size)));
    }
    return;
  }
  const step = f32x4.splat(<f32>(rate / load<f64>(settings, 8 * Settings.rest1)));
  const keep = f32x4.splat(<f32>(1 - rate * <f64>weightDecay));
  for (let at = from; at < to; at += 16) {
    const gradient = f32x4.mul(v128.load(g + at), factor);
    const first = madd(rest1, gradient, f32x4.mul(momentum, v128.load(m + at)));
    const second = madd(f32x4.mul(rest2, gradient), gradient, f32x4.mul(square, v128.load(v + at)));
    v128.store(m + at, first);
    v128.store(v + at, second);
    const size = madd(f32x4.sqrt(second), correction, epsilon);
    v128.store(p + at, f32x4.sub(f32x4.mul(v128.load(p + at), keep), f32x4.div(f32x4.mul(step, first), size)));
  }
}

// LAMB's step: each tensor moves along its update by the rate times |parameters| / |update|. Padding is zero in both,
// so the norms are those of the tensor's own elements. One thread processes a whole tensor, so sums do not depend on
// the threads.
export function trust(i: usize, thread: i32, threads: i32): void {
  const p = address(i, Trust.parameters), u = address(i, Trust.updates), settings = address(i, Trust.settings);
  const rate = load<f64>(settings, 8 * Settings.rate), largest = load<f64>(settings, 8 * Settings.largestRatio);
  for (let tensor = thread; tensor < arg(i, Trust.tensors); tensor += threads) {
    const from = address(i, Trust.ranges + 2 * tensor);
    const to = from + address(i, Trust.ranges + 1 + 2 * tensor);
    const size = sqrt<f64>(squares(p + from, p + to)), length = sqrt<f64>(squares(u + from, u + to));
    let ratio = size > 0 && length > 0 ? size / length : 1;
    if (largest > 0 && ratio > largest) ratio = largest;
    const step = f32x4.splat(<f32>(rate * ratio));
    for (let at = from; at < to; at += 16)
      v128.store(p + at, f32x4.sub(v128.load(p + at), f32x4.mul(step, v128.load(u + at))));
  }
}

export function average(i: usize, thread: i32, threads: i32): void {
  const target = address(i, Average.target), source = address(i, Average.source), bytes = address(i, Average.bytes);
  const decay = load<f64>(address(i, Average.settings), 8 * Settings.averageDecay);
  const keep = f32x4.splat(<f32>decay), take = f32x4.splat(<f32>(1 - decay));
  const end = partStart(bytes, thread + 1, threads);
  for (let p = partStart(bytes, thread, threads); p < end; p += 16)
    v128.store(target + p, madd(keep, v128.load(target + p), f32x4.mul(take, v128.load(source + p))));
}
