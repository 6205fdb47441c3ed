/** The worker's side of `Latest` and `Caller`: answers questions, with user errors as data. */
import { PhinetsError } from "@phinets/core/tensor";
import type { WorkerAnswer } from "./latest.js";

interface Scope<Q> {
  onmessage: (event: MessageEvent<Q>) => void;
  postMessage(answer: unknown, transfer?: Transferable[]): void;
}

/** Answers a `Latest`. */
export function answerWith<Q, A>(work: (question: Q) => A): void {
  const scope = self as unknown as Scope<Q>;
  scope.onmessage = ({ data }) => {
    try {
      scope.postMessage({ answer: work(data) } satisfies WorkerAnswer<A>);
    } catch (error) {
      scope.postMessage({ error: describe(error) } satisfies WorkerAnswer<A>);
    }
  };
}

/** Answers the questions of a `Caller`, one after another, each exactly once. */
export function answerEach<Q, A>(
  work: (question: Q) => Promise<readonly [answer: A, transfer?: Transferable[]]>,
): void {
  const scope = self as unknown as Scope<{ readonly call: number; readonly question: Q }>;
  let last: Promise<void> = Promise.resolve();
  scope.onmessage = ({ data: { call, question } }) => {
    last = last.then(async () => {
      try {
        const [answer, transfer = []] = await work(question);
        scope.postMessage({ call, answer }, transfer);
      } catch (error) {
        scope.postMessage({ call, error: describe(error) });
      }
    });
  };
}

function describe(error: unknown): NonNullable<WorkerAnswer<never>["error"]> {
  const { message } = error as Error;
  const { code, path } = error instanceof PhinetsError ? error : { code: "studio.bug", path: undefined };
  return { code, message, path };
}
