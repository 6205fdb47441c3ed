/**
 * A worker: takes jobs from the queue of its own version, does them in this machine's slots, and puts the results into
 * the sweep's store. It validates every job (job.ts), and its failures cost the sweep only time: a job returns to the
 * queue when its lock is lost or its worker fails or is killed.
 */
import { mkdirSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { PhinetsError, showValue } from "@phinets/core/tensor";
import { describeWriteError } from "@phinets/node/host";
import { withRunLock } from "@phinets/node/run";
import type { StepContext } from "@phinets/node/steps";
import { LocalTrainer } from "@phinets/node/sweep";
import { DelayedError, type Job, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { DataCache } from "./data-cache.js";
import { parseJob } from "./job.js";
import { findStore } from "./location.js";
import { isQueueName, keptSeconds, keyPrefix, ownQueue, queuesKey, waitingKey } from "./names.js";
import { Records } from "./records.js";
import { connectRedis, redisAddress } from "./redis.js";
import { doShard, shardsFolder } from "./shards/do-shard.js";
import { isShard, parseShard, shardTitle } from "./shards/job.js";
import { ShardProcesses } from "./shards/process.js";
import { ShardRecords } from "./shards/records.js";
import { doStep, trialsFolder } from "./step.js";
import { type OpenedStore, readStore } from "./store/open.js";
import { tellingAway } from "./store/retry.js";
import type { Store } from "./store/store.js";

export interface WorkerRequest {
  /** Address of the Redis. */
  readonly queue: string;
  /** Number of jobs at a time. */
  readonly slots: number;
  /** Threads of all slots together. */
  readonly threads: number;
  /** Folder for fetched files and trainings, locked for this process. */
  readonly work: string;
  /** The store where it is shared: a folder that this machine also mounts, or `s3://BUCKET/PREFIX`. */
  readonly store?: string;
  /** End when no job waits. Default: wait for more jobs until the signal. */
  readonly once?: boolean;
}

export interface WorkerResult {
  /** Jobs that were done here. */
  readonly done: number;
  /** Jobs that were refused because of their content. */
  readonly refused: number;
  /** Jobs that failed on this machine and were given back. */
  readonly failed: number;
}

/** Milliseconds after which a worker that does not renew a job's lock loses the job. */
const lockMs = 10_000;
/** Milliseconds between checks for jobs without a worker. */
const stalledMs = 5000;
/** A job that was lost with this many workers is given up: it may be what kills them. */
const mostLost = 10;
/** Milliseconds before a job that is left to other workers is offered again. */
const leftMs = 5000;
/**
 * Pause in milliseconds after a fault of this machine, doubled after each further one, so that other workers take the
 * jobs that it gives back.
 */
const [restMs, mostRestMs] = [5000, 60_000];
/** Milliseconds between checks whether anything is left to do. */
const idleMs = 500;
/** Milliseconds between looks at queues of other versions. */
const othersMs = 60_000;

/**
 * @throws PhinetsError `queue.redis` where there is no Redis at the start; later problems are reported and waited out
 */
export async function runWorker(request: WorkerRequest, context: StepContext): Promise<WorkerResult> {
  const { work } = request;
  try {
    mkdirSync(work, { recursive: true });
  } catch (error) {
    throw describeWriteError(error, work);
  }
  const address = redisAddress(request.queue);
  return withRunLock(work, "sweeping", async () => {
    for (const folder of [trialsFolder(work), shardsFolder(work)]) rmSync(folder, { recursive: true, force: true });
    const { signal } = context;
    const own =
      request.store === undefined
        ? undefined
        : await readStore(request.store, { signal, ...tellingAway(context.note) });
    const redis = await connectRedis(address, {
      onAway: (why) => context.note(`${address.shown} cannot be reached${why && ` (${why})`}; current jobs continue`),
      onBack: () => context.note(`${address.shown} can be reached again`),
    });
    const trainer = new LocalTrainer({
      ...{ folder: trialsFolder(work), project: work },
      ...{ slots: request.slots, threads: request.threads },
    });
    const processes = new ShardProcesses(work);
    try {
      context.note(`worker: taking jobs of ${ownQueue()} from ${address.shown}, ${request.slots} at a time`);
      return await new JobTaker(request, { redis, trainer, processes, own, context }).run();
    } finally {
      await Promise.all([trainer.close(), processes.end()]);
      redis.disconnect();
    }
  });
}

interface Tools {
  readonly redis: Redis;
  readonly trainer: LocalTrainer;
  readonly processes: ShardProcesses;
  /** The store that was named on this machine. */
  readonly own: OpenedStore | undefined;
  readonly context: StepContext;
}

class JobTaker {
  readonly #cache: DataCache;
  readonly #working = new Map<string, AbortController>();
  /** Messages shown so far: a repeated one is shown only once. */
  readonly #said = new Set<string>();
  readonly #counts = { done: 0, refused: 0, failed: 0 };
  #faults = 0;
  #resting: NodeJS.Timeout | undefined;

  constructor(
    readonly request: WorkerRequest,
    readonly tools: Tools,
  ) {
    this.#cache = new DataCache(request.work);
  }

  async run(): Promise<WorkerResult> {
    const { slots, once = false } = this.request;
    const { redis, context } = this.tools;
    const { signal } = context;
    const worker: Worker = new Worker(ownQueue(), (job, token) => this.#take(job, token!, worker), {
      connection: redis,
      prefix: keyPrefix,
      name: workerName(),
      concurrency: slots,
      lockDuration: lockMs,
      stalledInterval: stalledMs,
      maxStalledCount: mostLost,
      drainDelay: 2,
      // Refused jobs are kept for inspection, within limits.
      removeOnFail: { age: keptSeconds, count: 1000 },
      autorun: false,
    });
    worker.on("lockRenewalFailed", (names) => {
      for (const name of names) this.#working.get(name)?.abort(new LockLost());
    });
    worker.on("error", (error) => this.#hear(error));
    const others = setInterval(() => void this.#sayOthers(), othersMs);
    try {
      void this.#sayOthers();
      // `run` also resolves while the worker pauses, so only its failure counts.
      const broken = new Promise<never>((_, reject) => worker.run().catch(reject));
      await Promise.race([broken, this.#ended(once)]);
      signal.throwIfAborted();
      return { ...this.#counts };
    } finally {
      clearInterval(others);
      clearTimeout(this.#resting);
      for (const each of this.#working.values()) each.abort(signal.reason);
      // While Redis is away nothing can be given back; the jobs' locks expire by themselves.
      await worker.close(redis.status !== "ready");
    }
  }

  /** Resolves when the worker should end: with `once` when no job waits, else at the signal. */
  async #ended(once: boolean): Promise<void> {
    const { redis, context } = this.tools;
    const { signal } = context;
    // A job that was just taken is neither waiting nor in work yet, so look twice.
    for (let idle = 0; idle < 2 && !signal.aborted; ) {
      await setTimeout(idleMs, undefined, { signal }).catch(() => {});
      if (!once || this.#working.size > 0) idle = 0;
      else idle = (await redis.llen(waitingKey(ownQueue()))) === 0 ? idle + 1 : 0;
    }
  }

  async #take(job: Job, token: string, worker: Worker): Promise<void> {
    const { signal } = this.tools.context;
    const stop = new AbortController();
    const name = job.id!;
    this.#working.set(name, stop);
    try {
      const either = AbortSignal.any([signal, stop.signal]);
      await this.#do(job, token, either);
      this.#faults = 0;
    } catch (error) {
      if (error instanceof DelayedError || error instanceof WaitingError || stop.signal.reason instanceof LockLost)
        throw error;
      if (signal.aborted) {
        await job.moveToWait(token);
        throw new WaitingError();
      }
      throw this.#refusedOrFailed(name, error, worker);
    } finally {
      this.#working.delete(name);
    }
  }

  async #do(job: Job, token: string, signal: AbortSignal): Promise<void> {
    if (isShard(job.data)) return this.#doShard(job, token, signal);
    const { redis, trainer, context } = this.tools;
    const { work } = this.request;
    const document = parseJob(job.data, job.id!);
    const store = await this.#storeOf(document.store, job, token);
    const records = new Records(redis, document.store);
    const { note } = context;
    const options = { work, cache: this.#cache, trainer, store, records, note, signal };
    const here = await doStep(document, options);
    const { trial, epochs, step } = document;
    const what = step === "train" ? `epoch ${epochs} of ${document.recipe.epochs}` : "int8";
    this.#tellDone(`${trial}: ${what}`, here);
  }

  async #doShard(job: Job, token: string, signal: AbortSignal): Promise<void> {
    const { redis, processes } = this.tools;
    const { work, threads, slots } = this.request;
    const shard = parseShard(job.data, job.id!);
    const store = await this.#storeOf(shard.store, job, token);
    const records = new ShardRecords(redis, shard);
    const own = Math.max(1, Math.floor(threads / slots));
    try {
      const options = { work, cache: this.#cache, processes, threads: own, store, records, signal };
      this.#tellDone(shardTitle(shard), await doShard(shard, options));
    } catch (error) {
      if (!(error instanceof PhinetsError) || error.code !== "emulator.tool") throw error;
      this.#sayOnce(`shards of val --on firmware are left to other workers: ${error.message}`);
      return leaveToOthers(job, token);
    }
  }

  /** The store of a job. A job whose store this machine cannot find is left to other workers. */
  async #storeOf(id: string, job: Job, token: string): Promise<Store> {
    const { redis, context, own } = this.tools;
    const store = await findStore(redis, id, { own, ...tellingAway(context.note) });
    if (store !== undefined) return store;
    this.#sayOnce(`jobs of the store ${id} are left to other workers; give --store to take them`);
    return leaveToOthers(job, token);
  }

  #tellDone(what: string, here: boolean): void {
    this.#counts.done += here ? 1 : 0;
    this.tools.context.note(`${what}${here ? "" : ", found done"}`);
  }

  /** An invalid job is refused for good; a failure of this machine leaves the job to others. */
  #refusedOrFailed(name: string, error: unknown, worker: Worker): Error {
    const { context } = this.tools;
    const { message } = error as Error;
    if (error instanceof PhinetsError && error.code === "queue.job") {
      this.#counts.refused++;
      context.note(`refused: job ${showValue(name)}: ${message}`);
      return new UnrecoverableError(`${workerName()} refused it: ${message}`);
    }
    this.#counts.failed++;
    context.note(`failed: job ${showValue(name)}: ${message}; it is returned to the queue`);
    this.#rest(worker);
    return new Error(`${workerName()}: ${message}`);
  }

  /** Takes no jobs for a while. */
  #rest(worker: Worker): void {
    const ms = Math.min(mostRestMs, restMs * 2 ** this.#faults++);
    void worker.pause(true);
    clearTimeout(this.#resting);
    this.#resting = globalThis.setTimeout(() => void worker.resume(), ms);
  }

  #hear({ message }: Error): void {
    // Connection errors are reported once, by the connection.
    if (this.tools.redis.status !== "ready" || /^Connection is closed|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN/.test(message))
      return;
    if (/lock/i.test(message)) this.#sayOnce("a job's lock was lost: another worker continues it");
    else this.#sayOnce(`queue: ${message}`);
  }

  /** Reports the jobs that wait for workers of other versions. */
  async #sayOthers(): Promise<void> {
    const { redis } = this.tools;
    try {
      for (const queue of await redis.smembers(queuesKey)) {
        if (queue === ownQueue() || !isQueueName(queue)) continue;
        const waiting = await redis.llen(waitingKey(queue));
        if (waiting > 0)
          this.#sayOnce(
            `${waiting} jobs are waiting for a worker of another version, ${queue}; this one is ${ownQueue()}`,
          );
      }
    } catch {} // the connection reports its errors itself
  }

  #sayOnce(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.tools.context.note(line);
  }
}

/** Another worker has the job: this one must not deliver its result. */
class LockLost extends Error {
  override readonly name = "AbortError";
  constructor() {
    super("the job's lock was lost");
  }
}

/** Delays the job and throws, as BullMQ requires; the worker that takes it next may be able to do it. */
async function leaveToOthers(job: Job, token: string): Promise<never> {
  await job.moveToDelayed(Date.now() + leftMs, token);
  throw new DelayedError();
}

const workerName = (): string => `${hostname()}:${process.pid}`;
