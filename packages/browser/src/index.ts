/** The library for pages: core, with threads on Web Workers. */

export { browserThreads } from "./threads.js";
