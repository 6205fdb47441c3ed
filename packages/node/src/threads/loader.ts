/**
 * Makes training batches in worker threads while the trainer steps. A batch depends only on its plan, so every thread
 * makes the same bits: if no worker has started the batch that is needed, the calling thread makes it, and if a worker
 * dies, the calling thread continues alone.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import { assembleBatch, type Batch, BatchRing, type PackedSource } from "@phinets/core/data";
import type { BatchPlan } from "@phinets/core/learning";
import { PhinetsError } from "@phinets/core/tensor";

export interface LoaderOptions {
  /** Number of loading threads, at least 1. */
  readonly threads: number;
  /** Largest number of values in a batch's input. */
  readonly batchValues: number;
  /** Called when a thread has died; loading continues without it. */
  readonly onWarning?: (message: string) => void;
}

/** A batch without its pixels, which are in the input that was passed. */
export type LoadedBatch = Omit<Batch, "input">;

type Answer = LoadedBatch | { readonly error: { code?: string; message: string; path?: string } };

/** Upper bound on the memory of all slots, though there are at least two. */
const mostBytes = 64 * 2 ** 20;
/** Longest block of the event loop in milliseconds: between blocks it notices a thread's end and Ctrl-C. */
const restMs = 10;

export class BatchLoader {
  readonly #source: PackedSource;
  readonly #slots: readonly Float32Array[];
  readonly #ring: BatchRing;
  readonly #ports: MessagePort[] = [];
  readonly #workers: Worker[] = [];
  readonly #answers = new Map<number, Answer>();
  readonly #plans: { readonly epoch: number; readonly first: number; readonly batches: readonly BatchPlan[] }[] = [];
  readonly #options: LoaderOptions;
  /** Number of batches returned so far. */
  #given = 0;
  #ended = false;

  constructor(source: PackedSource, options: LoaderOptions) {
    this.#source = source;
    this.#options = options;
    const bytes = options.batchValues * 4;
    const count = Math.max(2, Math.min(options.threads + 2, Math.floor(mostBytes / bytes)));
    this.#slots = Array.from({ length: count }, () => new Float32Array(new SharedArrayBuffer(bytes)));
    this.#ring = new BatchRing(new Int32Array(new SharedArrayBuffer(4 * BatchRing.words(count))), count);
    const samples = source.samples.map(({ labels, class: c }) => ({ labels, class: c }));
    for (let i = 0; i < options.threads; i++) this.#start(samples);
  }

  #start(samples: readonly unknown[]): void {
    const { port1, port2 } = new MessageChannel();
    // Without the caller's Node options: its `--conditions` may select sources that plain Node cannot run.
    const worker = new Worker(new URL("./loader-worker.js", import.meta.url), {
      execArgv: [],
      workerData: {
        packed: this.#source.packed,
        samples,
        control: this.#ring.control,
        slots: this.#slots,
        port: port2,
      },
      transferList: [port2],
    });
    let reason: string | undefined;
    worker.on("error", (error: Error) => {
      reason = error.message;
    });
    worker.once("exit", (code) => this.#died(reason ?? `it ended with code ${code}`));
    // A loader that is not disposed of must not keep the process alive.
    worker.unref();
    port1.unref();
    this.#workers.push(worker);
    this.#ports.push(port1);
  }

  #died(reason: string): void {
    if (this.#ended) return;
    void this.dispose();
    const { threads, onWarning } = this.#options;
    onWarning?.(
      `warning: ${threads === 1 ? "the" : "a"} loading thread has died (${reason}); pictures are loaded between the steps`,
    );
  }

  /** Number of batches that are made and not returned yet. */
  get ready(): number {
    let count = 0;
    for (let batch = this.#given; batch < this.#given + this.#ring.slots; batch++)
      if (this.#ring.isReady(batch)) count++;
    return count;
  }

  /** Appends batches to those that will be made, in order. */
  plan(epoch: number, batches: readonly BatchPlan[]): void {
    const first = this.#ring.planned;
    const plan = { epoch, first, batches };
    this.#plans.push(plan);
    for (const port of this.#ports) port.postMessage(plan);
    this.#ring.planned = first + batches.length;
  }

  /** Returns the next planned batch, with its pixels in `input`. Throws the error of making it. */
  async next(input: Float32Array): Promise<LoadedBatch> {
    const [ring, batch] = [this.#ring, this.#given];
    const slot = ring.slotOf(batch);
    // Steps block the event loop: let Ctrl-C and the threads' messages in.
    await eventLoopTurn();
    while (!this.#ended && !ring.isReady(batch) && ring.claimBelow(batch + 1) < 0) {
      const other = ring.claimBelow(Math.min(ring.planned, batch + ring.slots));
      if (other < 0) ring.waitReady(batch, restMs);
      else {
        this.#answers.set(other, this.#make(other, this.#slots[ring.slotOf(other)]));
        ring.publish(other);
      }
      await eventLoopTurn();
    }
    this.#given++;
    if (this.#ended || !ring.isReady(batch)) {
      const made = this.#make(batch, input);
      ring.release(batch);
      return unwrap(made);
    }
    for (const port of this.#ports) {
      for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port))
        this.#answers.set(got.message.batch, got.message);
    }
    const answer = this.#answers.get(batch)!;
    this.#answers.delete(batch);
    input.set(this.#slots[slot].subarray(0, input.length));
    ring.release(batch);
    return unwrap(answer);
  }

  #make(batch: number, input: Float32Array): Answer {
    while (this.#plans[0].first + this.#plans[0].batches.length <= this.#given - 1) this.#plans.shift();
    const { epoch, first, batches } = this.#plans.findLast((plan) => plan.first <= batch)!;
    const { samples, options } = batches[batch - first];
    try {
      return assembleBatch(this.#source, samples, epoch, options, input);
    } catch (error) {
      if (!(error instanceof PhinetsError)) throw error;
      return { error };
    }
  }

  /** Ends the threads. */
  async dispose(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
    for (const port of this.#ports.splice(0)) port.close();
  }
}

function unwrap(answer: Answer): LoadedBatch {
  if (!("error" in answer)) return answer;
  const { code, message, path } = answer.error;
  throw code === undefined ? new Error(message) : new PhinetsError(code, message, path);
}

function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
