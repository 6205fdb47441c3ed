/**
 * Trains the rungs of a sweep on other machines. Each rung is a job of the queue, and is done when its record says so.
 * The sweep's decisions are in its journal, so the sweep may end and resume at any time.
 */
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { PhinetsError } from "@phinets/core/tensor";
import { readResults } from "@phinets/node/run";
import { finishLock, type OpenedData, openData, writeRunLock } from "@phinets/node/steps";
import {
  NotNeeded,
  type Outcome,
  outcomeOf,
  prepareTrial,
  type Trainer,
  type TrainingJob,
  type Trial,
} from "@phinets/node/sweep";
import type { Redis } from "ioredis";
import { fetchFiles } from "./delivery.js";
import { type JobDocument, jobName, makeJob, requireOwnBits } from "./job.js";
import { OpenedQueue, type QueueRequest, reasonOf, type Told } from "./opened-queue.js";
import { packData, packStart } from "./pack.js";
import { parseRecord, Records, recordName, type TrialRecord } from "./records.js";
import type { OwnStore } from "./store/store.js";

export interface QueueTrainerRequest extends QueueRequest {
  readonly folder: string;
}

/** Number of jobs to keep waiting beyond those in work: enough until the next poll. */
const reserve = (inWork: number): number => 16 + Math.floor(inWork / 16);
/** Most jobs of a sweep in the queue, in work or waiting. */
const mostJobs = 4000;
/** Milliseconds between polls of the records. */
const lookMs = 500;
/** Milliseconds after which waiting jobs are added again: another sweep over the same store may have withdrawn them. */
const retellMs = 15_000;

interface Waiting {
  readonly document: JobDocument;
  readonly record: string;
  readonly onEpoch: (done: number) => void;
  readonly settle: (end: TrialRecord | Error) => void;
  /** Text of the record at the last poll. */
  seen: string | null;
}

type Hear = Parameters<Trainer["train"]>[1];
/** Number of jobs by state. */
type JobCounts = Readonly<Record<string, number>>;

export class QueueTrainer implements Trainer {
  readonly inPieces = true;
  /** The queue is first come, first served: keeping few jobs waiting lets later decisions take effect soon. */
  #slots = reserve(0);
  #onSlots = (): void => {};
  readonly #waiting = new Map<string, Waiting>();
  readonly #packed = new Map<string, Promise<JobDocument["data"]>>();
  readonly #starts = new Map<string, Promise<NonNullable<JobDocument["start"]>>>();
  readonly #closed = new AbortController();
  #looking: Promise<void> | undefined;
  #told = Date.now();

  private constructor(
    readonly request: QueueTrainerRequest,
    readonly opened: OpenedQueue,
  ) {}

  /** @throws PhinetsError `queue.redis` where there is no Redis, `store.listen` where the store cannot be served */
  static async open(request: QueueTrainerRequest, context: Told): Promise<QueueTrainer> {
    let trainer: QueueTrainer | undefined;
    const opened = await OpenedQueue.open(request, context, {
      folder: join(request.folder, "store"),
      onBack: async () => {
        await trainer?.tell().catch((error) => trainer?.fail(error));
      },
    });
    trainer = new QueueTrainer(request, opened);
    return trainer;
  }

  get redis(): Redis {
    return this.opened.redis;
  }
  get store(): OwnStore {
    return this.opened.store;
  }
  get id(): string {
    return this.opened.id;
  }
  get context(): Told {
    return this.opened.context;
  }

