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
  const packed = others.map((shard) => {
    const numbers = pack(shard);
    if (numbers === undefined) matchCoco(shard.truth, shard.detections); // says which box it is
    return numbers!;
  });
  const workers = others.map(() => new Worker(new URL("./matching-worker.js", import.meta.url), { execArgv: [] }));
  const stop = () => Promise.all(workers.map((worker) => worker.terminate()));
  const abort = () => void stop();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const pending = Promise.all(workers.map((worker, i) => matchesOf(worker, packed[i])));
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

/** A shard as numbers alone: objects take long to another thread. undefined: a bbox is none. */
function pack({ truth, detections }: { truth: CocoGroundTruth; detections: readonly CocoDetection[] }) {
  if ([...truth.annotations, ...detections].some(({ bbox }) => bbox?.length !== 4)) return undefined;
  const images = Float64Array.from(truth.images, ({ id }) => id);
  const truths = new Float64Array(8 * truth.annotations.length);
  for (const [i, { image_id, category_id, bbox, area, iscrowd }] of truth.annotations.entries()) {
    truths.set([image_id, category_id, ...bbox, area ?? Number.NaN, iscrowd ? 1 : 0], 8 * i);
  }
  const found = new Float64Array(7 * detections.length);
  for (const [i, { image_id, category_id, bbox, score }] of detections.entries()) {
    found.set([image_id, category_id, ...bbox, score], 7 * i);
  }
  return { categories: truth.categories, images, truths, found };
}

type Answer = { readonly matches: CocoMatches } | { readonly error: { code?: string; message: string; path?: string } };

function matchesOf(worker: Worker, shard: NonNullable<ReturnType<typeof pack>>): Promise<CocoMatches> {
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
    const { images, truths, found } = shard;
    worker.postMessage(shard, [images.buffer, truths.buffer, found.buffer]);
  });
}
