/** How many threads a machine is given. */
import { availableParallelism } from "node:os";

/** Threads where nobody says how many: one a core, at most so many, as the thread that hands out work is the slowest then. */
export const mostThreads = 8;
export const defaultThreads = (): number => Math.min(mostThreads, availableParallelism());
