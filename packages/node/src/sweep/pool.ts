/** Works side by side. */

export interface PoolOptions<T> {
  /** How many at a time; asked before each. */
  readonly slots: () => number;
  /** Takes what is to be called when there are more slots. */
  readonly onSlots?: (listener: () => void) => void;
  readonly signal: AbortSignal;
  /** Aborted, what is in work is given up, and has not failed. */
  readonly enough?: AbortSignal;
  /** The next piece of work; undefined where there is none until another is done. */
  readonly next: () => T | undefined;
  /** @param slot from 0 on, no other's meanwhile; @param signal aborted where another one fails, too */
  readonly act: (work: T, how: { readonly slot: number; readonly signal: AbortSignal }) => Promise<void>;
}

/** Does what `next` gives. The first that fails ends the others, and is thrown when they have ended. */
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
