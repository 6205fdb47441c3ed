/** Questions to a worker that are all answered, in order; `Latest` is for questions of which only the newest counts. */
import { UserError } from "./api.js";
import type { WorkerAnswer } from "./latest.js";

interface Waiting<A> {
  readonly resolve: (answer: A) => void;
  readonly reject: (error: Error) => void;
}

export class Caller<Q, A> {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting<A>>();
  #calls = 0;

  /** @param worker one that calls `answerEach` */
  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<WorkerAnswer<A> & { readonly call: number }>) => {
      const { call, answer, error } = data;
      const waiting = this.#waiting.get(call);
      this.#waiting.delete(call);
      if (error === undefined) waiting?.resolve(answer as A);
      else waiting?.reject(new UserError(error.code, error.message, error.path));
    };
    worker.onerror = ({ message }) => {
      for (const { reject } of this.#waiting.values())
        reject(new UserError("studio.worker", `a worker failed: ${message}`));
      this.#waiting.clear();
    };
  }

  ask(question: Q, transfer: Transferable[] = []): Promise<A> {
    const call = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      this.#worker.postMessage({ call, question }, transfer);
    });
  }

  /** Ends the worker at once; pending questions are not answered. */
  end(): void {
    this.#worker.terminate();
  }
}
