/** Runs pieces of work concurrently. */

export interface PoolOptions<T> {
  /** Number of pieces at a time; read before each one starts. */
  readonly slots: () => number;
  /** Registers a listener to call when there are more slots. */
  readonly onSlots?: (listener: () => void) => void;
  readonly signal: AbortSignal;
  /** When aborted, running work is abandoned; that is not a failure. */
  readonly enough?: AbortSignal;
  /** The next piece of work; undefined where there is none until another piece is done. */
  readonly next: () => T | undefined;
  /** @param slot number from 0, unique among running pieces; @param signal aborted when another piece fails */
  readonly act: (work: T, how: { readonly slot: number; readonly signal: AbortSignal }) => Promise<void>;
}

/** Runs all work that `next` returns. The first failure aborts the rest and is thrown once they have ended. */
export async function pool<T>({ slots, onSlots, signal, enough, next, act }: PoolOptions<T>): Promise<void> {
  const failed = new AbortController();
  const any = AbortSignal.any([signal, failed.signal, ...(enough === undefined ? [] : [enough])]);
  const free: number[] = [];
  let used = 0;
  let working = 0;
  let first: { readonly error: unknown } | undefined;
  let wake = (): void => {};
  onSlots?.(() => wake());
  const begin = async (work: T): Promise<void> => {
    const slot = free.pop() ?? used++;
    working++;
    try {
      await act(work, { slot, signal: any });
    } catch (error) {
      if (enough?.aborted !== true) {
        first ??= { error };
        failed.abort();
      }
    }
    free.push(slot);
    working--;
    wake();
  };
  for (;;) {
    while (working < slots() && !any.aborted) {
      const work = next();
      if (work === undefined) break;
      void begin(work);
    }
    if (working === 0) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  signal.throwIfAborted();
  if (first !== undefined) throw first.error;
}
