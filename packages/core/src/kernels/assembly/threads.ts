// Synchronises threads through shared memory. Thread 0 is the caller; the others run `work`. Waiting spins briefly,
// then sleeps, because pure spinning collapses when there are more threads than free cores. A thread that stops (a
// trap, a dead worker) is recorded in FAILURE; threads that wait for it then trap too, so that no call waits for ever.
// The engine is unusable after that.
import { current, execute } from "./interpreter";

// Control words, one cache line each, in the memory's first 512 bytes (followed by the powers of math.ts).
// @ts-ignore: decorator
@inline
const GENERATION: usize = 64; // counts runs
// @ts-ignore: decorator
@inline
const PROGRAM: usize = 68; // program to run; 0 ends the threads
// @ts-ignore: decorator
@inline
const THREADS: usize = 72;
// @ts-ignore: decorator
@inline
const PATIENCE: usize = 76; // seconds without any progress after which a thread is considered dead
// @ts-ignore: decorator
@inline
const ARRIVED: usize = 128;
// @ts-ignore: decorator
@inline
const PHASE: usize = 192; // counts barriers
// @ts-ignore: decorator
@inline
const CLAIMS: usize = 256; // shards claimed in this run
// @ts-ignore: decorator
@inline
const FAILURE: usize = 320; // 0, or (thread + 1) << 8 | opcode of the first failure
// @ts-ignore: decorator
@inline
const FAILURES: usize = 324; // counts failures

// Instead of an opcode: the thread ended, or none made progress.
// @ts-ignore: decorator
@inline
const ENDED: i32 = 255;
// @ts-ignore: decorator
@inline
const STALLED: i32 = 254;

// @ts-ignore: decorator
@inline
const SPINS: i32 = 4000;
// @ts-ignore: decorator
@inline
const SECOND: i64 = 1000000000;

// State of the waiting loops. In globals (private to each thread) because Node 20's baseline compiler (V8 11.3) loses
// local variables around atomic.wait when a loop has several.
let seconds: i32 = 0; // seconds slept without progress
let claims: i32 = 0; // value of CLAIMS when last awake
let runs: i32 = 0; // value of GENERATION last seen by `work`

/** Sleeps until `word` changes or a second has passed. Traps when a thread has failed. */
function sleep(word: usize, value: i32): void {
  if (atomic.load<i32>(FAILURE) != 0) unreachable();
  atomic.wait<i32>(word, value, SECOND);
}

/**
 * Whether no thread has made progress for too long. Seconds are counted by wake-ups, because a suspended process is not
 * dead.
 */
function stalled(): bool {
  seconds = atomic.load<i32>(CLAIMS) == claims ? seconds + 1 : 0;
  claims = atomic.load<i32>(CLAIMS);
  return seconds > atomic.load<i32>(PATIENCE);
}

export function barrier(threads: i32): void {
  if (threads == 1) return;
  const phase = atomic.load<i32>(PHASE);
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.store<i32>(PHASE, phase + 1);
    atomic.notify(PHASE, -1);
  } else {
    let spins = 0;
    seconds = 0;
    while (atomic.load<i32>(PHASE) == phase) {
      if (++spins <= SPINS) continue;
      if (stalled()) record(0, STALLED);
      sleep(PHASE, phase);
    }
  }
}

/** Returns 0, 1, 2, ... in turn within a run. */
export function claim(): i32 {
  return atomic.add<i32>(CLAIMS, 1);
}

/** Runs a program on `threads` threads, including this one; returns when all have finished. Traps when one fails. */
export function run(program: usize, threads: i32, patience: i32): void {
  if (program != 0 && atomic.load<i32>(FAILURE) != 0) unreachable();
  atomic.store<i32>(CLAIMS, 0);
  if (threads > 1) {
    atomic.store<i32>(THREADS, threads);
    atomic.store<i32>(PATIENCE, patience);
    atomic.store<u32>(PROGRAM, <u32>program);
    atomic.add<i32>(GENERATION, 1);
    atomic.notify(GENERATION, -1);
  }
  if (program == 0) return;
  execute(program, 0, threads);
  barrier(threads);
}

/** Body of thread 1, 2, ...: runs its part of every program until program 0. Traps when a thread fails. */
export function work(thread: i32): void {
  while (true) {
    let spins = 0;
    while (atomic.load<i32>(GENERATION) == runs) {
      if (++spins > SPINS) sleep(GENERATION, runs);
    }
    runs++;
    const program = <usize>atomic.load<u32>(PROGRAM);
    if (program == 0) return;
    const threads = atomic.load<i32>(THREADS);
    execute(program, thread, threads);
    barrier(threads);
  }
}

/** Called by a thread after it trapped, so that the others stop waiting for it. */
export function trapped(thread: i32): void {
  record(thread, current);
}

/** Called by any thread that notices that another ended without reporting. */
export function ended(thread: i32): void {
  record(thread, ENDED);
}

/** The first failure as (thread + 1) << 8 | opcode, where 255 stands for `ended` and 254 for no progress; 0: none. */
export function failure(): i32 {
  return atomic.load<i32>(FAILURE);
}

function record(thread: i32, what: i32): void {
  if (atomic.add<i32>(FAILURES, 1) == 0) atomic.store<i32>(FAILURE, ((thread + 1) << 8) | what);
  atomic.notify(PHASE, -1);
  atomic.notify(GENERATION, -1);
}
