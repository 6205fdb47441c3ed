/** For the program of a process that looks at shards. */
export { serveShards } from "./serve.js";
