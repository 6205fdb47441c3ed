/** The worker's side of `Latest`: answers every question, user errors as data. */
import { PhinetsError } from "@phinets/core/tensor";
import type { WorkerAnswer } from "./latest.js";

export function answerWith<Q, A>(work: (question: Q) => A): void {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent<Q>) => void;
    postMessage(answer: WorkerAnswer<A>): void;
  };
  scope.onmessage = ({ data }) => {
    try {
      scope.postMessage({ answer: work(data) });
    } catch (error) {
      const { message } = error as Error;
      const { code, path } = error instanceof PhinetsError ? error : { code: "studio.bug", path: undefined };
      scope.postMessage({ error: { code, message, path } });
    }
  };
}
