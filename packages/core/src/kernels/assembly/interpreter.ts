// Walks a program. Instructions are [opcode, length in words, words...]; barriers cut them into segments. In a segment
// every thread first does what is done once for all shards (from sums that the barrier completed), then threads claim
// shards, one at a time, and take each through the segment: a slow core claims fewer, and no result depends on who did
// what, because shards share nothing but the statistics and gradients that are reduced after a barrier.
import { convBackward, convForward } from "./conv";
import { depthwiseBackward, depthwiseForward } from "./depthwise";
import { groupedBackward, groupedForward } from "./grouped";
import { fakeQuantizeForward, fakeQuantizeGradient, lookupForward, lookupGradient } from "./int8";
import {
  activationGradient,
  channelDot,
  globalAveragePool,
  materialise,
  maxPoolForward,
  maxPoolGradient,
  moments,
  multiplyMaps,
  normGradientRows,
  padMaps,
  repack,
  sigmoidForward,
  sigmoidGradient,
  softmaxForward,
  softmaxGradient,
} from "./maps";
import { finishGradient, finishMoments, prepareNorm } from "./norm";
import { average, optimise, reducePartials, squaredNorm, trust } from "./optimizer";
import { pointwiseBackward, pointwiseForward } from "./pointwise";
import { address, arg, argFloat, code, codeEnd, scratch as scratchOf, shards as shardsOf } from "./program";
import { barrier, claim } from "./threads";

// Opcodes below it are not per shard.
// @ts-ignore: decorator
@inline
const FIRST_PER_SHARD: i32 = 16;

/** Opcode of this thread's latest instruction: where it is, should it trap. (Globals are not shared.) */
export let current: i32 = 0;

export function execute(program: usize, thread: i32, threads: i32): void {
  const end = codeEnd(program);
  const shards = shardsOf(program);
  const scratch = scratchOf(program, thread);
  let start = code(program);
  let claimed = 0; // claims of earlier segments: each shard once, and one in vain by each thread
  while (true) {
    let stop = start;
    let work = false;
    while (stop < end && load<i32>(stop) != 0) {
      if (load<i32>(stop) < FIRST_PER_SHARD) once(stop, program, thread, threads);
      else work = true;
      stop += length(stop);
    }
    if (work) {
      for (let shard = claim() - claimed; shard < shards; shard = claim() - claimed) {
        for (let i = start; i < stop; i += length(i)) {
          const opcode = load<i32>(i);
          if (opcode >= FIRST_PER_SHARD) perShard(opcode, i, program, shard, scratch);
        }
      }
      claimed += shards + threads;
    }
    if (stop >= end) return;
    barrier(threads);
    start = stop + length(stop);
  }
}

function length(i: usize): usize {
  return <usize>load<i32>(i, 4) << 2;
}

/** Once for all shards: by every thread (the same result in the same place), or split among threads. */
function once(i: usize, program: usize, thread: i32, threads: i32): void {
  current = load<i32>(i);
  switch (current) {
    case 1: // block, bytes, pixels, gamma, beta, epsilon
      finishMoments(address(i, 0), address(i, 1), program, arg(i, 2), address(i, 3), address(i, 4), argFloat(i, 5));
      break;
    case 2: // block, bytes, gamma, dgamma, dbeta, rows of the batch
      finishGradient(address(i, 0), address(i, 1), program, <f64>arg(i, 5), address(i, 2), address(i, 3), address(i, 4));
      break;
    case 3: // block, bytes, gamma, beta, mean, variance, epsilon
      prepareNorm(address(i, 0), address(i, 1), address(i, 2), address(i, 3), address(i, 4), address(i, 5), argFloat(i, 6));
      break;
    case 4:
      reducePartials(i, thread, threads);
      break;
    case 5:
      squaredNorm(i, thread, threads);
      break;
    case 6:
      optimise(i, thread, threads);
      break;
    case 7:
      average(i, thread, threads);
      break;
    case 8:
      trust(i, thread, threads);
      break;
    default:
      unreachable();
  }
}

function perShard(opcode: i32, i: usize, program: usize, shard: i32, scratch: usize): void {
  current = opcode;
  switch (opcode) {
    case 16:
      pointwiseForward(i, program, shard, scratch);
      break;
    case 17:
      pointwiseBackward(i, program, shard, scratch);
      break;
    case 18:
      depthwiseForward(i, program, shard, scratch);
      break;
    case 19:
      depthwiseBackward(i, program, shard, scratch);
      break;
    case 20:
      convForward(i, program, shard, scratch);
      break;
    case 21:
      convBackward(i, program, shard, scratch);
      break;
    case 22:
      groupedForward(i, program, shard);
      break;
    case 23:
      groupedBackward(i, program, shard);
      break;
    case 24:
      materialise(i, program, shard);
      break;
    case 25:
      moments(i, program, shard);
      break;
    case 26:
      normGradientRows(i, program, shard);
      break;
    case 27:
      activationGradient(i, program, shard, scratch);
      break;
    case 28:
      globalAveragePool(i, program, shard, scratch);
      break;
    case 29:
      channelDot(i, program, shard, scratch);
      break;
    case 30:
      multiplyMaps(i, program, shard);
      break;
    case 31:
      sigmoidForward(i, program, shard);
      break;
    case 32:
      sigmoidGradient(i, program, shard);
      break;
    case 33:
      softmaxForward(i, program, shard);
      break;
    case 34:
      softmaxGradient(i, program, shard);
      break;
    case 35:
      maxPoolForward(i, program, shard);
      break;
    case 36:
      maxPoolGradient(i, program, shard);
      break;
    case 37:
      padMaps(i, program, shard);
      break;
    case 38:
      repack(i, program, shard);
      break;
    case 39:
      fakeQuantizeForward(i, program, shard, scratch);
      break;
    case 40:
      fakeQuantizeGradient(i, program, shard, scratch);
      break;
    case 41:
      lookupForward(i, program, shard, scratch);
      break;
    case 42:
      lookupGradient(i, program, shard, scratch);
      break;
    default:
      unreachable();
  }
}
