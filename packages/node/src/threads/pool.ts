/** Threads of the training engine (core's ThreadPool), as node:worker_threads. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { ThreadPool } from "@phinets/core/kernels";
import { PhinetsError } from "@phinets/core/tensor";

/** @param threads total number, including the caller's; default: one per core */
export function nodeThreads(threads: number = availableParallelism()): ThreadPool {
  const workers: Worker[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  };
  return {
    threads,
    async start({ module, memory, ended }) {
      const ready: Promise<void>[] = [];
      for (let thread = 1; thread < threads; thread++) {
        const worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: { module, memory, thread } });
        workers.push(worker);
        ready.push(
          new Promise((resolve, reject) => {
            const fail = (reason: string): void =>
              reject(new PhinetsError("kernels.thread", `thread ${thread + 1} of ${threads} did not start: ${reason}`));
            worker.once("message", () => resolve());
            // This listener stays: errors of a running thread are reported by the engine, not thrown here.
            worker.on("error", (error: Error) => fail(error.message));
            worker.once("exit", (code) => {
              ended(thread);
              fail(`it ended with code ${code}`);
            });
          }),
        );
      }
      try {
        await Promise.all(ready);
      } catch (error) {
        await stop();
        throw error;
      }
      // An engine that is not disposed of must not keep the process alive.
      for (const worker of workers) worker.unref();
    },
    stop,
  };
}
