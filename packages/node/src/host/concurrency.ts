/**
 * Runs `work` for 0..count-1, at most `concurrency` at a time. After an error no further work starts; it is thrown once
 * running work has ended.
 */
export async function forEachConcurrently(
  count: number,
  concurrency: number,
  work: (n: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  let next = 0;
  let failed = false;
  const runner = async () => {
    while (next < count && !failed) {
      signal?.throwIfAborted();
      try {
        await work(next++);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(concurrency, count) }, runner));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
