/** Runs one case of a parser: makes the mutant for a key and classifies the result. */
import { getHeapStatistics } from "node:v8";
import { hashString, Random } from "@phinets/core/tensor";
import { describe, Fault, judge } from "./faults.mjs";
import { mutateFiles } from "./mutate.mjs";

/** A file of some kilobytes takes no longer, on a busy machine too. */
const mostSeconds = 5;
/** And no more memory than this, beyond what was in use. */
const mostBytes = 256 * 2 ** 20;

export const drawsOf = (seed, name, n) => new Random(seed, hashString(name), n);

/** Files of mutant `n`. */
export function mutantOf(target, seed, n) {
  const draws = drawsOf(seed, target.name, n);
  const { samples } = target;
  const [sample, other] = [samples[draws.integer(samples.length)], samples[draws.integer(samples.length)]];
  return (target.mutate ?? mutateFiles)(draws, sample, other);
}

/** @returns `{ outcome: "accepted" | "refused" | "fault", problem? }` */
export async function tryParser(target, files) {
  const first = await once(target, files);
  // A busy machine is no fault: what is slow is slow twice.
  return first.slow ? once(target, files) : first;
}

async function once(target, files) {
  const before = inUse();
  const start = performance.now();
  let result;
  try {
    const value = await target.read(files);
    result = { outcome: "accepted" };
    try {
      await target.again?.(value);
    } catch (error) {
      const what = error instanceof Fault ? error.message : describe(error);
      result = { outcome: "fault", problem: `accepted, but then: ${what}` };
    }
  } catch (error) {
    result = judge(error);
  }
  if (result.outcome === "fault") return result;
  const seconds = (performance.now() - start) / 1000;
  const bytes = inUse() - before;
  if (bytes > mostBytes) return { outcome: "fault", problem: `took ${Math.round(bytes / 2 ** 20)} MiB` };
  if (seconds > mostSeconds) return { outcome: "fault", problem: `took ${seconds.toFixed(1)} s`, slow: true };
  return result;
}

/** Of this thread; process.memoryUsage would ask the system for the resident set, too, which takes longer than many a case. */
function inUse() {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
