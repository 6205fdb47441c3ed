/** COCO's evaluation on several threads: each matches its share of the pictures; the caller joins and scores. */
import { Worker } from "node:worker_threads";
import {
  type CocoDetection,
  type CocoGroundTruth,
  type CocoMatches,
  type CocoResult,
  evaluateCocoMatches,
  matchCoco,
  shardCoco,
} from "@phinets/core/evaluation";
import { PhinetsError } from "@phinets/core/tensor";

/** @param threads in all, the caller's included. The result is that of one thread, to the last bit. */
export async function evaluateCocoOnThreads(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  threads: number,
  signal?: AbortSignal,
): Promise<CocoResult> {
  const [own, ...others] = shardCoco(truth, detections, threads);
  // Without the caller's conditions, which may choose sources that plain Node does not read.
  const workers = others.map(() => new Worker(new URL("./matching-worker.js", import.meta.url), { execArgv: [] }));
  const stop = () => Promise.all(workers.map((worker) => worker.terminate()));
  const abort = () => void stop();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const pending = Promise.all(workers.map((worker, i) => matchesOf(worker, others[i])));
    // Waited for below, after this thread's own share.
    pending.catch(() => {});
    const first = matchCoco(own.truth, own.detections);
    return evaluateCocoMatches([first, ...(await pending)]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await stop();
    signal?.throwIfAborted();
  }
}

type Answer = { readonly matches: CocoMatches } | { readonly error: { code?: string; message: string; path?: string } };

function matchesOf(worker: Worker, shard: unknown): Promise<CocoMatches> {
  return new Promise((resolve, reject) => {
    worker.once("message", (answer: Answer) => {
      if ("matches" in answer) resolve(answer.matches);
      else {
        const { code, message, path } = answer.error;
        reject(
          code === undefined ? Object.assign(new Error(message), answer.error) : new PhinetsError(code, message, path),
        );
      }
    });
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a matching thread ended with code ${code}`)));
    worker.postMessage(shard);
  });
}
