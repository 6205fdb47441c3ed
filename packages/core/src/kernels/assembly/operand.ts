// Operands: how a kernel reads a map that may not exist. A map after batch norm, activation and mask is a function of the
// stored map before them, so it is computed row by row into scratch memory where it is read, forward and backward, and
// never stored. Eight words:
//   0 flags (bits below, activation code from bit 8), 1 x, 2 u (offsets in the shard's arena), 3 vectors (address),
//   4 scale per image and channel, 5 addend per image and channel (offsets), 6 factor of the addend (float32)
// value = act(x * scale[c] + shift[c]) * imageScale[n, c] + imageAddend[n, c] * factor, each part where flagged, or
// value = A[c] * x + B[c] * u + C[c] (the batch norm's gradient).
import { activate, HARDSWISH, madd, NONE, RELU6 } from "./simd";

// @ts-ignore: decorator
@inline
export const BATCH_NORM: i32 = 1;
// @ts-ignore: decorator
@inline
export const IMAGE_SCALE: i32 = 2;
// @ts-ignore: decorator
@inline
export const IMAGE_ADDEND: i32 = 4;
/** No x: the value is the addend alone. */
// @ts-ignore: decorator
@inline
export const ZERO: i32 = 8;
// @ts-ignore: decorator
@inline
export const GRADIENT: i32 = 16;

/**
 * Rows `row`..`row + rows` of an operand, as an address: the map itself where it is stored, else `target`, filled.
 * `bytes` a row, `pixels` rows an image.
 */
export function loadRows(operand: usize, arena: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): usize {
  const flags = load<i32>(operand);
  const start = <usize>row * bytes;
  const x = arena + <usize>load<u32>(operand, 4) + start;
  if (flags == 0) return x;
  fill(operand, flags, arena, x, row, rows, bytes, pixels, target);
  return target;
}

/** As `loadRows`, always into `target`. */
export function copyRows(operand: usize, arena: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): void {
  const flags = load<i32>(operand);
  const x = arena + <usize>load<u32>(operand, 4) + <usize>row * bytes;
  if (flags == 0) memory.copy(target, x, <usize>rows * bytes);
  else fill(operand, flags, arena, x, row, rows, bytes, pixels, target);
}

function fill(operand: usize, flags: i32, arena: usize, x: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): void {
  const vectors = <usize>load<u32>(operand, 12);
  const act = flags >> 8;
  if (flags & GRADIENT) {
    gradientRows(x, arena + <usize>load<u32>(operand, 8) + <usize>row * bytes, vectors + 4 * bytes, target, rows, bytes);
    return;
  }
  if ((flags & 0xff) == BATCH_NORM) {
    if (act == HARDSWISH) normRows(x, vectors, target, rows, bytes, HARDSWISH);
    else if (act == RELU6) normRows(x, vectors, target, rows, bytes, RELU6);
    else normRows(x, vectors, target, rows, bytes, NONE);
    return;
  }
  // With per-image vectors: image by image.
  const end = row + rows;
  while (row < end) {
    const image = row / pixels;
    const stop = min((image + 1) * pixels, end);
    const n = stop - row;
    const offset = <usize>image * bytes;
    if (flags & IMAGE_SCALE) {
      const scale = arena + <usize>load<u32>(operand, 16) + offset;
      if (flags & BATCH_NORM) {
        if (act == HARDSWISH) normScaleRows(x, vectors, scale, target, n, bytes, HARDSWISH);
        else if (act == RELU6) normScaleRows(x, vectors, scale, target, n, bytes, RELU6);
        else normScaleRows(x, vectors, scale, target, n, bytes, NONE);
      } else scaleRows(x, scale, target, n, bytes, act);
    } else if (flags & ZERO) memory.fill(target, 0, <usize>n * bytes);
    else if (flags & BATCH_NORM) {
      if (act == HARDSWISH) normRows(x, vectors, target, n, bytes, HARDSWISH);
      else if (act == RELU6) normRows(x, vectors, target, n, bytes, RELU6);
      else normRows(x, vectors, target, n, bytes, NONE);
    } else activateRows(x, target, n, bytes, act);
    if (flags & IMAGE_ADDEND)
      addImageRows(target, arena + <usize>load<u32>(operand, 20) + offset, load<f32>(operand, 24), n, bytes);
    x += <usize>n * bytes;
    target += <usize>n * bytes;
    row = stop;
  }
}

// @ts-ignore: decorator
@inline
function normRows(x: usize, vectors: usize, target: usize, rows: i32, bytes: usize, act: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const z = madd(v128.load(x + c), v128.load(vectors + c), v128.load(vectors + bytes + c));
      v128.store(target + c, activate(z, act));
    }
    x += bytes;
    target += bytes;
  }
}

// @ts-ignore: decorator
@inline
function normScaleRows(x: usize, vectors: usize, scale: usize, target: usize, rows: i32, bytes: usize, act: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const z = madd(v128.load(x + c), v128.load(vectors + c), v128.load(vectors + bytes + c));
      v128.store(target + c, f32x4.mul(activate(z, act), v128.load(scale + c)));
    }
    x += bytes;
    target += bytes;
  }
}

function scaleRows(x: usize, scale: usize, target: usize, rows: i32, bytes: usize, act: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16)
      v128.store(target + c, f32x4.mul(activate(v128.load(x + c), act), v128.load(scale + c)));
    x += bytes;
    target += bytes;
  }
}

function activateRows(x: usize, target: usize, rows: i32, bytes: usize, act: i32): void {
  const end = x + <usize>rows * bytes;
  for (; x < end; x += 16) {
    v128.store(target, activate(v128.load(x), act));
    target += 16;
  }
}

function gradientRows(x: usize, u: usize, vectors: usize, target: usize, rows: i32, bytes: usize): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const v = vectors + c;
      const affine = madd(v128.load(u + c), v128.load(v + bytes), v128.load(v + 2 * bytes));
      v128.store(target + c, madd(v128.load(x + c), v128.load(v), affine));
    }
    x += bytes;
    u += bytes;
    target += bytes;
  }
}

function addImageRows(target: usize, addend: usize, factor: f32, rows: i32, bytes: usize): void {
  const f = f32x4.splat(factor);
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16) v128.store(target + c, madd(v128.load(addend + c), f, v128.load(target + c)));
    target += bytes;
  }
}
