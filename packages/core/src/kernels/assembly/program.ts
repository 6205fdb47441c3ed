// Layout of a program in memory, shared with kernels/program.ts on the other side.
// Batched values live in one arena per shard; all arenas have the same layout, so an instruction holds offsets.

/** Words of the program header, in bytes from its start. */
// @ts-ignore: decorator
@inline
const SHARDS: usize = 0;
// @ts-ignore: decorator
@inline
const ARENA: usize = 4;
// @ts-ignore: decorator
@inline
const ARENA_STRIDE: usize = 8;
// @ts-ignore: decorator
@inline
const SCRATCH: usize = 12;
// @ts-ignore: decorator
@inline
const SCRATCH_STRIDE: usize = 16;
// @ts-ignore: decorator
@inline
const PARTIALS: usize = 20;
// @ts-ignore: decorator
@inline
const PARTIALS_STRIDE: usize = 24;
// @ts-ignore: decorator
@inline
const BATCH: usize = 28;
// @ts-ignore: decorator
@inline
const CODE: usize = 32;
// @ts-ignore: decorator
@inline
const CODE_END: usize = 36;

export function shards(program: usize): i32 {
  return load<i32>(program, SHARDS);
}
export function arena(program: usize, shard: i32): usize {
  return <usize>load<u32>(program, ARENA) + <usize>shard * <usize>load<u32>(program, ARENA_STRIDE);
}
export function scratch(program: usize, thread: i32): usize {
  return <usize>load<u32>(program, SCRATCH) + <usize>thread * <usize>load<u32>(program, SCRATCH_STRIDE);
}
/** Weight-gradient sums of one shard. */
export function partials(program: usize, shard: i32): usize {
  return <usize>load<u32>(program, PARTIALS) + <usize>shard * <usize>load<u32>(program, PARTIALS_STRIDE);
}
export function code(program: usize): usize {
  return <usize>load<u32>(program, CODE);
}
export function codeEnd(program: usize): usize {
  return <usize>load<u32>(program, CODE_END);
}
/** First image of a shard; that of shard + 1 ends it. */
export function firstImage(program: usize, shard: i32): i32 {
  return (shard * load<i32>(program, BATCH)) / shards(program);
}
export function images(program: usize, shard: i32): i32 {
  return firstImage(program, shard + 1) - firstImage(program, shard);
}
/** Word `index` of an instruction's arguments. */
// @ts-ignore: decorator
@inline
export function arg(instruction: usize, index: i32): i32 {
  return load<i32>(instruction + 8 + (<usize>index << 2));
}
// @ts-ignore: decorator
@inline
export function address(instruction: usize, index: i32): usize {
  return <usize>load<u32>(instruction + 8 + (<usize>index << 2));
}
// @ts-ignore: decorator
@inline
export function argFloat(instruction: usize, index: i32): f32 {
  return load<f32>(instruction + 8 + (<usize>index << 2));
}
/** Rows of `bytes` handled while in cache: about 16 KiB. */
export function chunkOf(bytes: usize): i32 {
  return max(1, 16384 / <i32>bytes);
}
