/** Work on several items of a sequence at a time, with the results in the sequence's order. */

export interface InOrderOptions<T> {
  /** Most items that are begun and not yet left behind by the reader, at least 1. */
  readonly most: number;
  /** Bytes that an item holds. Default: none. */
  readonly bytesOf?: (item: T) => number;
  /** Items are read ahead while those that are begun hold less than this. Default: no bound. */
  readonly mostBytes?: number;
  /** Ends `items`, which may be waiting for one that never comes, when the reader leaves early. */
  readonly stop?: () => void;
}

/**
 * The results of `work` on each item, in the items' order. Items are read and begun ahead, also while the reader is busy
 * with a result. An error of `items` or of `work` is thrown when its turn comes: after the results before it.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  { most, bytesOf = () => 0, mostBytes = Number.POSITIVE_INFINITY, stop = () => {} }: InOrderOptions<T>,
): AsyncGenerator<R, void, undefined> {
  const begun: { readonly result: Promise<R>; readonly bytes: number }[] = [];
  let held = 0;
  let ended = false;
  let left = false;
  let failure: { readonly error: unknown } | undefined;
  // One waits at most: the pump where there is no room, the reader where there is nothing.
  let wake = () => {};
  const news = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const pump = (async () => {
    try {
      for await (const item of items) {
        if (left) break;
        const bytes = bytesOf(item);
        const result = work(item);
        result.catch(() => {}); // told when its turn comes
        begun.push({ result, bytes });
        held += bytes;
        wake();
        while (!left && (begun.length >= most || held >= mostBytes)) await news();
      }
    } catch (error) {
      failure = { error };
    }
    ended = true;
    wake();
  })();
  try {
    for (;;) {
      if (begun.length > 0) {
        yield await begun[0].result;
        held -= begun.shift()!.bytes;
        wake();
      } else if (ended) break;
      else await news();
    }
    if (failure) throw (failure as { error: unknown }).error;
  } finally {
    left = true;
    if (!ended) stop();
    wake();
    await pump;
    await Promise.allSettled(begun.map(({ result }) => result));
  }
}
