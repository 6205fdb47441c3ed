// Accesses a program in memory. Batched values are in one arena per shard; all arenas have the same layout, so
// instructions hold offsets.

import { Geometry, Header } from "./instructions.generated";

export function shards(program: usize): i32 {
  return load<i32>(program, 4 * Header.shards);
}
export function arena(program: usize, shard: i32): usize {
  return <usize>load<u32>(program, 4 * Header.arena) + <usize>shard * <usize>load<u32>(program, 4 * Header.arenaStride);
}
export function scratch(program: usize, thread: i32): usize {
  return <usize>load<u32>(program, 4 * Header.scratch) + <usize>thread * <usize>load<u32>(program, 4 * Header.scratchStride);
}
/** Sums of weight gradients of one shard. */
export function partials(program: usize, shard: i32): usize {
  return <usize>load<u32>(program, 4 * Header.partials) + <usize>shard * <usize>load<u32>(program, 4 * Header.partialsStride);
}
export function code(program: usize): usize {
  return <usize>load<u32>(program, 4 * Header.code);
}
export function codeEnd(program: usize): usize {
  return <usize>load<u32>(program, 4 * Header.codeEnd);
}
/** First image of a shard; the first image of shard + 1 is its end. */
export function firstImage(program: usize, shard: i32): i32 {
  return (shard * load<i32>(program, 4 * Header.batch)) / shards(program);
}
export function images(program: usize, shard: i32): i32 {
  return firstImage(program, shard + 1) - firstImage(program, shard);
}
/** Address of word `index` of an instruction. */
// @ts-ignore: decorator
@inline
export function wordsAt(instruction: usize, index: i32): usize {
  return instruction + 8 + (<usize>index << 2);
}
// @ts-ignore: decorator
@inline
export function arg(instruction: usize, index: i32): i32 {
  return load<i32>(wordsAt(instruction, index));
}
// @ts-ignore: decorator
@inline
export function address(instruction: usize, index: i32): usize {
  return <usize>load<u32>(wordsAt(instruction, index));
}
// @ts-ignore: decorator
@inline
export function geometryAt(instruction: usize, index: i32): Geometry {
  return changetype<Geometry>(wordsAt(instruction, index));
}
// @ts-ignore: decorator
@inline
export function argFloat(instruction: usize, index: i32): f32 {
  return load<f32>(wordsAt(instruction, index));
}
/** Number of rows of `bytes` processed while in cache: about 16 KiB. */
export function chunkOf(bytes: usize): i32 {
  return max(1, 16384 / <i32>bytes);
}
