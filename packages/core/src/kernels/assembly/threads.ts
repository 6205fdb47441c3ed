// Threads meet in shared memory. Thread 0 is the caller; the others live in `work`. Waiting spins briefly, then sleeps:
// pure spinning collapses when there are more threads than free cores.
import { execute } from "./interpreter";

// Control words, one cache line each, in the memory's first kilobyte (nothing else is there).
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
const ARRIVED: usize = 128;
// @ts-ignore: decorator
@inline
const PHASE: usize = 192; // counts barriers

// @ts-ignore: decorator
@inline
const CLAIMS: usize = 256; // shards handed out in this run

// @ts-ignore: decorator
@inline
const SPINS: i32 = 4000;

function waitWhile(word: usize, value: i32): void {
  let spins = 0;
  while (atomic.load<i32>(word) == value) {
    if (++spins > SPINS) atomic.wait<i32>(word, value, -1);
  }
}

export function barrier(threads: i32): void {
  if (threads == 1) return;
  const phase = atomic.load<i32>(PHASE);
  if (atomic.add<i32>(ARRIVED, 1) == threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.store<i32>(PHASE, phase + 1);
    atomic.notify(PHASE, -1);
  } else {
    waitWhile(PHASE, phase);
  }
}

/** Hands out 0, 1, 2, ... within a run. */
export function claim(): i32 {
  return atomic.add<i32>(CLAIMS, 1);
}

/** Runs a program on `threads` threads, this one included; returns when all have finished. */
export function run(program: usize, threads: i32): void {
  atomic.store<i32>(CLAIMS, 0);
  if (threads > 1) {
    atomic.store<i32>(THREADS, threads);
    atomic.store<u32>(PROGRAM, <u32>program);
    atomic.add<i32>(GENERATION, 1);
    atomic.notify(GENERATION, -1);
  }
  if (program == 0) return;
  execute(program, 0, threads);
  barrier(threads);
}

/** Body of thread 1, 2, ...: runs its part of every program until program 0. */
export function work(thread: i32): void {
  let seen = 0;
  while (true) {
    waitWhile(GENERATION, seen);
    seen++;
    const program = <usize>atomic.load<u32>(PROGRAM);
    if (program == 0) return;
    const threads = atomic.load<i32>(THREADS);
    execute(program, thread, threads);
    barrier(threads);
  }
}
