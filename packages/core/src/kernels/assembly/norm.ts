// Batch normalisation over all images of the batch, in training.
// A block holds, per layer, vectors of `bytes` (one float per channel): 0 scale, 1 shift, 2 mean, 3 1 / deviation, 4 A,
// 5 B, 6 C (gradient = A * dz + B * u + C), 7 variance; then one area per shard: sums (doubles), sums of squares or
// products (doubles), pivot (floats) = 20 bytes per channel.
// Sums are of u - pivot, where the pivot is the shard's first pixel, which avoids cancellation when the mean is large.
// A chunk is summed in float, chunks in double, and shards are merged in fixed order (Chan, Golub, LeVeque 1983).

import { Activations, Epilogue } from "./instructions.generated";
import { images, shards } from "./program";
import { addToDoubles, derivative, madd } from "./simd";

// @ts-ignore: decorator
@inline
function sums(block: usize, bytes: usize, shard: i32): usize {
  return block + 8 * bytes + <usize>shard * 5 * bytes;
}

/** Resets a shard's sums, forward or backward. */
export function startSums(block: usize, bytes: usize, shard: i32): void {
  memory.fill(sums(block, bytes, shard), 0, 4 * bytes);
}

/** Adds rows of u. `first`: whether the rows start the shard. */
export function addMoments(u: usize, rows: i32, block: usize, bytes: usize, shard: i32, first: bool): void {
  const s = sums(block, bytes, shard);
  const pivots = s + 4 * bytes;
  if (first) memory.copy(pivots, u, bytes);
  for (let c: usize = 0; c < bytes; c += 16) {
    const pivot = v128.load(pivots + c);
    let a = f32x4.splat(0), b = a;
    let p = u + c;
    for (let r = 0; r < rows; r++) {
      const d = f32x4.sub(v128.load(p), pivot);
      a = f32x4.add(a, d);
      b = madd(d, d, b);
      p += bytes;
    }
    addToDoubles(s + 2 * c, a);
    addToDoubles(s + 2 * bytes + 2 * c, b);
  }
}

/** Computes mean, variance, scale and shift from the shards' sums. `pixels`: rows per image. */
export function finishMoments(
  block: usize,
  bytes: usize,
  program: usize,
  pixels: i32,
  gamma: usize,
  beta: usize,
  epsilon: f32,
): void {
  for (let c: usize = 0; c < bytes; c += 4) {
    let n: f64 = 0, mean: f64 = 0, m2: f64 = 0;
    for (let shard = 0; shard < shards(program); shard++) {
      const s = sums(block, bytes, shard);
      const count = <f64>(images(program, shard) * pixels);
      const sum = load<f64>(s + 2 * c);
      const squares = load<f64>(s + 2 * bytes + 2 * c);
      const shardMean = <f64>load<f32>(s + 4 * bytes + c) + sum / count;
      const delta = shardMean - mean;
      const total = n + count;
      m2 += squares - (sum * sum) / count + (delta * delta * n * count) / total;
      mean += (delta * count) / total;
      n = total;
    }
    const variance = max<f64>(m2 / n, 0);
    const inverse = 1 / sqrt<f64>(variance + <f64>epsilon);
    const g = <f64>load<f32>(gamma + c);
    const v = block + c;
    store<f32>(v, <f32>(g * inverse));
    store<f32>(v + bytes, <f32>(<f64>load<f32>(beta + c) - mean * g * inverse));
    store<f32>(v + 2 * bytes, <f32>mean);
    store<f32>(v + 3 * bytes, <f32>inverse);
    store<f32>(v + 7 * bytes, <f32>variance);
  }
}

/** Computes scale and shift from running statistics; the gradient is A * dz, with B and C zero. */
export function prepareNorm(block: usize, bytes: usize, gamma: usize, beta: usize, mean: usize, variance: usize, epsilon: f32): void {
  for (let c: usize = 0; c < bytes; c += 4) {
    const scale = <f64>load<f32>(gamma + c) / sqrt<f64>(<f64>load<f32>(variance + c) + <f64>epsilon);
    store<f32>(block + c, <f32>scale);
    store<f32>(block + 4 * bytes + c, <f32>scale);
    store<f32>(block + bytes + c, <f32>(<f64>load<f32>(beta + c) - <f64>load<f32>(mean + c) * scale));
  }
}

/**
 * dz = dy * act'(z) with z = u * scale + shift, written to `target` (may be dy), and the sums of dz and dz * (u - mean).
 */
export function activationGradientRows(dy: usize, u: usize, target: usize, rows: i32, block: usize, bytes: usize, shard: i32, act: i32): void {
  if (act == Activations.hardswish) gradientSums(dy, u, target, rows, block, bytes, shard, Activations.hardswish);
  else if (act == Activations.relu6) gradientSums(dy, u, target, rows, block, bytes, shard, Activations.relu6);
  else if (act == Activations.relu) gradientSums(dy, u, target, rows, block, bytes, shard, Activations.relu);
  else gradientSums(dy, u, target, rows, block, bytes, shard, Activations.none);
}

