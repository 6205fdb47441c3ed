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
