/** A thread that tries mutants of parsers: `{ name, seed, from, count }` in, counts and faults out. */
import { parentPort, workerData } from "node:worker_threads";
import { parsers } from "../targets/index.mjs";
import { mutantOf, tryParser } from "./case.mjs";

/** The case that is under way, for whoever watches. */
const current = new Int32Array(workerData);
const mostFaults = 20;

parentPort.on("message", async ({ name, seed, from, count, end }) => {
  if (end) process.exit(); // whoever made folders removes them now
  const target = parsers.find((each) => each.name === name);
  const counts = { refused: 0, accepted: 0, fault: 0 };
  const faults = [];
  const odd = [];
  for (let n = from; n < from + count; n++) {
    Atomics.store(current, 0, n);
    Atomics.add(current, 1, 1);
    const { outcome, problem, odd: message } = await tryParser(target, mutantOf(target, seed, n));
    counts[outcome]++;
    if (outcome === "fault" && faults.length < mostFaults) faults.push({ n, problem });
    if (message !== undefined && odd.length < 3) odd.push({ n, message });
  }
  parentPort.postMessage({ counts, faults, odd });
});
