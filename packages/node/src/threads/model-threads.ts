/** Runs a model on several pictures at once, with a copy of the model in each thread. */
import { Worker } from "node:worker_threads";
import type { Picture } from "@phinets/core/data";
import type { Model, Prediction } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { defaultThreads } from "../host/cores.js";
import type { Frame, FrameSource } from "../video/frames.js";
import { inOrder } from "./in-order.js";

/** A picture and the model's prediction. */
export interface Seen {
  readonly picture: Picture;
  readonly prediction: Prediction;
}

/** No thread is started for fewer pictures: starting would take longer than predicting. */
const fewPictures = 3;
/** Limit on bytes of pixels that are read ahead; very large pictures are processed one by one. */
const mostBytes = 256 * 2 ** 20;

/** The first message is "ready": the thread has its model. */
type Answer = { readonly picture: Picture } & (
  | { readonly prediction: Prediction }
  | { readonly error: Error | { readonly code: string; readonly message: string; readonly path?: string } }
);

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  /** Requests that wait for answers, which arrive in order. */
  readonly waiting: { take(answer: Answer): void; fail(error: Error): void }[];
}

/** Always call `dispose` when done. */
export class ModelThreads {
  readonly model: Model;
  readonly count: number;
  readonly #threads: Thread[] = [];
  #begun = 0;
  #died: PhinetsError | undefined;
  #disposed = false;

  /**
   * @param count number of threads; with 1 the calling thread processes all pictures. Default: one per core, at most 8
   */
  constructor(model: Model, count: number = defaultThreads()) {
    this.model = model;
    this.count = count;
  }

  /**
   * As the model's `predict`, bit for bit. The picture's pixels are transferred to the thread and back: do not use
   * `picture` until the answer arrives, and continue with the answer's picture. Until a thread is ready, the calling
   * thread predicts. Throws what `predict` throws.
   */
  async predict(picture: Picture): Promise<Seen> {
    if (this.#died) throw this.#died;
    if (this.count > 1 && this.#begun++ === fewPictures)
      for (let n = 0; n < this.count; n++) this.#threads.push(this.#start());
    const ready = this.#threads.filter((thread) => thread.ready);
    if (ready.length === 0) {
      await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C and the threads' messages in
      return { picture, prediction: this.model.predict(picture) };
    }
    const { worker, waiting } = ready.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a));
    const answer = await new Promise<Answer>((take, fail) => {
      waiting.push({ take, fail });
      send(worker, picture);
    });
    if ("prediction" in answer) return answer;
    const { error } = answer;
    throw error instanceof Error ? error : new PhinetsError(error.code, error.message, error.path);
  }

  /**
   * The model's predictions of each frame, in order, some frames ahead of the caller. Of a live source no frame waits
   * for a thread, so that the newest frames are processed. The caller may use a frame's pixels until it requests the
   * next frame.
   */
  async *frames(source: FrameSource): AsyncGenerator<Frame & Seen, void, undefined> {
    const look = async (frame: Frame) => ({ ...frame, ...(await this.predict(frame.picture)) });
    const { live, stop } = source;
    for await (const seen of this.inOrder(source.frames, look, { live, stop })) {
      yield seen;
      source.reuse(seen.picture);
    }
  }

  /** The results of `work`, which predicts one picture of `items`, in order; as many at a time as there are threads. */
  inOrder<T extends { readonly picture?: Picture }, R>(
    items: AsyncIterable<T>,
    work: (item: T) => Promise<R>,
    { live = false, stop }: { readonly live?: boolean; readonly stop?: () => void } = {},
  ): AsyncGenerator<R, void, undefined> {
    // More than the number of threads, or a thread would idle while its next picture is read.
    const most = live ? this.count : this.count + (this.count === 1 ? 1 : 2);
    return inOrder(items, work, { most, mostBytes, bytesOf: ({ picture }) => picture?.data.length ?? 0, stop });
  }

  get ready(): number {
    return this.#threads.filter(({ ready }) => ready).length;
  }

  /** Ends the threads. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }

  #start(): Thread {
    // Without the caller's Node options: its `--conditions` may select sources that plain Node cannot run.
    const worker = new Worker(new URL("./model-worker.js", import.meta.url), {
      execArgv: [],
      workerData: this.model.recipe,
    });
    const thread: Thread = { worker, ready: false, waiting: [] };
    let reason: string | undefined;
    worker.on("message", (message: Answer | "ready") => {
      if (message === "ready") thread.ready = true;
      // Ignore an answer that arrives during `dispose`: all waiting requests fail with the same error.
      else if (!this.#disposed) thread.waiting.shift()!.take(message);
    });
    worker.on("error", (error: Error) => {
      reason = error.message;
    });
    worker.once("exit", (code) => {
      const what = this.#disposed ? "was ended" : `has died (${reason ?? `it ended with code ${code}`})`;
      this.#died = new PhinetsError("threads.model", `a thread that looks at pictures ${what}`);
      for (const { fail } of thread.waiting.splice(0)) fail(this.#died);
    });
    return thread;
  }
}

/**
 * Transfers the picture's pixels to the thread; copies them where they are part of a larger buffer or cannot be
 * transferred.
 */
function send(worker: Worker, picture: Picture): void {
  const { width, height, channels, data } = picture;
  const plain = { width, height, channels, data };
  const { buffer } = data;
  if (buffer instanceof SharedArrayBuffer || data.byteLength < buffer.byteLength) {
    worker.postMessage({ ...plain, data: data.slice() });
    return;
  }
  try {
    worker.postMessage(plain, [buffer]);
  } catch (error) {
    if ((error as Error).name !== "DataCloneError") throw error;
    worker.postMessage(plain);
  }
}
