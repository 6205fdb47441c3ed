/**
 * COCO's evaluation on several threads. Truths and detections lie in shared memory. The work is split by category, and
 * a category that is too large for one thread by picture. Every thread, including the caller's, takes a share.
 */
import { Worker } from "node:worker_threads";
import {
  accumulateMatches,
  type CategoryAccumulation,
  type CategoryMatches,
  type CocoColumns,
  type CocoDetection,
  type CocoGroundTruth,
  type CocoParameters,
  type CocoResult,
  cocoColumns,
  joinMatches,
  matchColumns,
  summarizeCoco,
} from "@phinets/core/evaluation";

/** A category, or its pictures from rank `from` up to `to`. */
interface Job {
  readonly category: number;
  readonly from: number;
  readonly to: number;
  /** Whether it has all pictures: its curves are then computed by the same thread. */
  readonly whole: boolean;
  readonly weight: number;
}

type Outcome = CategoryAccumulation | CategoryMatches;

/** @param threads total number, including the caller's. The result is bit-identical to that of one thread. */
export async function evaluateCocoOnThreads(
  truth: CocoGroundTruth,
  detections: readonly CocoDetection[],
  threads: number,
  signal?: AbortSignal,
  options?: Partial<CocoParameters>,
): Promise<CocoResult> {
  signal?.throwIfAborted();
  // Without the caller's Node options: its `--conditions` may select sources that plain Node cannot run. The threads
  // start first, because they load the library while the columns are made.
  const start = () => new Worker(new URL("./matching-worker.js", import.meta.url), { execArgv: [] });
  const workers = Array.from({ length: threads - 1 }, start);
  const stop = () => Promise.all(workers.map((worker) => worker.terminate()));
  const abort = () => void stop();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const columns = cocoColumns(truth, detections, options, (bytes) => new SharedArrayBuffer(bytes));
    const [own, ...shares] = sharesOf(columns, threads);
    const pending = Promise.all(workers.map((worker, i) => outcomesOf(worker, columns, shares[i])));
    // Awaited below, after this thread's own share.
    pending.catch(() => {});
    const first = own.map((job) => ({ job, outcome: outcomeOf(columns, job) }));
    return summarize(columns, [...first, ...(await pending).flat()]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await stop();
    signal?.throwIfAborted();
  }
}

/** Distributes jobs of similar weight: heaviest first, each to the thread with the least work. */
function sharesOf({ categories, pictures, truths, detections }: CocoColumns, threads: number): Job[][] {
  const weightOf = (category: number) =>
    [truths, detections].reduce((sum, { starts }) => sum + starts[category + 1] - starts[category], 1);
  const all = categories.map((_, category) => weightOf(category));
  const most = all.reduce((sum, weight) => sum + weight, 0) / (2 * threads);
  const jobs = all.flatMap((weight, category): Job[] => {
    const parts = threads === 1 ? 1 : Math.max(1, Math.min(pictures.length, Math.ceil(weight / most)));
    const at = (part: number) => Math.floor((part * pictures.length) / parts);
    return Array.from({ length: parts }, (_, part) => ({
      category,
      from: at(part),
      to: at(part + 1),
      whole: parts === 1,
      weight: weight / parts,
    }));
  });
  const shares = Array.from({ length: threads }, () => ({ jobs: [] as Job[], weight: 0 }));
  for (const job of jobs.sort((a, b) => b.weight - a.weight)) {
    const lightest = shares.reduce((least, share) => (share.weight < least.weight ? share : least));
    lightest.jobs.push(job);
    lightest.weight += job.weight;
  }
  return shares.map((share) => share.jobs);
}

/** Mirrors matching-worker.js. */
function outcomeOf(columns: CocoColumns, { category, from, to, whole }: Job): Outcome {
  const matches = matchColumns(columns, category, from, to);
  return whole ? accumulateMatches(matches) : matches;
}

function summarize(columns: CocoColumns, done: readonly { job: Job; outcome: Outcome }[]): CocoResult {
  const inOrder = [...done].sort((a, b) => a.job.category - b.job.category || a.job.from - b.job.from);
  return summarizeCoco(
    columns.categories.map((category, c) => {
      const own = inOrder.filter(({ job }) => job.category === c);
      const accumulation = own[0].job.whole
        ? (own[0].outcome as CategoryAccumulation)
        : accumulateMatches(joinMatches(own.map(({ outcome }) => outcome as CategoryMatches)));
      return { ...category, accumulation };
    }),
  );
}

function outcomesOf(worker: Worker, columns: CocoColumns, jobs: readonly Job[]) {
  return new Promise<{ job: Job; outcome: Outcome }[]>((resolve, reject) => {
    worker.once("message", (outcomes: Outcome[]) => resolve(outcomes.map((outcome, i) => ({ job: jobs[i], outcome }))));
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`a matching thread ended with code ${code}`)));
    worker.postMessage({ columns, jobs });
  });
}
