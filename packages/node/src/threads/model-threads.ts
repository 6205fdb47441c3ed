/** A model that looks at several pictures at once: copies of it, each in a thread of its own. */
import { Worker } from "node:worker_threads";
import type { Picture } from "@phinets/core/data";
import type { Model, Prediction } from "@phinets/core/model";
import { PhinetsError } from "@phinets/core/tensor";
import { defaultThreads } from "../host/cores.js";
import type { Frame, FrameSource } from "../video/frames.js";
import { inOrder } from "./in-order.js";

/** A picture and what the model sees in it. */
export interface Seen {
  readonly picture: Picture;
  readonly prediction: Prediction;
}

/** Where there are no more pictures, no thread is started: that would take longer. */
const fewPictures = 3;
/** Bytes of pixels that are read ahead; very large pictures come one by one. */
const mostBytes = 256 * 2 ** 20;

/** The first message, "ready", says that there is a model. */
type Answer = { readonly picture: Picture } & (
  | { readonly prediction: Prediction }
  | { readonly error: Error | { readonly code: string; readonly message: string; readonly path?: string } }
);

interface Thread {
  readonly worker: Worker;
  ready: boolean;
  /** What waits for its answers, which come in order. */
  readonly waiting: { take(answer: Answer): void; fail(error: Error): void }[];
}

/** Call `dispose` in every case. */
export class ModelThreads {
  readonly model: Model;
  readonly count: number;
  readonly #threads: Thread[] = [];
  #begun = 0;
  #died: PhinetsError | undefined;
  #disposed = false;

  /** @param count threads; with 1 the caller's own looks at all pictures. Default: one a core, at most 8 */
  constructor(model: Model, count: number = defaultThreads()) {
    this.model = model;
    this.count = count;
  }

  /**
   * As the model's `predict`, bit for bit. The picture's pixels are the thread's until the answer comes: they are moved
   * there and back, so go on with the picture of the answer. Until a thread is ready the caller's own looks. Throws what
   * `predict` throws.
   */
  async predict(picture: Picture): Promise<Seen> {
    if (this.#died) throw this.#died;
    if (this.count > 1 && this.#begun++ === fewPictures)
      for (let n = 0; n < this.count; n++) this.#threads.push(this.#start());
    const ready = this.#threads.filter((thread) => thread.ready);
    if (ready.length === 0) {
      await new Promise((resolve) => setImmediate(resolve)); // lets Ctrl-C in, and news of the threads
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
   * What the model sees in each frame, in order, reading and looking ahead of the caller by a few frames; of a live
   * source none waits for a thread, so the newest are seen. A frame's pixels are the caller's until it asks for the next.
   */
  async *frames(source: FrameSource): AsyncGenerator<Frame & Seen, void, undefined> {
    const look = async (frame: Frame) => ({ ...frame, ...(await this.predict(frame.picture)) });
    const { live, stop } = source;
    for await (const seen of this.inOrder(source.frames, look, { live, stop })) {
      yield seen;
      source.reuse(seen.picture);
    }
  }

  /** The results of `work`, which looks at one picture of `items`, in order, several at a time as threads allow. */
  inOrder<T extends { readonly picture?: Picture }, R>(
    items: AsyncIterable<T>,
    work: (item: T) => Promise<R>,
    { live = false, stop }: { readonly live?: boolean; readonly stop?: () => void } = {},
  ): AsyncGenerator<R, void, undefined> {
    // More than there are threads, or one would idle while its next picture is fetched.
    const most = live ? this.count : this.count + (this.count === 1 ? 1 : 2);
    return inOrder(items, work, { most, mostBytes, bytesOf: ({ picture }) => picture?.data.length ?? 0, stop });
  }

  /** Threads that have started. */
  get ready(): number {
    return this.#threads.filter(({ ready }) => ready).length;
  }

  /** Ends the threads. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }

  #start(): Thread {
    // Without the caller's conditions, which may choose sources that plain Node does not read.
    const worker = new Worker(new URL("./model-worker.js", import.meta.url), {
      execArgv: [],
      workerData: this.model.recipe,
    });
    const thread: Thread = { worker, ready: false, waiting: [] };
    let reason: string | undefined;
    worker.on("message", (message: Answer | "ready") => {
      if (message === "ready") thread.ready = true;
      // An answer that comes while the thread is being ended is nobody's: all who wait are told the same.
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

/** Moves the picture's pixels to the thread; copies them where they are a part of a buffer, or cannot be moved. */
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
