/**
 * Threads for the training engine (core's ThreadPool) on Web Workers. The engine blocks while it waits for its threads,
 * which a page's main thread may not do, so create it in a worker. Shared memory needs a cross-origin isolated page.
 */
import type { ThreadPool } from "@phinets/core/kernels";
import { PhinetsError } from "@phinets/core/tensor";

/** The source of a thread, as a string: it needs no file of its own, so any bundler works. */
const thread = `
onmessage = ({ data: { module, memory, thread } }) => {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  postMessage("ready");
  try {
    exports.work(thread);
  } catch (error) {
    exports.trapped(thread);
    throw error;
  }
};`;

/**
 * @param threads number of threads including the caller's; default: one per core. `start` rejects with PhinetsError
 *   `kernels.isolated` in a page that may not share memory, `kernels.mainThread` on a page's main thread,
 *   `kernels.shared` in a browser without shared memory, and `kernels.thread` when a worker does not start.
 */
export function browserThreads(threads: number = navigator.hardwareConcurrency): ThreadPool {
  const workers: Worker[] = [];
  const stop = async (): Promise<void> => {
    for (const worker of workers.splice(0)) worker.terminate();
  };
  return {
    threads,
    async start({ module, memory, ended }) {
      if (!globalThis.crossOriginIsolated) {
        throw new PhinetsError(
          "kernels.isolated",
          `${threads} threads need a cross-origin isolated page; serve it with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp", or use one thread`,
        );
      }
      if (typeof SharedArrayBuffer === "undefined") {
        throw new PhinetsError(
          "kernels.shared",
          `${threads} threads need SharedArrayBuffer, which this browser lacks or has switched off; use one thread`,
        );
      }
      if (typeof WorkerGlobalScope === "undefined") {
        throw new PhinetsError(
          "kernels.mainThread",
          "the engine waits for its threads, which a page's main thread may not do; create it in a Web Worker, or use one thread",
        );
      }
      const url = URL.createObjectURL(new Blob([thread], { type: "text/javascript" }));
      const ready: Promise<void>[] = [];
      for (let number = 1; number < threads; number++) {
        const worker = new Worker(url);
        workers.push(worker);
        ready.push(
          new Promise((resolve, reject) => {
            worker.onmessage = () => resolve();
            worker.onerror = (event) => {
              ended(number);
              const reason = event.message || "the worker could not be loaded";
              reject(new PhinetsError("kernels.thread", `thread ${number + 1} of ${threads} did not start: ${reason}`));
            };
          }),
        );
        try {
          worker.postMessage({ module, memory, thread: number });
        } catch (error) {
          await stop();
          URL.revokeObjectURL(url);
          throw new PhinetsError(
            "kernels.shared",
            `this browser gives no memory to other threads (${(error as Error).name}); use one thread`,
          );
        }
      }
      try {
        await Promise.all(ready);
      } catch (error) {
        await stop();
        throw error;
      } finally {
        URL.revokeObjectURL(url);
      }
    },
    stop,
  };
}