  /** Writes to Redis what it lacks, in case it has lost its data. */
  async tell(): Promise<void> {
    this.#told = Date.now();
    await this.opened.tell();
    await Promise.all([...this.#waiting.values()].map(({ document }) => this.#add(document)));
  }

  get slots(): number {
    return this.#slots;
  }

  onSlots(listener: () => void): void {
    this.#onSlots = listener;
  }

  async train(job: TrainingJob, hear: Hear): Promise<Outcome> {
    const { trial, epochs } = job;
    const record = await this.#ask(trial, { step: "train", epochs, data: trial.data }, hear);
    const run = prepareTrial(this.request.folder, trial);
    const ended = epochs >= trial.recipe.epochs && record.failed === undefined;
    await fetchFiles(record, ended ? ["results", "best", "last"] : ["results"], run, { store: this.store, ...hear });
    // The failure counts only if it happened before this job's last epoch: the trial may have been trained further for
    // another job.
    const { failed } = record;
    if (failed !== undefined && (readResults(run).at(-1)?.epoch ?? 0) < epochs) return { failed };
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
    // Calibration draws from all training pictures, whatever fraction was trained on.
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
    await this.opened.close();
  }

  /** Fails everything that waits. */
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
    // A thousand jobs may wait for the same signal.
    setMaxListeners(0, signal);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        settle(signal.reason as Error);
        if (signal.reason instanceof NotNeeded) void this.#takeBack(name);
      };
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

  /** Adds a job, unless it was done before or while no process was waiting. */
  async #enqueue(document: JobDocument, record: string): Promise<void> {
    const found = await new Records(this.redis, this.id).find(record);
    if ((found?.rung ?? 0) >= document.epochs) return;
    const name = jobName(document);
    await this.opened.forgetFailed(name);
    await this.#add(document);
  }

  #add(document: JobDocument): Promise<void> {
    return this.opened.add(document.step, jobName(document), document);
  }

  /** Withdraws a job; a worker that has started it completes it. */
  async #takeBack(name: string): Promise<void> {
    try {
      await this.opened.jobs.remove(name);
    } catch {} // Redis is away: the job may be trained in vain
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
        const looking = Promise.all([
          records.texts(asked.map(({ record }) => record)),
          this.#failures(),
          this.opened.jobs.getJobCounts("active", "waiting"),
        ]);
        // While Redis is away the request waits, but not beyond the end of the sweep.
        const found = await Promise.race([looking, closed]);
        if (found === undefined) return;
        const [texts, failures, counts] = found;
        for (const [n, each] of asked.entries()) this.#hear(each, texts[n]);
        for (const { name, error } of failures) this.#waiting.get(name)?.settle(error);
        this.#offerSlots(counts);
        await this.opened.sayLonely();
        if (Date.now() - this.#told > retellMs) await Promise.race([this.tell(), closed]);
      } catch (error) {
        if (!signal.aborted) this.fail(error as Error);
      }
    }
  }

  #hear(each: Waiting, text: string | null): void {
    if (text === null || text === each.seen) return;
    const before = each.seen === null ? undefined : parseRecord(each.seen);
    each.seen = text;
    this.opened.heard();
    const record = parseRecord(text);
    if (record === undefined) return;
    this.#removePast(before, record);
    if (record.rung >= each.document.epochs) each.settle(record);
    else each.onEpoch(record.epoch);
  }

  /** Removes the files of a checkpoint that a later one has replaced: nothing else uses them. */
  #removePast(before: TrialRecord | undefined, record: TrialRecord): void {
    for (const name of ["last", "results"] as const) {
      const past = before?.files[name];
      if (past !== undefined && past.sha256 !== record.files[name]?.sha256) void this.store.remove(past.sha256);
    }
  }

  /** Our jobs that the queue has given up. */
  async #failures(): Promise<{ readonly name: string; readonly error: PhinetsError }[]> {
    const failed = await this.opened.failures((name) => this.#waiting.has(name));
    return failed.map((job) => {
      const name = job.id!;
      const trial = this.#waiting.get(name)?.document.trial;
      const remedy = "run the sweep again: it goes on from the last epoch";
      return { name, error: new PhinetsError("sweep.trial", `${trial}: ${reasonOf(job)}; ${remedy}`) };
    });
  }

  /** Offers as many further jobs as the reserve lacks; the jobs of other sweeps wait in the same queue. */
  #offerSlots({ active = 0, waiting = 0 }: JobCounts): void {
    const wanted = this.#waiting.size + reserve(active) - waiting;
    this.#slots = Math.min(mostJobs, Math.max(reserve(0), wanted));
    this.#onSlots();
  }
}

/** Shares the promise of a name that is being made or was made. */
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
