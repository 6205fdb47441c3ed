// What a convolution applies to its sums before storing them: bias, or batch norm with running statistics, then
// activation. (In training batch norm and activation are computed where a map is read: operand.ts.)
import { Activations, Finish } from "./instructions.generated";
import { activate, madd } from "./simd";

/** Instead of an activation's code: sums are stored unchanged. */
// @ts-ignore: decorator
@inline
export const UNFINISHED: i32 = -1;

/** The activation's code, or UNFINISHED. `finish`: address of the words in instructions.ts, or 0. */
export function codeOf(finish: usize, bias: usize): i32 {
  if (finish == 0) return bias ? Activations.none : UNFINISHED;
  const code = load<i32>(finish, 4 * Finish.activation);
  return code == Activations.none && bias == 0 && scaleOf(finish) == 0 ? UNFINISHED : code;
}

/** Address of the channels' factors, or 0 if they are one. */
export function scaleOf(finish: usize): usize {
  return finish ? <usize>load<u32>(finish, 4 * Finish.vectors) : 0;
}

/** Address of the channels' addends, or 0. `bytes`: size of a pixel. */
export function shiftOf(finish: usize, bias: usize, bytes: usize): usize {
  const vectors = scaleOf(finish);
  return vectors ? vectors + bytes : bias;
}

/** Four factors. */
// @ts-ignore: decorator
@inline
export function four(scale: usize, c: usize): v128 {
  return scale ? v128.load(scale + c) : f32x4.splat(1);
}

/** Four addends. */
// @ts-ignore: decorator
@inline
export function fourAddends(shift: usize, c: usize): v128 {
  return shift ? v128.load(shift + c) : f32x4.splat(0);
}

/** Finishes four sums; with a constant code the branches fold away. */
// @ts-ignore: decorator
@inline
export function finished(sum: v128, scale: v128, shift: v128, code: i32): v128 {
  return code == UNFINISHED ? sum : activate(madd(sum, scale, shift), code);
}

/** Finishes rows in place: `bytes` of each, `stride` bytes apart; c: their offset in the pixel. */
export function finishSums(target: usize, rows: i32, stride: usize, bytes: usize, c: usize, scale: usize, shift: usize, code: i32): void {
  if (code == Activations.none) finishAll(target, rows, stride, bytes, c, scale, shift, Activations.none);
  else if (code == Activations.relu6) finishAll(target, rows, stride, bytes, c, scale, shift, Activations.relu6);
  else if (code == Activations.hardswish) finishAll(target, rows, stride, bytes, c, scale, shift, Activations.hardswish);
  else if (code == Activations.relu) finishAll(target, rows, stride, bytes, c, scale, shift, Activations.relu);
  else if (code == Activations.swish) finishAll(target, rows, stride, bytes, c, scale, shift, Activations.swish);
}

// @ts-ignore: decorator
@inline
function finishAll(target: usize, rows: i32, stride: usize, bytes: usize, c: usize, scale: usize, shift: usize, code: i32): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const factor = four(scale, c + i), addend = fourAddends(shift, c + i);
    let at = target + i;
    for (let r = 0; r < rows; r++) {
      v128.store(at, finished(v128.load(at), factor, addend, code));
      at += stride;
    }
  }
}
