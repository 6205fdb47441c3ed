/** Runs one case of a parser: makes the mutant for a key and classifies the result. */
import { getHeapStatistics } from "node:v8";
import { hashString, Random } from "@phinets/core/tensor";
import { describe, Fault, judge } from "./faults.mjs";
import { mutateFiles } from "./mutate.mjs";

/** A file of a few kilobytes never takes longer, even on a busy machine. */
const mostSeconds = 5;
/** Maximum memory of a case, beyond what was in use before. */
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
  // Runs a slow case again: load on the machine is not a fault, and a really slow case is slow twice.
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

/** Memory of this thread. process.memoryUsage also queries the resident set, which takes longer than many cases. */
function inUse() {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}
