/** Waits for resources that are temporarily unavailable: a store's process that restarts, a network that comes back. */
import { setTimeout } from "node:timers/promises";

export interface RetryOptions {
  readonly signal?: AbortSignal;
  /** Called with the reason when waiting begins; `onBack` is called when it is over. */
  readonly onAway?: (why: string) => void;
  readonly onBack?: () => void;
}

/** A temporary error: a retry may succeed. */
export class Away extends Error {
  override readonly name = "Away";
}

const [firstMs, mostMs] = [200, 5000];

/** Repeats `work` while it throws `Away`. */
export async function untilBack<T>(work: () => Promise<T>, { signal, onAway, onBack }: RetryOptions): Promise<T> {
  for (let tries = 0; ; tries++) {
    signal?.throwIfAborted();
    try {
      const result = await work();
      if (tries > 0) onBack?.();
      return result;
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      if (tries === 0) onAway?.(error.message);
      await setTimeout(Math.min(mostMs, firstMs * 2 ** tries), undefined, { signal });
    }
  }
}

/** Handlers that report with `note` that a store is away, and that it is back. */
export const tellingAway = (note: (line: string) => void): Required<Pick<RetryOptions, "onAway" | "onBack">> => ({
  onAway: (why) => note(`the store cannot be reached: ${why}; waiting for it`),
  onBack: () => note("the store can be reached again"),
});
