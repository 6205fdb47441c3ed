/** Default number of threads. */
import { availableParallelism } from "node:os";

/**
 * By default one thread per core, but at most this many: beyond it the thread that distributes work is the bottleneck.
 */
export const mostThreads = 8;
export const defaultThreads = (): number => Math.min(mostThreads, availableParallelism());
