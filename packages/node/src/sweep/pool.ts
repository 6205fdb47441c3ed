/** Works side by side. */

export interface PoolOptions<T> {
  /** How many at a time. */
  readonly slots: number;
  readonly signal: AbortSignal;
  /** The next piece of work; undefined where there is none until another is done. */
  readonly next: () => T | undefined;
  /** @param slot 0 to below `slots`, no other's meanwhile; @param signal aborted where another one fails, too */
  readonly act: (work: T, how: { readonly slot: number; readonly signal: AbortSignal }) => Promise<void>;
}

/** Does what `next` gives. The first that fails ends the others, and is thrown when they have ended. */
export async function pool<T>({ slots, signal, next, act }: PoolOptions<T>): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  let first: { readonly error: unknown } | undefined;
  let wake = (): void => {};
  const begin = async (work: T, slot: number): Promise<void> => {
    try {
      await act(work, { slot, signal: either });
    } catch (error) {
      first ??= { error };
      failed.abort();
    }
    free.push(slot);
    wake();
  };
  for (;;) {
    while (free.length > 0 && !either.aborted) {
      const work = next();
      if (work === undefined) break;
      void begin(work, free.pop()!);
    }
    if (free.length === slots) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  signal.throwIfAborted();
  if (first !== undefined) throw first.error;
}
