// A program is a list of instructions [opcode, length in words, words...]; kernels read their words by number. The words
// of each instruction are listed beside its kernel; inference/engine/instructions.ts writes them.
// @ts-ignore: decorator
@inline
export function word(i: usize, index: i32): i32 {
  return load<i32>(i + 8 + (<usize>index << 2));
}
// @ts-ignore: decorator
@inline
export function address(i: usize, index: i32): usize {
  return <usize>load<u32>(i + 8 + (<usize>index << 2));
}
// @ts-ignore: decorator
@inline
export function float(i: usize, index: i32): f32 {
  return load<f32>(i + 8 + (<usize>index << 2));
}
// Vectors of one word are loaded from memory: V8 would recompute a splat in each iteration of a loop.
// @ts-ignore: decorator
@inline
export function everyLane(i: usize, index: i32): v128 {
  return v128.load32_splat(i + 8 + (<usize>index << 2));
}
// @ts-ignore: decorator
@inline
export function everyByte(i: usize, index: i32): v128 {
  return v128.load8_splat(i + 8 + (<usize>index << 2));
}
