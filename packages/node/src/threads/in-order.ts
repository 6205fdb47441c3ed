/** Processes several items of a sequence concurrently and yields the results in the sequence's order. */

export interface InOrderOptions<T> {
  /** Most items in work or waiting to be read, at least 1. */
  readonly most: number;
  /** Bytes that an item holds. Default: 0. */
  readonly bytesOf?: (item: T) => number;
  /** Items are read ahead while those in work hold less than this. Default: no limit. */
  readonly mostBytes?: number;
  /** Ends `items`, which may wait forever for its next item, when the reader leaves early. */
  readonly stop?: () => void;
}

/**
 * Yields the results of `work` on each item, in the items' order. Items are read and started ahead, also while the
 * reader handles a result. An error of `items` or `work` is thrown in order, after the results before it.
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
  // At most one side waits: the pump where there is no room, the reader where there is no result.
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
        result.catch(() => {}); // thrown when the reader reaches it
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