// @ts-ignore: decorator
@inline
function gradientSums(dy: usize, u: usize, target: usize, rows: i32, block: usize, bytes: usize, shard: i32, act: i32): void {
  const s = sums(block, bytes, shard);
  for (let c: usize = 0; c < bytes; c += 16) {
    const scale = v128.load(block + c), shift = v128.load(block + bytes + c), mean = v128.load(block + 2 * bytes + c);
    let a = f32x4.splat(0), b = a;
    let offset = c;
    for (let r = 0; r < rows; r++) {
      const x = v128.load(u + offset);
      let d = v128.load(dy + offset);
      if (act != Activations.none) d = f32x4.mul(d, derivative(madd(x, scale, shift), act));
      v128.store(target + offset, d);
      a = f32x4.add(a, d);
      b = madd(d, f32x4.sub(x, mean), b);
      offset += bytes;
    }
    addToDoubles(s + 2 * c, a);
    addToDoubles(s + 2 * bytes + 2 * c, b);
  }
}

/**
 * Computes dgamma, dbeta and the vectors A, B, C of the gradient with respect to u. `count`: rows of the whole batch.
 */
export function finishGradient(block: usize, bytes: usize, program: usize, count: f64, gamma: usize, dgamma: usize, dbeta: usize): void {
  for (let c: usize = 0; c < bytes; c += 4) {
    let sum: f64 = 0, product: f64 = 0;
    for (let shard = 0; shard < shards(program); shard++) {
      const s = sums(block, bytes, shard);
      sum += load<f64>(s + 2 * c);
      product += load<f64>(s + 2 * bytes + 2 * c);
    }
    const v = block + c;
    const mean = <f64>load<f32>(v + 2 * bytes), inverse = <f64>load<f32>(v + 3 * bytes);
    const dg = inverse * product;
    store<f32>(dgamma + c, <f32>dg);
    store<f32>(dbeta + c, <f32>sum);
    const a = <f64>load<f32>(gamma + c) * inverse;
    const b = (-a * inverse * dg) / count;
    store<f32>(v + 4 * bytes, <f32>a);
    store<f32>(v + 5 * bytes, <f32>b);
    store<f32>(v + 6 * bytes, <f32>((-a * sum) / count - b * mean));
  }
}

// Epilogue of a kernel that computes the cotangent of an activation(batch norm(u)):
// dy += addend; dy *= imageScale; dz = dy * act'(u * scale + shift), summed.

/** Applies an epilogue to rows of a map that starts at `target`, image by image. */
export function finishRows(epilogue: usize, arena: usize, target: usize, row: i32, rows: i32, bytes: usize, pixels: i32, shard: i32): void {
  const addend = load<i32>(epilogue, 4 * Epilogue.addend);
  if (addend != -1) addRows(target, arena + <usize>(<u32>addend) + <usize>row * bytes, <usize>rows * bytes);
  if (load<i32>(epilogue, 4 * Epilogue.kind) == 0) return;
  const scale = load<i32>(epilogue, 4 * Epilogue.scale);
  if (scale != -1) {
    const scales = arena + <usize>(<u32>scale);
    for (let r = 0; r < rows; ) {
      const image = (row + r) / pixels;
      const stop = min((image + 1) * pixels - row, rows);
      multiplyImageRows(target + <usize>r * bytes, scales + <usize>image * bytes, stop - r, bytes);
      r = stop;
    }
  }
  const u = arena + <usize>load<u32>(epilogue, 4 * Epilogue.u) + <usize>row * bytes;
  activationGradientRows(target, u, target, rows, <usize>load<u32>(epilogue, 4 * Epilogue.block), bytes, shard, load<i32>(epilogue, 4 * Epilogue.activation));
}

export function startEpilogue(epilogue: usize, bytes: usize, shard: i32): void {
  if (load<i32>(epilogue, 4 * Epilogue.kind) != 0) startSums(<usize>load<u32>(epilogue, 4 * Epilogue.block), bytes, shard);
}

export function addRows(target: usize, addend: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) v128.store(target + i, f32x4.add(v128.load(target + i), v128.load(addend + i)));
}

function multiplyImageRows(target: usize, scale: usize, rows: i32, bytes: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(target + c, f32x4.mul(v128.load(target + c), v128.load(scale + c)));
    target += bytes;
  }
}

/** Activation gradient without a preceding batch norm: z is an operand read into scratch; target = dy * act'(z). */
export function plainActivationGradient(dy: usize, z: usize, target: usize, bytes: usize, act: i32): void {
  for (let i: usize = 0; i < bytes; i += 16)
    v128.store(target + i, f32x4.mul(v128.load(dy + i), derivative(v128.load(z + i), act)));
}
