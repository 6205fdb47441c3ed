/**
 * The requesting side: a queue in Redis with its jobs, and the store that it shares with workers. What to do is
 * recorded elsewhere (a sweep's journal, a command's pictures), so the process may end and resume at any time.
 */
import { PhinetsError } from "@phinets/core/tensor";
import type { StepContext } from "@phinets/node/steps";
import { type Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { tellLocation } from "./location.js";
import { keyPrefix, ownQueue, queuesKey } from "./names.js";
import { connectRedis, redisAddress } from "./redis.js";
import { FolderStore } from "./store/folder-store.js";
import { openOwnStore } from "./store/open.js";
import { tellingAway } from "./store/retry.js";
import { isS3Place } from "./store/s3-place.js";
import { type ServedStore, type ServeOptions, serveStore } from "./store/serve.js";
import type { OwnStore } from "./store/store.js";

export interface QueueRequest {
  /** Address of the Redis. */
  readonly queue: string;
  /** A folder that the workers share, or `s3://BUCKET/PREFIX`. Default: the folder of `serve`. */
  readonly store?: string;
  /** Serve the store from this process. */
  readonly serve?: Omit<ServeOptions, "token"> & {
    /** Address at which workers reach it. Default: the address it listens at. */
    readonly url?: string;
  };
}

export interface OpenQueueOptions {
  /** Folder of the store, unless the request names a store. */
  readonly folder: string;
  /** Called when Redis is back: it may have lost its data. */
  readonly onBack: () => Promise<void>;
}

/** The part of a step's context in use; callers show progress themselves. */
export type Told = Pick<StepContext, "note" | "signal">;

/** Milliseconds without news of a worker after which that is reported. */
const lonelyMs = 20_000;
/** Number of attempts at a job, by any workers, before it is given up. */
const attempts = 5;

export class OpenedQueue {
  #heard = Date.now();

  private constructor(
    readonly context: Told,
    readonly redis: Redis,
    readonly jobs: Queue,
    readonly store: OwnStore,
    /** Id of the store. */
    readonly id: string,
    readonly served: (ServedStore & { readonly token: string; readonly named?: string }) | undefined,
  ) {}

  /** @throws PhinetsError `queue.redis` where there is no Redis, `store.listen` where the store cannot be served */
  static async open(request: QueueRequest, context: Told, { folder, onBack }: OpenQueueOptions): Promise<OpenedQueue> {
    const address = redisAddress(request.queue);
    if (request.serve !== undefined && request.store !== undefined && isS3Place(request.store))
      throw new PhinetsError(
        "queue.store",
        "--serve serves a folder, and workers reach a --store of S3 themselves; leave --serve out",
      );
    const { store, id, token } = await openOwnStore(request.store ?? folder, {
      signal: context.signal,
      ...tellingAway(context.note),
    });
    const redis = await connectRedis(address, {
      onAway: (why) =>
        context.note(
          `${address.shown} cannot be reached${why && ` (${why})`}; waiting for it, while workers finish their current jobs`,
        ),
      onBack: () => {
        context.note(`${address.shown} can be reached again`);
        // A failure here shows up again at the next request.
        onBack().catch(() => {});
      },
    });
    let served: OpenedQueue["served"];
    try {
      if (request.serve !== undefined && store instanceof FolderStore)
        served = {
          ...(await serveStore(store, { ...request.serve, token })),
          ...{ token, named: request.serve.url },
        };
      const jobs = new Queue(ownQueue(), { connection: redis, prefix: keyPrefix });
      jobs.on("error", () => {}); // the connection reports its errors itself
      const opened = new OpenedQueue(context, redis, jobs, store, id, served);
      await opened.tell();
      const where =
        served === undefined
          ? `the store is ${store.name}, as it is for the workers`
          : `the store is served at ${opened.url}`;
      context.note(`queue: ${ownQueue()} at ${address.shown}; ${where}`);
      return opened;
    } catch (error) {
      redis.disconnect();
      await served?.close();
      throw error;
    }
  }

  /** Address at which workers reach the store, where it is served. */
  get url(): string | undefined {
    return this.served?.named ?? this.served?.url;
  }

  /** Publishes in Redis that this queue is in use, and where the store is. */
  async tell(): Promise<void> {
    const { url, served, redis } = this;
    await redis.sadd(queuesKey, ownQueue());
    if (url === undefined || served === undefined) return;
    await tellLocation(redis, this.id, { url, token: served.token, certificate: served.certificate });
  }

  /** Adds a job to the queue, unless it is in it. */
  async add(step: string, name: string, document: object): Promise<void> {
    await this.jobs.add(step, document, {
      jobId: name,
      attempts,
      backoff: { type: "fixed", delay: 2000 },
      removeOnComplete: true,
      stackTraceLimit: 1,
    });
  }

  /** Removes a job that failed for an earlier process, so that it is tried again. */
  async forgetFailed(name: string): Promise<void> {
    const before = await this.jobs.getJob(name);
    if (before !== undefined && (await before.isFailed())) await before.remove();
  }

  /** Our jobs that the queue has given up; they are removed from it. */
  async failures(isOurs: (name: string) => boolean): Promise<Job[]> {
    const failed = await this.jobs.getRanges(["failed"], 0, -1);
    const found: Job[] = [];
    for (const name of failed.filter(isOurs)) {
      const job = await this.jobs.getJob(name);
      if (job === undefined) continue;
      await job.remove();
      found.push(job);
    }
    return found;
  }

  /** Records that there was news of a worker. */
  heard(): void {
    this.#heard = Date.now();
  }

  /**
   * Reports at intervals that no worker takes the waiting jobs; true where there was no news for the whole interval.
   */
  async sayLonely(): Promise<boolean> {
    if (Date.now() - this.#heard < lonelyMs) return false;
    this.heard();
    const { active = 0, waiting = 0 } = await this.jobs.getJobCounts("active", "waiting");
    if (active > 0) return true;
    this.context.note(
      `${waiting} jobs are waiting, but no worker takes them; start one: phinets worker --queue ADDRESS`,
    );
    return true;
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.served?.close();
  }
}

/** Why the queue has given up a job. */
export const reasonOf = ({ failedReason }: Job): string => failedReason ?? "the queue gave up on it";
