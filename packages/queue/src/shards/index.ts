/** Entry point of the process that does shards. */
export { serveShards } from "./serve.js";
