/**
 * Supervised worker threads: one that hangs or runs out of memory is terminated, and its current case counts as a
 * fault.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { addResults, noResults } from "./results.mjs";

/** Limit for one case of a parser, even on a busy machine; a trial limits its own child processes. */
const mostSeconds = 60;
const mostSecondsOfTrial = 3600;
const heapMegabytes = 1024;
/** Size of the heap for short-lived objects: most of a garbage collection's work is copying what is still in use. */
const youngMegabytes = 96;

export class Threads {
  #free = [];
  #all = new Set();

  constructor(count) {
    this.count = count;
  }

  /** Runs `count` cases starting at `from`: `{ name, seed, from, count, folder, isTrial }`. */
  async run(job) {
    const results = noResults();
    let { from } = job;
    const end = job.from + job.count;
    while (from < end) {
      const thread = this.#free.pop() ?? this.#start();
      const done = await this.#watch(thread, { ...job, from, count: end - from });
      if (done.stopped === undefined) {
        this.#free.push(thread);
        addResults(results, done);
        return results;
      }
      // The batch's previous results are lost with the thread, so its cases are run again up to the one that stopped
      // it.
      const { n, problem } = done.stopped;
      if (n > from) addResults(results, await this.run({ ...job, from, count: n - from }));
      results.counts.fault++;
      results.faults.push({ n, problem });
      from = n + 1;
    }
    return results;
  }

  #start() {
    const shared = new SharedArrayBuffer(8);
    const worker = new Worker(new URL("worker.mjs", import.meta.url), {
      workerData: shared,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: youngMegabytes },
      stderr: true,
    });
    const thread = { worker, current: new Int32Array(shared) };
    this.#all.add(thread);
    return thread;
  }

  #watch(thread, job) {
    const { worker, current } = thread;
    const seconds = job.isTrial ? mostSecondsOfTrial : mostSeconds;
    return new Promise((resolve) => {
      let seen = -1;
      let since = performance.now();
      const finish = (result) => {
        clearInterval(timer);
        worker.off("message", finish).off("error", onError);
        if (result.stopped !== undefined) {
          this.#all.delete(thread);
          void worker.terminate();
        }
        resolve(result);
      };
      const stop = (problem) => finish({ stopped: { n: Atomics.load(current, 0), problem } });
      const timer = setInterval(() => {
        const count = Atomics.load(current, 1);
        if (count !== seen) [seen, since] = [count, performance.now()];
        else if (performance.now() - since > 1000 * seconds) stop(`does not end in ${seconds} s`);
      }, 500);
      const onError = (error) => {
        const full = error.code === "ERR_WORKER_OUT_OF_MEMORY";
        stop(full ? `takes more than ${heapMegabytes} MB` : `ends the thread: ${error.stack}`);
      };
      worker.on("message", finish).on("error", onError);
      worker.postMessage(job);
    });
  }

  async end() {
    const ended = [...this.#all].map(({ worker }) => once(worker, "exit"));
    for (const { worker } of this.#all) worker.postMessage({ end: true });
    await Promise.all(ended);
  }
}
