/** Worker threads for parsers, watched: one that hangs or runs out of memory is ended, and what it was at is a fault. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Of one case, however busy the machine is. */
const mostSeconds = 60;
const heapMegabytes = 1024;
/** For what a case leaves behind: most of a collection's work is to copy what is still in use. */
const youngMegabytes = 96;

export class Threads {
  #free = [];
  #all = new Set();

  constructor(count) {
    this.count = count;
  }

  /** Tries `count` mutants from `from` on. */
  async run(job) {
    const results = { counts: { refused: 0, accepted: 0, fault: 0 }, faults: [], odd: [] };
    let { from } = job;
    const end = job.from + job.count;
    while (from < end) {
      const thread = this.#free.pop() ?? this.#start();
      const done = await this.#watch(thread, { ...job, from, count: end - from });
      if (done.stopped === undefined) {
        this.#free.push(thread);
        for (const [outcome, count] of Object.entries(done.counts)) results.counts[outcome] += count;
        results.faults.push(...done.faults);
        results.odd.push(...done.odd);
        return results;
      }
      // What came before in this batch is lost with the thread; it is tried again up to the one that ended it.
      const { n, problem } = done.stopped;
      if (n > from) {
        const before = await this.run({ ...job, from, count: n - from });
        for (const [outcome, count] of Object.entries(before.counts)) results.counts[outcome] += count;
        results.faults.push(...before.faults);
      }
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
        else if (performance.now() - since > 1000 * mostSeconds) stop(`does not end in ${mostSeconds} s`);
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
