/**
 * Long-running work that the page starts: it continues when the page is closed, reports its progress to all pages, and
 * can be stopped.
 */
import { PhinetsError } from "@phinets/core/tensor";
import type { Job, JobKind, JobResults, StudioEvents } from "../shared/events.js";
import { errorDocument } from "./errors.js";

type Listener = <K extends keyof StudioEvents>(name: K, event: StudioEvents[K]) => void;

export interface JobWork {
  readonly signal: AbortSignal;
  /** Reports progress; pages receive at most a few reports per second. */
  report(done: number, total: number): void;
}

interface Entry {
  job: Job;
  result?: unknown;
  readonly stop: AbortController;
  ended?: Promise<void>;
}

const reportEveryMs = 100;
/** Number of finished jobs to keep for queries; the oldest is dropped. */
const mostFinished = 50;

export class Jobs {
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Set<Listener>();
  #last = 0;

  /** Calls `listener` with events until the returned function is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether a page is listening. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Sends an event to all pages. */
  tell<K extends keyof StudioEvents>(name: K, event: StudioEvents[K]): void {
    for (const listener of this.#listeners) listener(name, event);
  }

  get all(): Job[] {
    return [...this.#entries.values()].map(({ job }) => job);
  }

  start<K extends JobKind>(kind: K, about: string, work: (work: JobWork) => Promise<JobResults[K]>): Job {
    const stop = new AbortController();
    const entry: Entry = {
      job: { id: ++this.#last, kind, about, state: "running", done: 0, total: 0 },
      stop,
    };
    this.#entries.set(entry.job.id, entry);
    let told = 0;
    const report = (done: number, total: number): void => {
      const now = performance.now();
      if (now - told < reportEveryMs) return;
      told = now;
      this.#change(entry, { done, total });
    };
    this.#change(entry, {});
    entry.ended = work({ signal: stop.signal, report }).then(
      (result) => {
        entry.result = result;
        this.#change(entry, { state: "done" });
      },
      (error) => {
        if (stop.signal.aborted) this.#change(entry, { state: "stopped" });
        else this.#change(entry, { state: "failed", error: errorDocument(error).error });
      },
    );
    this.#forget();
    return entry.job;
  }

  /** The result of a finished job. Throws PhinetsError where there is none. */
  result(id: number): unknown {
    const entry = this.#require(id);
    if (entry.job.state !== "done")
      throw new PhinetsError("studio.missing", `job ${id} is ${entry.job.state}; it has no result`);
    return entry.result;
  }

  stop(id: number): void {
    this.#require(id).stop.abort();
  }

  /** Stops all jobs; resolves when they have ended. */
  async stopAll(): Promise<void> {
    for (const { stop } of this.#entries.values()) stop.abort();
    await Promise.all([...this.#entries.values()].map(({ ended }) => ended));
  }

  #require(id: number): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new PhinetsError("studio.missing", `there is no job ${id}; reload the page`);
    return entry;
  }

  #change(entry: Entry, changes: Partial<Job>): void {
    entry.job = { ...entry.job, ...changes };
    this.tell("job", entry.job);
  }

  #forget(): void {
    const finished = [...this.#entries.values()].filter(({ job }) => job.state !== "running");
    for (const { job } of finished.slice(0, Math.max(0, finished.length - mostFinished))) this.#entries.delete(job.id);
  }
}
