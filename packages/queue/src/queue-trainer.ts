/**
 * Trains the rungs of a sweep on other machines: each is a job of the queue, and done when its record says so. The sweep
 * decides; what it has decided is in its journal, so it may end and begin again at any time.
 */
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { finishLock, type OpenedData, openData, type StepContext, writeRunLock } from "@phinets/node/steps";
import { type Outcome, outcomeOf, prepareTrial, type Trainer, type TrainingJob, type Trial } from "@phinets/node/sweep";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { fetchFiles } from "./delivery.js";
import { type JobDocument, jobName, makeJob, requireOwnBits } from "./job.js";
import { tellLocation } from "./location.js";
import { keyPrefix, ownQueue, queuesKey } from "./names.js";
import { packData, packStart } from "./pack.js";
import { parseRecord, Records, recordName, type TrialRecord } from "./records.js";
import { connectRedis, redisAddress } from "./redis.js";
import { FolderStore } from "./store/folder-store.js";
import { openStoreFolder } from "./store/identity.js";
import { type ServedStore, serveStore } from "./store/serve.js";

export interface QueueTrainerRequest {
  /** The sweep's folder. */
  readonly folder: string;
  /** Address of the Redis. */
  readonly queue: string;
  /** A folder that the workers share. Default: one in the sweep's folder, which is served. */
  readonly store?: string;
  readonly serve?: {
    readonly host: string;
    readonly port: number;
    /** As the workers reach it. Default: as it is listened at. */
    readonly url?: string;
    readonly tls?: { readonly certificate: string; readonly key: string };
  };
}

/** Its progress is the sweep's to show. */
type Told = Pick<StepContext, "note" | "signal">;

/** Jobs that are in the queue at a time. */
const slots = 1000;
/** Milliseconds between looks at the records. */
const lookMs = 500;
/** Milliseconds without a worker after which that is said. */
const lonelyMs = 20_000;
/** Workers that may fail at a job, one after another. */
const attempts = 5;

interface Waiting {
  readonly document: JobDocument;
  readonly record: string;
  readonly onEpoch: (done: number) => void;
  readonly settle: (end: TrialRecord | Error) => void;
  /** Text of the record that was seen last. */
  seen: string | null;
}

type Hear = Parameters<Trainer["train"]>[1];

export class QueueTrainer implements Trainer {
  readonly slots = slots;
  readonly #waiting = new Map<string, Waiting>();
  readonly #packed = new Map<string, Promise<JobDocument["data"]>>();
  readonly #starts = new Map<string, Promise<NonNullable<JobDocument["start"]>>>();
  readonly #closed = new AbortController();
  #looking: Promise<void> | undefined;
  #lonely = Date.now();

  private constructor(
    readonly request: QueueTrainerRequest,
    readonly context: Told,
    readonly redis: Redis,
    readonly queue: Queue,
    readonly store: FolderStore,
    readonly id: string,
    readonly served: ServedStore | undefined,
  ) {}

  /** @throws PhinetsError `queue.redis` where there is no Redis, `store.listen` where the store cannot be served */
  static async open(request: QueueTrainerRequest, context: Told): Promise<QueueTrainer> {
    const address = redisAddress(request.queue);
    const folder = request.store ?? join(request.folder, "store");
    const { id, token } = openStoreFolder(folder);
    const store = new FolderStore(folder);
    let trainer: QueueTrainer | undefined;
    const redis = await connectRedis(address, {
      onAway: (why) =>
        context.note(`${address.shown} is away${why && ` (${why})`}; workers finish what they have, waiting`),
      onBack: () => {
        context.note(`${address.shown} is back`);
        trainer?.tell().catch((error) => trainer?.fail(error));
      },
    });
    let served: ServedStore | undefined;
    try {
      served = request.serve && (await serveStore(store, { ...request.serve, token }));
      const queue = new Queue(ownQueue(), { connection: redis, prefix: keyPrefix });
      queue.on("error", () => {}); // the connection says what it is
      trainer = new QueueTrainer(request, context, redis, queue, store, id, served);
      await trainer.tell();
      const where = served
        ? `the store is served at ${trainer.url}`
        : `the store is ${folder}, as it is for the workers`;
      context.note(`queue: ${ownQueue()} at ${address.shown}; ${where}`);
      return trainer;
    } catch (error) {
      redis.disconnect();
      await served?.close();
      throw error;
    }
  }

