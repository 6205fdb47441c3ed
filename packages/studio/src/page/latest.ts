/**
 * Questions to a worker of which only the newest counts: while one is being answered, the next one waits, and a newer
 * one replaces it. A slider can thus ask as often as it moves without blocking the page. The worker is started with the
 * first question.
 */
import { UserError } from "./api.js";

export interface WorkerAnswer<A> {
  readonly answer?: A;
  readonly error?: { readonly code: string; readonly message: string; readonly path?: string };
}

export class Latest<Q, A> {
  #worker: Worker | undefined;
  #busy = false;
  #waiting: Q | undefined;

  constructor(
    readonly begin: () => Worker,
    /** Called with every answer or error. */
    readonly on: (answer: A | undefined, error: UserError | undefined) => void,
  ) {}

  #start(): Worker {
    const worker = this.begin();
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer<A>>) => {
      this.#busy = false;
      const next = this.#waiting;
      this.#waiting = undefined;
      if (next !== undefined) this.ask(next);
      const { answer, error } = data;
      this.on(answer, error && new UserError(error.code, error.message, error.path));
    };
    worker.onerror = ({ message }) => this.on(undefined, new UserError("studio.worker", `a worker failed: ${message}`));
    return worker;
  }

  /** Whether a newer question than the one that was answered last is on its way. */
  get busy(): boolean {
    return this.#busy;
  }

  ask(question: Q): void {
    if (this.#busy) {
      this.#waiting = question;
      return;
    }
    this.#busy = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage(question);
  }
}
