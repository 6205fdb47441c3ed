// Executes a program (../instructions.ts). Instructions are [opcode, length in words, words...]; barriers divide them
// into segments. In a segment every thread first executes the instructions that are done once for all shards (from sums
// that the barrier completed). Then threads claim shards, one at a time, and execute the segment for each: a slow core
// claims fewer. Results do not depend on which thread did what, because shards share only the statistics and gradients
// that are reduced after a barrier.
import { combineMaps } from "./combine";
import { convBackward, convForward } from "./conv";
import { depthwiseBackward, depthwiseForward } from "./depthwise";
import { groupedBackward, groupedForward } from "./grouped";
import { FinishGradient, FinishMoments, Opcode, PrepareNorm, Sizes } from "./instructions.generated";
import { fakeQuantizeForward, fakeQuantizeGradient, lookupForward, lookupGradient } from "./int8";
import {
  activationGradient,
  channelDot,
  globalAveragePool,
  materialise,
  moments,
  multiplyMaps,
  normGradientRows,
  repack,
  sigmoidForward,
  sigmoidGradient,
  softmaxForward,
  softmaxGradient,
} from "./maps";
import { copyBox, resizeForward, resizeGradient } from "./moves";
import { finishGradient, finishMoments, prepareNorm } from "./norm";
import { average, optimise, reducePartials, squaredNorm, trust } from "./optimizer";
import { pointwiseBackward, pointwiseForward } from "./pointwise";
import { address, arg, argFloat, code, codeEnd, scratch as scratchOf, shards as shardsOf } from "./program";
import { barrier, claim } from "./threads";
import { unaryForward, unaryGradient } from "./unary";
import { averagePoolGradient, maxPoolGradient, poolForward } from "./windows";

/** Opcode of this thread's latest instruction, to locate a trap. (Globals are private to each thread.) */
export let current: i32 = 0;

export function execute(program: usize, thread: i32, threads: i32): void {
  const end = codeEnd(program);
  const shards = shardsOf(program);
  const scratch = scratchOf(program, thread);
  let start = code(program);
  let claimed = 0; // claims of earlier segments: one per shard, and one unsuccessful claim per thread
  while (true) {
    let stop = start;
    let work = false;
    while (stop < end && load<i32>(stop) != Opcode.barrier) {
      if (load<i32>(stop) < Sizes.firstPerShard) once(stop, program, thread, threads);
      else work = true;
      stop += length(stop);
    }
    if (work) {
      for (let shard = claim() - claimed; shard < shards; shard = claim() - claimed) {
        for (let i = start; i < stop; i += length(i)) {
          const opcode = load<i32>(i);
          if (opcode >= Sizes.firstPerShard) perShard(opcode, i, program, shard, scratch);
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

/**
 * Executes an instruction once for all shards: in every thread (with the same result in the same place), or divided
 * among threads.
 */
function once(i: usize, program: usize, thread: i32, threads: i32): void {
  current = load<i32>(i);
  switch (current) {
    case Opcode.finishMoments:
      finishMoments(address(i, FinishMoments.block), address(i, FinishMoments.bytes), program, arg(i, FinishMoments.pixels), address(i, FinishMoments.gamma), address(i, FinishMoments.beta), argFloat(i, FinishMoments.epsilon));
      break;
    case Opcode.finishGradient:
      finishGradient(address(i, FinishGradient.block), address(i, FinishGradient.bytes), program, <f64>arg(i, FinishGradient.rows), address(i, FinishGradient.gamma), address(i, FinishGradient.dgamma), address(i, FinishGradient.dbeta));
      break;
    case Opcode.prepareNorm:
      prepareNorm(address(i, PrepareNorm.block), address(i, PrepareNorm.bytes), address(i, PrepareNorm.gamma), address(i, PrepareNorm.beta), address(i, PrepareNorm.mean), address(i, PrepareNorm.variance), argFloat(i, PrepareNorm.epsilon));
      break;
    case Opcode.reducePartials:
      reducePartials(i, thread, threads);
      break;
    case Opcode.squaredNorm:
      squaredNorm(i, thread, threads);
      break;
    case Opcode.optimise:
      optimise(i, thread, threads);
      break;
    case Opcode.average:
      average(i, thread, threads);
      break;
    case Opcode.trust:
      trust(i, thread, threads);
      break;
    default:
      unreachable();
  }
}

function perShard(opcode: i32, i: usize, program: usize, shard: i32, scratch: usize): void {
  current = opcode;
  switch (opcode) {
    case Opcode.pointwiseForward:
      pointwiseForward(i, program, shard, scratch);
      break;
    case Opcode.pointwiseBackward:
      pointwiseBackward(i, program, shard, scratch);
      break;
    case Opcode.depthwiseForward:
      depthwiseForward(i, program, shard, scratch);
      break;
    case Opcode.depthwiseBackward:
      depthwiseBackward(i, program, shard, scratch);
      break;
    case Opcode.convForward:
      convForward(i, program, shard, scratch);
      break;
    case Opcode.convBackward:
      convBackward(i, program, shard, scratch);
      break;
    case Opcode.groupedForward:
      groupedForward(i, program, shard);
      break;
    case Opcode.groupedBackward:
      groupedBackward(i, program, shard);
      break;
    case Opcode.materialise:
      materialise(i, program, shard);
      break;
    case Opcode.moments:
      moments(i, program, shard);
      break;
    case Opcode.normGradientRows:
      normGradientRows(i, program, shard);
      break;
    case Opcode.activationGradient:
      activationGradient(i, program, shard, scratch);
      break;
    case Opcode.globalAveragePool:
      globalAveragePool(i, program, shard, scratch);
      break;
    case Opcode.channelDot:
      channelDot(i, program, shard, scratch);
      break;
    case Opcode.multiplyMaps:
      multiplyMaps(i, program, shard);
      break;
    case Opcode.sigmoidForward:
      sigmoidForward(i, program, shard);
      break;
    case Opcode.sigmoidGradient:
      sigmoidGradient(i, program, shard);
      break;
    case Opcode.softmaxForward:
      softmaxForward(i, program, shard);
      break;
    case Opcode.softmaxGradient:
      softmaxGradient(i, program, shard);
      break;
    case Opcode.poolForward:
      poolForward(i, program, shard);
      break;
    case Opcode.maxPoolGradient:
      maxPoolGradient(i, program, shard);
      break;
    case Opcode.averagePoolGradient:
      averagePoolGradient(i, program, shard);
      break;
    case Opcode.copyBox:
      copyBox(i, program, shard);
      break;
    case Opcode.resizeForward:
      resizeForward(i, program, shard);
      break;
    case Opcode.resizeGradient:
      resizeGradient(i, program, shard);
      break;
    case Opcode.unaryForward:
      unaryForward(i, program, shard);
      break;
    case Opcode.unaryGradient:
      unaryGradient(i, program, shard);
      break;
    case Opcode.combineMaps:
      combineMaps(i, program, shard);
      break;
    case Opcode.repack:
      repack(i, program, shard);
      break;
    case Opcode.fakeQuantizeForward:
      fakeQuantizeForward(i, program, shard, scratch);
      break;
    case Opcode.fakeQuantizeGradient:
      fakeQuantizeGradient(i, program, shard, scratch);
      break;
    case Opcode.lookupForward:
      lookupForward(i, program, shard, scratch);
      break;
    case Opcode.lookupGradient:
      lookupGradient(i, program, shard, scratch);
      break;
    default:
      unreachable();
  }
}
