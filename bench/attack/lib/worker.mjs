/** A worker thread that runs cases: receives `{ name, seed, from, count, folder }`, returns counts and faults. */
import { parentPort, workerData } from "node:worker_threads";
import { targets } from "../targets/index.mjs";
import { mutantOf, tryParser } from "./case.mjs";
import { addOutcome, noResults } from "./results.mjs";

/** The current case, for the supervisor. */
const current = new Int32Array(workerData);
const stackLines = Error.stackTraceLimit;

parentPort.on("message", async ({ name, seed, from, count, folder, end }) => {
  if (end) process.exit(); // temporary folders are removed at exit
  const target = targets.find((each) => each.name === name);
  const results = noResults();
  for (let n = from; n < from + count; n++) {
    Atomics.store(current, 0, n);
    Atomics.add(current, 1, 1);
    addOutcome(
      results,
      n,
      await (target.attempt === undefined ? parse(target, seed, n) : target.attempt({ seed, n, folder })),
    );
  }
  parentPort.postMessage(results);
});

/**
 * Most mutants are refused, and capturing the stack is the slowest part of an error, so stacks are captured only for
 * faults.
 */
async function parse(target, seed, n) {
  Error.stackTraceLimit = 0;
  const result = await tryParser(target, mutantOf(target, seed, n));
  Error.stackTraceLimit = stackLines;
  if (result.outcome !== "fault") return result;
  const again = await tryParser(target, mutantOf(target, seed, n));
  return again.outcome === "fault" ? again : result;
}
