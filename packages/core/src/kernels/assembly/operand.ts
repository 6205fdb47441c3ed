// Operands: how a kernel reads a map that may not be stored. A map after batch norm, activation and mask is a function
// of the stored map before them, so it is computed row by row into scratch memory wherever it is read, forward and
// backward, and never stored.
// value = act(x * scale[c] + shift[c]) * imageScale[n, c] + imageAddend[n, c] * factor, each part only if flagged;
// with the flag zero there is no x, and the value is the addend alone; with the flag gradient (batch norm's gradient)
// value = A[c] * x + B[c] * u + C[c].
import { Activations, Operand, OperandFlags } from "./instructions.generated";
import { activate, madd } from "./simd";

/**
 * Address of the rows `row`..`row + rows` of an operand: the map itself if it is stored, else `target`, which is
 * filled. `bytes`: size of a row; `pixels`: rows per image.
 */
export function loadRows(operand: usize, arena: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): usize {
  const flags = load<i32>(operand, 4 * Operand.flags);
  const start = <usize>row * bytes;
  const x = arena + <usize>load<u32>(operand, 4 * Operand.x) + start;
  if (flags == 0) return x;
  fill(operand, flags, arena, x, row, rows, bytes, pixels, target);
  return target;
}

/** Like `loadRows`, but always into `target`. */
export function copyRows(operand: usize, arena: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): void {
  const flags = load<i32>(operand, 4 * Operand.flags);
  const x = arena + <usize>load<u32>(operand, 4 * Operand.x) + <usize>row * bytes;
  if (flags == 0) memory.copy(target, x, <usize>rows * bytes);
  else fill(operand, flags, arena, x, row, rows, bytes, pixels, target);
}

function fill(operand: usize, flags: i32, arena: usize, x: usize, row: i32, rows: i32, bytes: usize, pixels: i32, target: usize): void {
  const vectors = <usize>load<u32>(operand, 4 * Operand.vectors);
  const act = flags >> 8;
  if (flags & OperandFlags.gradient) {
    gradientRows(x, arena + <usize>load<u32>(operand, 4 * Operand.u) + <usize>row * bytes, vectors + 4 * bytes, target, rows, bytes);
    return;
  }
  if ((flags & 0xff) == OperandFlags.norm) {
    if (act == Activations.hardswish) normRows(x, vectors, target, rows, bytes, Activations.hardswish);
    else if (act == Activations.relu6) normRows(x, vectors, target, rows, bytes, Activations.relu6);
    else if (act == Activations.relu) normRows(x, vectors, target, rows, bytes, Activations.relu);
    else normRows(x, vectors, target, rows, bytes, Activations.none);
    return;
  }
  // With vectors per image: one image at a time.
  const end = row + rows;
  while (row < end) {
    const image = row / pixels;
    const stop = min((image + 1) * pixels, end);
    const n = stop - row;
    const offset = <usize>image * bytes;
    if (flags & OperandFlags.imageScale) {
      const scale = arena + <usize>load<u32>(operand, 4 * Operand.scale) + offset;
      if (flags & OperandFlags.norm) {
        if (act == Activations.hardswish) normScaleRows(x, vectors, scale, target, n, bytes, Activations.hardswish);
        else if (act == Activations.relu6) normScaleRows(x, vectors, scale, target, n, bytes, Activations.relu6);
        else if (act == Activations.relu) normScaleRows(x, vectors, scale, target, n, bytes, Activations.relu);
        else normScaleRows(x, vectors, scale, target, n, bytes, Activations.none);
      } else if (act == Activations.hardswish) scaleRows(x, scale, target, n, bytes, Activations.hardswish);
      else if (act == Activations.relu6) scaleRows(x, scale, target, n, bytes, Activations.relu6);
      else if (act == Activations.relu) scaleRows(x, scale, target, n, bytes, Activations.relu);
      else scaleRows(x, scale, target, n, bytes, Activations.none);
    } else if (flags & OperandFlags.zero) memory.fill(target, 0, <usize>n * bytes);
    else if (flags & OperandFlags.norm) {
      if (act == Activations.hardswish) normRows(x, vectors, target, n, bytes, Activations.hardswish);
      else if (act == Activations.relu6) normRows(x, vectors, target, n, bytes, Activations.relu6);
      else if (act == Activations.relu) normRows(x, vectors, target, n, bytes, Activations.relu);
      else normRows(x, vectors, target, n, bytes, Activations.none);
    } else if (act == Activations.hardswish) activateRows(x, target, n, bytes, Activations.hardswish);
    else if (act == Activations.relu6) activateRows(x, target, n, bytes, Activations.relu6);
    else if (act == Activations.relu) activateRows(x, target, n, bytes, Activations.relu);
    else activateRows(x, target, n, bytes, Activations.none);
    if (flags & OperandFlags.imageAddend)
      addImageRows(target, arena + <usize>load<u32>(operand, 4 * Operand.addend) + offset, load<f32>(operand, 4 * Operand.factor), n, bytes);
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

// @ts-ignore: decorator
@inline
function scaleRows(x: usize, scale: usize, target: usize, rows: i32, bytes: usize, act: i32): void {
  for (let r = 0; r < rows; r++) {
    for (let c: usize = 0; c < bytes; c += 16)
      v128.store(target + c, f32x4.mul(activate(v128.load(x + c), act), v128.load(scale + c)));
    x += bytes;
    target += bytes;
  }
}

// @ts-ignore: decorator
@inline
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
