/** Threads for the training engine (core's ThreadPool) on node:worker_threads. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { ThreadPool } from "@phinets/core/kernels";

/** @param threads threads in all, the caller's included; default: one a core */
export function nodeThreads(threads: number = availableParallelism()): ThreadPool {
  const workers: Worker[] = [];
  return {
    threads,
    async start({ module, memory }) {
      const ready: Promise<void>[] = [];
      for (let thread = 1; thread < threads; thread++) {
        const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: { module, memory, thread } });
        workers.push(worker);
        ready.push(
          new Promise((resolve, reject) => {
            worker.once("message", () => resolve());
            worker.once("error", reject);
          }),
        );
      }
      await Promise.all(ready);
      // A forgotten engine must not keep the process alive.
      for (const worker of workers) worker.unref();
    },
    async stop() {
      await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
    },
  };
}