  /** As the workers reach the store. */
  get url(): string | undefined {
    return this.request.serve?.url ?? this.served?.url;
  }

  /** Puts into Redis what is not there: a Redis that has lost its memory is told all again. */
  async tell(): Promise<void> {
    const { url, served, redis } = this;
    await redis.sadd(queuesKey, ownQueue());
    if (url !== undefined) {
      const { token } = openStoreFolder(this.store.folder);
      await tellLocation(redis, this.id, { url, token, certificate: served?.certificate });
    }
    await Promise.all([...this.#waiting.values()].map(({ document }) => this.#add(document)));
  }

  async train(job: TrainingJob, hear: Hear): Promise<Outcome> {
    const { trial, epochs } = job;
    const record = await this.#ask(trial, { step: "train", epochs, data: trial.data }, hear);
    const run = prepareTrial(this.request.folder, trial);
    const ended = epochs >= trial.recipe.epochs && record.failed === undefined;
    await fetchFiles(record, ended ? ["results", "best", "last"] : ["results"], run, { store: this.store, ...hear });
    if (record.failed !== undefined) return { failed: record.failed };
    const outcome = outcomeOf(run, job);
    if (ended && "weightsSha256" in outcome) {
      const { data, paths, fraction, network, recipe, valEvery, start } = trial;
      await writeRunLock(run, { data, paths, fraction, network, recipe, valEvery, start }, hear);
      finishLock(run, { weightsSha256: outcome.weightsSha256, valEvery: valEvery ?? 1 });
    }
    return outcome;
  }

  async quantize(trial: Trial, { signal }: Pick<Hear, "signal">): Promise<Readonly<Record<string, number>>> {
    const { epochs } = trial.recipe;
    // Calibration draws from all training pictures, whatever share was trained on.
    const { fraction, paths, data, recipe } = trial;
    const whole =
      fraction === undefined ? data : await openData(paths, { seed: recipe.seed, loading: data.loading, signal });
    const record = await this.#ask(trial, { step: "quantize", epochs, data: whole }, { signal, onEpoch: () => {} });
    const run = prepareTrial(this.request.folder, trial);
    await fetchFiles(record, ["quantized", "quantizedWeights", "report"], run, { store: this.store, signal });
    return record.figures ?? {};
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.fail(new PhinetsError("queue.closed", "the sweep has ended"));
    await this.#looking;
    this.redis.disconnect();
    await this.served?.close();
  }

  /** Everything that waits ends with an error. */
  fail(error: Error): void {
    for (const each of [...this.#waiting.values()]) each.settle(error);
  }

  async #ask(
    trial: Trial,
    { step, epochs, data }: Pick<JobDocument, "step" | "epochs"> & { readonly data: OpenedData },
    { signal, onEpoch }: Hear,
  ): Promise<TrialRecord> {
    requireOwnBits(trial.recipe);
    const document = await this.#documentOf(trial, { step, epochs, data });
    const name = jobName(document);
    const record = recordName(trial.hash, step);
    // A thousand wait for the same one.
    setMaxListeners(0, signal);
    return new Promise((resolve, reject) => {
      const stop = (): void => settle(signal.reason as Error);
      const settle = (end: TrialRecord | Error): void => {
        signal.removeEventListener("abort", stop);
        this.#waiting.delete(name);
        if (end instanceof Error || !("files" in end)) reject(end);
        else resolve(end);
      };
      this.#waiting.set(name, { document, record, onEpoch, settle, seen: null });
      signal.addEventListener("abort", stop);
      if (signal.aborted) stop();
      else this.#enqueue(document, record).catch(settle);
      this.#looking ??= this.#look();
    });
  }

  async #documentOf(
    trial: Trial,
    { step, epochs, data }: Pick<JobDocument, "step" | "epochs"> & { readonly data: OpenedData },
  ): Promise<JobDocument> {
    const { network, recipe, valEvery, start } = trial;
    const { skipBad, pixelRange } = data.loading;
    const pack = (): Promise<JobDocument["data"]> => packData(data, this.store, this.context);
    return makeJob({
      ...{ step, epochs, network, recipe, valEvery, store: this.id, trial: trial.hash, dataKey: trial.data.key },
      task: data.index.task,
      data: await once(this.#packed, data.key, pack),
      loading: { skipBad, pixelRange },
      start: start && (await once(this.#starts, start.file, () => packStart(start, this.store, this.context))),
    });
  }

  /** Unless it was done before, or while nobody listened. */
  async #enqueue(document: JobDocument, record: string): Promise<void> {
    const found = await new Records(this.redis, this.id).find(record);
    if ((found?.rung ?? 0) >= document.epochs) return;
    const name = jobName(document);
    const before = await this.queue.getJob(name);
    // It failed for a sweep that has ended since: this one tries again.
    if (before !== undefined && (await before.isFailed())) await before.remove();
    await this.#add(document);
  }

  async #add(document: JobDocument): Promise<void> {
    await this.queue.add(document.step, document, {
      jobId: jobName(document),
      attempts,
      backoff: { type: "fixed", delay: 2000 },
      removeOnComplete: true,
      stackTraceLimit: 1,
    });
  }

  async #look(): Promise<void> {
    const records = new Records(this.redis, this.id);
    const { signal } = this.#closed;
    const closed = aborted(signal);
    while (!signal.aborted) {
      try {
        await setTimeout(lookMs, undefined, { signal });
        if (this.#waiting.size === 0) continue;
        const asked = [...this.#waiting.values()];
        const looking = Promise.all([records.texts(asked.map(({ record }) => record)), this.#failures()]);
        // Where Redis is away the answer waits, but not for longer than the sweep.
        const found = await Promise.race([looking, closed]);
        if (found === undefined) return;
        const [texts, failures] = found;
        for (const [n, each] of asked.entries()) this.#hear(each, texts[n]);
        for (const { name, error } of failures) this.#waiting.get(name)?.settle(error);
        await this.#sayLonely();
      } catch (error) {
        if (!signal.aborted) this.fail(error as Error);
      }
    }
  }

  #hear(each: Waiting, text: string | null): void {
    if (text === null || text === each.seen) return;
    const before = each.seen === null ? undefined : parseRecord(each.seen);
    each.seen = text;
    this.#lonely = Date.now();
    const record = parseRecord(text);
    if (record === undefined) return;
    this.#removePast(before, record);
    if (record.rung >= each.document.epochs) each.settle(record);
    else each.onEpoch(record.epoch);
  }

  /** A checkpoint that another has followed is its trial's alone, and of no use. */
  #removePast(before: TrialRecord | undefined, record: TrialRecord): void {
    for (const name of ["last", "results"] as const) {
      const past = before?.files[name];
      if (past !== undefined && past.sha256 !== record.files[name]?.sha256) this.store.remove(past.sha256);
    }
  }

  /** Jobs of ours that the queue has given up. */
  async #failures(): Promise<{ readonly name: string; readonly error: PhinetsError }[]> {
    const failed = await this.queue.getRanges(["failed"], 0, -1);
    const ours = failed.filter((name) => this.#waiting.has(name));
    const found = [];
    for (const name of ours) {
      const job = await this.queue.getJob(name);
      const trial = this.#waiting.get(name)?.document.trial;
      if (job === undefined || trial === undefined) continue;
      await job.remove();
      const why = `${trial}: ${job.failedReason ?? "the queue has given it up"}`;
      const remedy = "run the sweep again: it goes on from the last epoch";
      found.push({ name, error: new PhinetsError("sweep.trial", `${why}; ${remedy}`) });
    }
    return found;
  }

  async #sayLonely(): Promise<void> {
    if (Date.now() - this.#lonely < lonelyMs) return;
    this.#lonely = Date.now();
    const { active = 0, waiting = 0 } = await this.queue.getJobCounts("active", "waiting");
    if (active > 0) return;
    this.context.note(`${waiting} jobs wait, and no worker takes them; start one: phinets worker --queue ADDRESS`);
  }
}

/** What is being made under a name already is not made again. */
function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const making = made.get(name) ?? make();
  made.set(name, making);
  return making;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
